#include "core/io/checkpoint.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <string_view>

#include "core/autograd/grad_mode.h"
#include "core/factory.h"
#include "core/io/bytes.h"

namespace heed::io {
namespace {

constexpr const char *kFormatKey = "format", *kFormat = "heed.checkpoint.1";
constexpr const char *kGenerator = "generator", *kStep = "step";

struct Part {
  std::string_view prefix;
  StateDict Checkpoint::*states;
};
constexpr Part kParts[] = {{"model.", &Checkpoint::model},
                           {"optimizer.", &Checkpoint::optimizer},
                           {"scheduler.", &Checkpoint::scheduler},
                           {"extra.", &Checkpoint::extra}};

}  // namespace

void save_checkpoint(const std::string& path, const Checkpoint& checkpoint) {
  StateDict all;
  for (const Part& part : kParts) all.add_all(checkpoint.*part.states, part.prefix);
  if (!checkpoint.generator.empty()) {
    // The words' 64 bits, as a tensor has no unsigned type.
    all.add(kGenerator, tensor_from(checkpoint.generator.data(), DType::Int64,
                                    {static_cast<std::int64_t>(checkpoint.generator.size())}));
  }
  all.add(kStep, tensor_from(&checkpoint.step, DType::Int64, {}));
  Metadata metadata{{kFormatKey, kFormat}};
  metadata.insert(metadata.end(), checkpoint.metadata.begin(), checkpoint.metadata.end());
  save_safetensors(path, all, metadata);
}

Checkpoint load_checkpoint(const std::string& path, const LoadOptions& options) {
  Safetensors file = read_safetensors(path, options);
  const auto format = std::find(file.metadata.begin(), file.metadata.end(),
                                std::pair<std::string, std::string>(kFormatKey, kFormat));
  if (format == file.metadata.end()) {
    fail_in(path, "is no checkpoint: its metadata lack \"", kFormatKey, "\": \"", kFormat, "\"");
  }
  file.metadata.erase(format);
  Checkpoint checkpoint;
  checkpoint.metadata = std::move(file.metadata);
  bool has_step = false;
  for (const auto& [name, tensor] : file.tensors) {
    const auto part = std::find_if(
        std::begin(kParts), std::end(kParts),
        [&key = name](const Part& p) { return std::string_view(key).starts_with(p.prefix); });
    if (part != std::end(kParts)) {
      (checkpoint.*part->states).add(name.substr(part->prefix.size()), tensor);
    } else if (name == kGenerator && tensor.dtype() == DType::Int64 && tensor.dim() == 1) {
      checkpoint.generator.resize(static_cast<std::size_t>(tensor.numel()));
      std::memcpy(checkpoint.generator.data(), tensor.data<std::int64_t>(),
                  checkpoint.generator.size() * sizeof(std::uint64_t));
    } else if (name == kStep && tensor.dtype() == DType::Int64 && tensor.numel() == 1) {
      checkpoint.step = tensor.item<std::int64_t>();
      has_step = true;
    } else {
      fail_in(path, "tensor ", quote(name), " is not part of a checkpoint");
    }
  }
  if (!has_step) fail_in(path, "is no whole checkpoint: it lacks \"", kStep, "\"");
  return checkpoint;
}

namespace {

StateDict copy_of(const StateDict& state) {
  NoGradGuard no_grad;
  StateDict copy;
  for (const auto& [name, tensor] : state) copy.add(name, tensor.clone());
  return copy;
}

}  // namespace

// Each target is copied before it is loaded, to be set back should a later one refuse. The model
// comes last: it refuses before it changes anything, and needs no copy.
Checkpoint restore_checkpoint(const std::string& path, const CheckpointTargets& targets,
                              const LoadOptions& options) {
  Checkpoint saved = load_checkpoint(path, options);
  std::vector<std::function<void()>> undo;
  const auto restore = [&](const char* name, const auto& load) {
    try {
      load();
    } catch (const Error& error) {
      fail_in(path, name, ": ", error.what());
    }
  };
  const auto restore_part = [&](const char* name, const Stateful& target, const StateDict& state) {
    if (!target.load) return;
    undo.push_back([&target, before = copy_of(target.save())] { target.load(before); });
    restore(name, [&] { target.load(state); });
  };
  try {
    if (Generator* generator = targets.generator) {
      undo.push_back([generator, before = generator->state()] { generator->set_state(before); });
      restore(kGenerator, [&] { generator->set_state(saved.generator); });
    }
    restore_part("scheduler", targets.scheduler, saved.scheduler);
    restore_part("optimizer", targets.optimizer, saved.optimizer);
    restore_part("extra", targets.extra, saved.extra);
    if (targets.model.load) restore("model", [&] { targets.model.load(saved.model); });
  } catch (...) {
    for (auto step = undo.rbegin(); step != undo.rend(); ++step) (*step)();
    throw;
  }
  return saved;
}

}  // namespace heed::io
