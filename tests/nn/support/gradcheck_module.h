// gradcheck through a whole module: its inputs and every one of its parameters.
#pragma once

#include <unordered_map>
#include <vector>

#include "core/autograd/gradcheck.h"
#include "nn/module.h"

namespace heed::testing {

/// A copy of the module with the given tensors in place of its parameters, in order. Tied
/// parameters get the same one.
template <class M>
M with_parameters(const M& module, const Tensor* replacement) {
  M copy(module);
  std::unordered_map<const TensorImpl*, Tensor> replaced;
  for (const auto& [name, parameter] : module.named_parameters()) {
    replaced.emplace(parameter.impl(), *replacement++);
  }
  copy.apply([&](nn::Module& part) {
    nn::Visitor parts;
    part.visit(parts);
    for (const auto& each : parts.tensors()) {
      if (each.is_parameter) {
        if (const auto found = replaced.find(each.tensor->impl()); found != replaced.end()) {
          *each.tensor = found->second;
        }
      }
    }
  });
  return copy;
}

/// Compares all derivatives of call(module, inputs) with finite differences. The module must be
/// float64, and without dropout.
template <class M, class Call>
autograd::GradcheckResult gradcheck_module(const M& module, const std::vector<Tensor>& inputs,
                                           const Call& call) {
  std::vector<Tensor> all = inputs;
  for (const Tensor& parameter : module.parameters()) all.push_back(parameter);
  return autograd::gradcheck(
      [&](const std::vector<Tensor>& given) {
        return call(with_parameters(module, given.data() + inputs.size()), given);
      },
      all);
}
template <class M>
autograd::GradcheckResult gradcheck_module(const M& module, const std::vector<Tensor>& inputs) {
  return gradcheck_module(module, inputs, [](const M& copy, const std::vector<Tensor>& given) {
    return copy(given[0]);
  });
}

}  // namespace heed::testing
