// Differentiable functions of your own: forward and backward in one struct.
//
//   struct Cube {
//     static Tensor forward(autograd::Context& ctx, const Tensor& x) {
//       ctx.save_for_backward({x});
//       return x * x * x;
//     }
//     static autograd::Grads backward(autograd::Context& ctx, const Tensor& dy) {
//       return dy * 3 * square(ctx.saved(0));
//     }
//   };
//   Tensor y = autograd::apply<Cube>(x);
//
// forward runs without recording and returns one tensor. backward returns one gradient for each
// tensor among forward's arguments, in their order (undefined: none), and is recorded under
// create_graph, so that a backward written in heed's operations, reading only inputs and the output
// from the context, can itself be differentiated.
#pragma once

#include <any>
#include <map>
#include <memory>
#include <string>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

#include "core/autograd/node.h"

namespace heed::autograd {

/// What forward leaves for backward.
class Context {
 public:
  /// Keeps tensors for backward: inputs, the output, or others. They are freed after backward
  /// unless the graph is retained, and reading one that was overwritten in between is an error.
  void save_for_backward(std::vector<Tensor> tensors) { to_save_ = std::move(tensors); }
  /// The i-th of them, in backward. Errors: out of range; freed; overwritten.
  Tensor saved(std::size_t i) const;
  std::size_t num_saved() const { return saved_.size(); }
  /// Whether the i-th tensor argument wants a gradient. In forward and in backward.
  bool needs_input_grad(std::size_t i) const { return i < needs_.size() && needs_[i]; }
  /// Anything else backward should know: ctx.attributes["alpha"] = 0.5, then
  /// ctx.attribute<double>("alpha").
  std::map<std::string, std::any> attributes;
  template <class T>
  const T& attribute(const std::string& key) const {
    const auto at = attributes.find(key);
    HEED_CHECK(at != attributes.end(), "the context has no attribute '", key, "'");
    const T* value = std::any_cast<T>(&at->second);
    HEED_CHECK(value, "the attribute '", key, "' of the context has another type than asked for");
    return *value;
  }

 private:
  template <class Function>
  friend struct FunctionNode;
  template <class Function, class... Args>
  friend Tensor apply(const Args&... args);

  void seal(Node* owner, const Tensor& output);

  std::vector<Tensor> to_save_;
  std::vector<std::unique_ptr<SavedTensor>> saved_;
  std::vector<bool> needs_;
};

namespace detail {
// "CubeBackward" for struct Cube, wherever it is declared.
std::string backward_name(const std::type_info& type);

inline void collect_tensors(std::vector<Tensor>& list, const Tensor& x) { list.push_back(x); }
inline void collect_tensors(std::vector<Tensor>& list, const std::vector<Tensor>& xs) {
  list.insert(list.end(), xs.begin(), xs.end());
}
template <class Other>
void collect_tensors(std::vector<Tensor>&, const Other&) {}

// Refuses what forward must not do to its inputs, and separates an output that is an input.
class ForwardCheck {
 public:
  explicit ForwardCheck(const std::vector<Tensor>& inputs);
  Tensor finish(Tensor output, const std::string& name) const;

 private:
  const std::vector<Tensor>& inputs_;
  std::vector<std::uint32_t> versions_;
};
}  // namespace detail

template <class Function>
struct FunctionNode final : Node {
  explicit FunctionNode(Context context_) : context(std::move(context_)) {}
  static const std::string& full_name() {
    static const std::string text = detail::backward_name(typeid(Function));
    return text;
  }
  const char* name() const override { return full_name().c_str(); }
  Grads backward(const Tensor& dy) override {
    for (std::size_t i = 0; i < context.needs_.size(); ++i) {
      context.needs_[i] = needs(static_cast<int>(i));
    }
    return Grads(Function::backward(context, dy));
  }
  Context context;
};

/// Function::forward(context, args…), recorded as one node. Tensors, vectors of tensors and
/// anything else may be arguments. Errors: forward wrote into an input; backward returned another
/// number of gradients than there are tensor arguments.
template <class Function, class... Args>
Tensor apply(const Args&... args) {
  std::vector<Tensor> inputs;
  (detail::collect_tensors(inputs, args), ...);
  Context context;
  bool recorded = false;
  for (const Tensor& x : inputs) {
    context.needs_.push_back(grad_enabled() && x.defined() && x.requires_grad());
    recorded = recorded || context.needs_.back();
  }
  const detail::ForwardCheck check(inputs);
  Tensor y;
  {
    const NoGradGuard guard;
    y = Function::forward(context, args...);
  }
  if (!recorded) return y;
  y = check.finish(std::move(y), FunctionNode<Function>::full_name());
  auto* node = new FunctionNode<Function>(std::move(context));
  const NodeRef owner = NodeRef::adopt(node);
  node->context.seal(node, y);
  std::vector<const Tensor*> list;
  for (const Tensor& x : inputs) list.push_back(&x);
  detail::attach(y, owner, list.data(), static_cast<int>(list.size()));
  return y;
}

}  // namespace heed::autograd
