#include "nn/summary.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <unordered_set>

namespace heed::nn::detail {
namespace {

std::string with_commas(std::int64_t number) {
  std::string text = std::to_string(number);
  for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3) {
    text.insert(static_cast<std::size_t>(at), ",");
  }
  return text;
}

std::string as_memory(std::int64_t bytes) {
  constexpr std::array<const char*, 4> units{"B", "KiB", "MiB", "GiB"};
  auto amount = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; amount >= 1024 && unit + 1 < units.size(); ++unit) amount /= 1024;
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", amount, units[unit]);
  return text;
}

std::int64_t bytes_of(const Tensor& tensor) {
  return tensor.numel() * static_cast<std::int64_t>(element_size(tensor.dtype()));
}

using Row = std::array<std::string, 4>;  // layer, output shape, parameters, memory

// Columns as wide as their widest cell; numbers to the right.
std::string format(const std::vector<Row>& rows) {
  std::array<std::size_t, 4> widths{};
  for (const Row& row : rows) {
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], row[c].size());
  }
  std::string text;
  for (const Row& row : rows) {
    for (std::size_t c = 0; c < row.size(); ++c) {
      const std::string padding(widths[c] - row[c].size(), ' ');
      text += c < 2 ? row[c] + padding : padding + row[c];
      text += c + 1 < row.size() ? "  " : "\n";
    }
  }
  return text;
}

}  // namespace

void OutputRecorder::called(const Module& module, const Tensor& output) {
  outputs_.push_back({&module, output.sizes(), output.dtype()});
}

std::string summary_table(const Module& module,
                          const std::vector<OutputRecorder::Output>& outputs) {
  std::vector<Row> rows{{"Layer", "Output shape", "Parameters", "Memory"}};
  std::int64_t output_bytes = 0;
  for (const auto& [path, part] : module.named_modules()) {
    Row row;
    const auto depth = path.empty() ? 0 : std::count(path.begin(), path.end(), '.') + 1;
    row[0] = std::string(2 * static_cast<std::size_t>(depth), ' ') + std::string(part->kind());
    if (!path.empty()) row[0] += " (" + path.substr(path.rfind('.') + 1) + ")";
    std::int64_t memory = 0;
    for (const Tensor& parameter : part->parameters()) memory += bytes_of(parameter);
    const auto output =
        std::find_if(outputs.rbegin(), outputs.rend(),
                     [owner = part](const auto& each) { return each.module == owner; });
    row[1] = output == outputs.rend() ? "-" : heed::detail::concat(output->sizes);
    row[2] = with_commas(part->num_parameters());
    if (output != outputs.rend()) {
      std::int64_t count = 1;
      for (const std::int64_t size : output->sizes) count *= size;
      const std::int64_t bytes = count * static_cast<std::int64_t>(element_size(output->dtype));
      memory += bytes;
      if (part->named_children().empty()) output_bytes += bytes;  // a parent's is a child's
    }
    row[3] = as_memory(memory);
    rows.push_back(row);
  }

  std::int64_t trainable = 0, frozen = 0, parameter_bytes = 0;
  for (const Tensor& parameter : module.parameters()) {
    (parameter.requires_grad() ? trainable : frozen) += parameter.numel();
    parameter_bytes += bytes_of(parameter);
  }
  const std::string table = format(rows);
  const std::string rule(table.find('\n'), '-');
  return rule + '\n' + table.substr(0, rule.size() + 1) + rule + '\n' +
         table.substr(rule.size() + 1) + rule + "\nParameters: " + with_commas(trainable + frozen) +
         " (" + with_commas(trainable) + " trained, " + with_commas(frozen) + " frozen), " +
         as_memory(parameter_bytes) + "\nOutputs of layers: " + as_memory(output_bytes) + '\n';
}

}  // namespace heed::nn::detail
