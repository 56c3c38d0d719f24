#include "core/io/safetensors.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <unordered_set>

#include "core/autograd/grad_mode.h"
#include "core/io/atomic_file.h"
#include "core/io/bytes.h"
#include "core/io/safetensors_header.h"

namespace heed::io {
namespace {

Safetensors parse(const Bytes& bytes, const std::string& file) {
  if (bytes.size < 8) {
    fail_in(file, "holds ", bytes.size, " bytes; a safetensors file begins with 8 bytes for the ",
            "length of its header");
  }
  const auto length = bytes.read<std::uint64_t>(0);
  if (length > kLongestHeader) {
    fail_in(file, "offset 0: the header is said to have ", length, " bytes, more than the ",
            kLongestHeader, " that are allowed; is this a safetensors file?");
  }
  if (length > bytes.size - 8) {
    fail_in(file, "offset 0: the header is said to have ", length, " bytes, but only ",
            bytes.size - 8, " follow");
  }
  if (length < 2) fail_in(file, "offset 0: a header of ", length, " bytes holds no JSON object");
  if (bytes.text(8, 1) != "{") fail_in(file, "offset 8: the header does not begin with '{'");

  const std::size_t start = 8 + static_cast<std::size_t>(length);
  SafetensorsHeader header =
      parse_safetensors_header(bytes.text(8, start - 8), bytes.size - start, file);
  Safetensors result;
  result.metadata = std::move(header.metadata);
  for (SafetensorsEntry& entry : header.entries) {
    const Bytes part = bytes.part(start + static_cast<std::size_t>(entry.begin),
                                  static_cast<std::size_t>(entry.end - entry.begin));
    Tensor tensor = decode(part, entry.sizes, entry.encoding, false,
                           heed::detail::concat(file, ": tensor ", quote(entry.name)));
    result.tensors.add(std::move(entry.name), std::move(tensor));
  }
  return result;
}

std::string json_string(const std::string& path, const std::string& text) {
  try {
    return nlohmann::json(text).dump();
  } catch (const nlohmann::json::exception&) {
    fail_in(path, "the name or text ", quote(text), " is not valid UTF-8");
  }
}

// Where each tensor goes: the wider element types first, so that every tensor is aligned to its
// elements and can be used where it lies.
std::vector<std::size_t> file_order(const StateDict& tensors) {
  std::vector<std::size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return element_size(tensors[a].second.dtype()) > element_size(tensors[b].second.dtype());
  });
  return order;
}

std::uint64_t byte_size(const Tensor& x) {
  return static_cast<std::uint64_t>(x.numel()) * element_size(x.dtype());
}

std::string header_text(const std::string& path, const StateDict& tensors,
                        const std::vector<std::size_t>& order, const Metadata& metadata) {
  std::vector<std::uint64_t> begins(tensors.size());
  std::uint64_t offset = 0;
  for (const std::size_t i : order) {
    begins[i] = offset;
    offset += byte_size(tensors[i].second);
  }
  std::string text = "{";
  if (!metadata.empty()) {
    std::unordered_set<std::string> names;
    text += "\"__metadata__\":{";
    for (const auto& [key, value] : metadata) {
      if (!names.insert(key).second) fail_in(path, "the metadata hold ", quote(key), " twice");
      if (names.size() > 1) text += ',';
      text += json_string(path, key) + ':' + json_string(path, value);
    }
    text += '}';
  }
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const auto& [name, x] = tensors[i];
    if (name == "__metadata__") fail_in(path, "a tensor cannot have the name \"__metadata__\"");
    if (text.size() > 1) text += ',';
    text += json_string(path, name) + ":{\"dtype\":\"" + safetensors_dtype(x.dtype()) +
            "\",\"shape\":[";
    for (std::int64_t d = 0; d < x.dim(); ++d) {
      if (d > 0) text += ',';
      text += std::to_string(x.size(d));
    }
    text += "],\"data_offsets\":[" + std::to_string(begins[i]) + ',' +
            std::to_string(begins[i] + byte_size(x)) + "]}";
  }
  text += '}';
  // Spaces, which JSON ignores, bring the data to a multiple of 64 bytes.
  text.append((64 - (8 + text.size()) % 64) % 64, ' ');
  if (text.size() > kLongestHeader) {
    fail_in(path, "the header would have ", text.size(), " bytes, more than the ", kLongestHeader,
            " that the format allows");
  }
  return text;
}

}  // namespace

Safetensors read_safetensors(const std::string& path, const LoadOptions& options) {
  return parse(open_file(path, options.map), path);
}

StateDict load_safetensors(const std::string& path, const LoadOptions& options) {
  return read_safetensors(path, options).tensors;
}

Safetensors parse_safetensors(std::span<const std::byte> bytes, const std::string& name) {
  // Read only: what has no owner is copied before anybody can write to it.
  return parse({const_cast<std::byte*>(bytes.data()), bytes.size(), nullptr}, name);
}

void save_safetensors(const std::string& path, const StateDict& tensors, const Metadata& metadata) {
  const std::vector<std::size_t> order = file_order(tensors);
  const std::string header = header_text(path, tensors, order, metadata);
  AtomicFile file(path);
  const std::uint64_t length = header.size();
  file.write(&length, sizeof length);
  file.write(header);
  NoGradGuard no_grad;
  for (const std::size_t i : order) {
    const Tensor x = tensors[i].second.contiguous();
    file.write(x.impl()->bytes(), static_cast<std::size_t>(byte_size(x)));
  }
  file.commit();
}

}  // namespace heed::io
