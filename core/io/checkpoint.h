// Checkpoints: everything that training needs to go on as if it had never stopped, in one file.
//
//   io::save_checkpoint("run.checkpoint", {.model = net.state_dict(),
//                                          .optimizer = optimizer.state_dict(),
//                                          .scheduler = schedule.state_dict(),
//                                          .generator = default_generator().state(),
//                                          .step = step});
//   …
//   step = io::restore_checkpoint("run.checkpoint", {.model = net,
//                                                    .optimizer = optimizer,
//                                                    .scheduler = schedule,
//                                                    .generator = &default_generator()})
//              .step;
//
// The file is a safetensors file: names begin with "model.", "optimizer.", "scheduler." or
// "extra.", so that any reader of the format finds the weights. It is replaced all at once: a
// process that is killed while saving leaves the old or the new checkpoint, whole.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/io/safetensors.h"
#include "core/random.h"
#include "core/state_dict.h"

namespace heed::io {

struct Checkpoint {
  StateDict model = {};
  StateDict optimizer = {};
  StateDict scheduler = {};
  std::vector<std::uint64_t> generator = {};  ///< Generator::state(), or empty
  std::int64_t step = 0;
  StateDict extra = {};    ///< whatever else is to be kept: an average of weights, a best loss
  Metadata metadata = {};  ///< texts: a configuration, a date
};

/// Errors: as of save_safetensors.
void save_checkpoint(const std::string& path, const Checkpoint& checkpoint);
/// Errors: as of read_safetensors; a file that is no checkpoint. The tensors are the mapped file;
/// load_state_dict() copies them.
Checkpoint load_checkpoint(const std::string& path, const LoadOptions& options = {});

/// Anything that has a state and takes one back all or nothing: a module, an optimizer, a schedule,
/// an average of weights. Refers to it.
class Stateful {
 public:
  Stateful() = default;
  template <class T>
  requires(!std::derived_from<T, Stateful> &&
           requires(T & object, const StateDict& state) {
             { object.state_dict() } -> std::convertible_to<StateDict>;
             object.load_state_dict(state);
           }) Stateful(T& object)  // NOLINT: a reference in another form
      : save([&object] { return object.state_dict(); }),
        load([&object](const StateDict& state) { object.load_state_dict(state); }) {}

  std::function<StateDict()> save = {};
  std::function<void(const StateDict&)> load = {};
};

/// What a checkpoint is put back into. What is not named stays as it is.
struct CheckpointTargets {
  Stateful model = {};
  Stateful optimizer = {};
  Stateful scheduler = {};
  Generator* generator = nullptr;
  Stateful extra = {};
};

/// Loads a checkpoint into all targets or, when one of them refuses its part, into none. Returns
/// the checkpoint. Errors: as of load_checkpoint; the refusal, with the file and the part before
/// it; a generator is given and the file holds none.
Checkpoint restore_checkpoint(const std::string& path, const CheckpointTargets& targets,
                              const LoadOptions& options = {});

}  // namespace heed::io
