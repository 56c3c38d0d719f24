// The recorded graph as a picture, in Graphviz's DOT language.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/tensor.h"

namespace heed::autograd {

/// Names for tensors in a drawing, such as a module's named_parameters().
using TensorNames = std::vector<std::pair<std::string, Tensor>>;

/// The graph behind `root` as DOT text: save it and run `dot -Tsvg graph.dot > graph.svg`.
///
/// Data flows downwards. A box with round corners is an operation: its name, what it has to add
/// ("dim=1") and the shape of its result. A plain box is a leaf: its name and shape. A tensor given
/// in `names` that needs no gradient appears where an operation has saved it, with dashed edges. A
/// leaf (or a tensor that retains its gradient) that has a .grad shows its norm, so that after
/// backward() one sees where gradients vanish or explode.
std::string to_dot(const Tensor& root, const TensorNames& names = {});

}  // namespace heed::autograd
