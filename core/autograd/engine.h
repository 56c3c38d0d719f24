// backward() and grad(): the chain rule over a recorded graph.
#pragma once

#include <concepts>
#include <optional>
#include <vector>

#include "core/tensor.h"

namespace heed::autograd {

/// Adds to .grad of every leaf the derivative of `root` with respect to it, weighted by gradient.
/// gradient: of root's shape; may be left out (1) when root has one element.
/// retain_graph: keep the saved tensors for another backward (default: as create_graph).
/// create_graph: record the backward itself, so that gradients can be differentiated. A leaf whose
/// .grad then holds a graph that leads back to the leaf is a cycle that is freed only when the
/// .grad is reset: prefer grad(). Errors: grad can be implicitly created only for scalar outputs;
/// element 0 of tensors does not require grad and does not have a grad_fn; a graph already freed; a
/// saved tensor overwritten.
void backward(const Tensor& root, const Tensor& gradient = {},
              std::optional<bool> retain_graph = {}, bool create_graph = false);
void backward(const std::vector<Tensor>& roots, const std::vector<Tensor>& gradients = {},
              std::optional<bool> retain_graph = {}, bool create_graph = false);

struct GradOptions {
  std::vector<Tensor> grad_outputs = {};
  std::optional<bool> retain_graph = {};
  bool create_graph = false;
  bool allow_unused = false;  ///< an input that the outputs do not depend on gives an undefined one
  /// Partial derivatives: an input counts as a constant to the inputs it was computed from.
  bool stop_at_inputs = false;
};

/// The derivatives of the sum of `outputs` (weighted by grad_outputs) with respect to `inputs`,
/// returned instead of accumulated.
std::vector<Tensor> grad(const std::vector<Tensor>& outputs, const std::vector<Tensor>& inputs,
                         const GradOptions& options = {});
/// The same of one tensor to one. A template, so that grad({y}, {x}) is the one of lists.
template <std::same_as<Tensor> Output>
Tensor grad(const Output& output, const Tensor& input, const GradOptions& options = {}) {
  return grad(std::vector<Tensor>{output}, std::vector<Tensor>{input}, options).front();
}

}  // namespace heed::autograd
