// Modules of modules.json, made by their PyTorch names and options.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "nn/nn.h"
#include "tests/parity/support/fixture.h"

namespace heed::parity {

/// A module and how a case calls it: positional tensors, and the keyword arguments of forward.
struct AnyModule {
  std::shared_ptr<nn::Module> module;
  std::function<Results(const std::vector<Tensor>& in, const Args& call)> forward;
};

/// Tensors among keyword arguments are built in this type.
AnyModule make_module(const std::string& name, const Args& options, DType floating);

}  // namespace heed::parity
