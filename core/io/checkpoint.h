// Checkpoints: everything that training needs to go on as if it had never stopped, in one file.
//
//   io::save_checkpoint("run.checkpoint", {.model = net.state_dict(),
//                                          .optimizer = optimizer.state_dict(),
//                                          .scheduler = schedule.state_dict(),
//                                          .generator = default_generator().state(),
//                                          .step = step});
//   …
//   const io::Checkpoint saved = io::load_checkpoint("run.checkpoint");
//   net.load_state_dict(saved.model);
//   optimizer.load_state_dict(saved.optimizer);
//   schedule.load_state_dict(saved.scheduler);
//   default_generator().set_state(saved.generator);
//
// The file is a safetensors file: names begin with "model.", "optimizer.", "scheduler." or
// "extra.", so that any reader of the format finds the weights. It is replaced all at once: a
// process that is killed while saving leaves the old or the new checkpoint, whole.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/io/safetensors.h"
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

}  // namespace heed::io
