// The graph that backward walks: nodes, edges, saved tensors.
//
// A Node is the memory of one operation: which inputs its gradient flows to (edges) and what it
// needs to compute it (saved tensors). A node is numbered when it is made, from one counter of the
// process, and the nodes and leaves that its edges point to were numbered before it. So descending
// numbers are a topological order, and the engine needs no other: see engine.cpp. For that to hold,
// a node's edges never change; an in-place operation makes a new node.
//
// A node has exactly one differentiable output. A family of results, like split's, is several
// views.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/autograd/grad_mode.h"
#include "core/tensor.h"

namespace heed::autograd {

class Node;

/// Where a gradient goes: to the node that made a tensor, or to a leaf's .grad. Empty where the
/// input needs no gradient. Owns what it points at.
class Edge {
 public:
  Edge() = default;
  static Edge to_node(NodeRef node) { return Edge(reinterpret_cast<std::uintptr_t>(node.leak())); }
  static Edge to_leaf(Ref<TensorImpl> leaf) {
    return Edge(reinterpret_cast<std::uintptr_t>(leaf.leak()) | 1);
  }
  Edge(Edge&& other) noexcept : bits_(std::exchange(other.bits_, 0)) {}
  Edge& operator=(Edge&& other) noexcept {
    std::swap(bits_, other.bits_);
    return *this;
  }
  Edge(const Edge& other);
  Edge& operator=(const Edge& other) { return *this = Edge(other); }
  ~Edge() {
    if (bits_) release();
  }

  explicit operator bool() const { return bits_ != 0; }
  Node* node() const { return bits_ & 1 ? nullptr : reinterpret_cast<Node*>(bits_); }
  TensorImpl* leaf() const {
    return bits_ & 1 ? reinterpret_cast<TensorImpl*>(bits_ & ~std::uintptr_t{1}) : nullptr;
  }
  /// The number of the target: gradients are handed on in descending order of it.
  std::uint64_t number() const;
  /// What the gradient must look like: the shape and type of the tensor it belongs to.
  const Dims& sizes() const;
  DType dtype() const;
  /// Identity of the target.
  std::uintptr_t key() const { return bits_; }
  void release() noexcept;

 private:
  explicit Edge(std::uintptr_t bits) : bits_(bits) {}
  std::uintptr_t bits_ = 0;  // bit 0: a leaf
};

/// The edge that the gradient of x flows along; empty when x does not require grad. Gives a view
/// whose base was written in place its new history first.
Edge gradient_edge(const Tensor& x);

/// The gradients of a node's inputs, in the order of its edges; undefined where not needed or zero.
class Grads {
 public:
  static constexpr int kInline = 4;
  Grads() = default;
  Grads(Tensor a) : size_(1) { inline_[0] = std::move(a); }
  Grads(Tensor a, Tensor b) : size_(2) {
    inline_[0] = std::move(a);
    inline_[1] = std::move(b);
  }
  Grads(Tensor a, Tensor b, Tensor c) : Grads(std::move(a), std::move(b)) {
    size_ = 3;
    inline_[2] = std::move(c);
  }
  Grads(Tensor a, Tensor b, Tensor c, Tensor d) : Grads(std::move(a), std::move(b), std::move(c)) {
    size_ = 4;
    inline_[3] = std::move(d);
  }
  Grads(std::vector<Tensor> many) : size_(static_cast<int>(many.size())), many_(std::move(many)) {}

  int size() const { return size_; }
  Tensor& operator[](int i) { return many_.empty() ? inline_[i] : many_[static_cast<size_t>(i)]; }

 private:
  int size_ = 0;
  Tensor inline_[kInline];
  std::vector<Tensor> many_;
};

/// A tensor that a node keeps for its backward, with the version of its bytes (see Storage).
/// get() refuses when they were overwritten or already released. Lives inside its node: the node
/// lists its saved tensors so that the engine can release them all.
///
/// No cycles: an input is kept as it is; an output (SavedOutput) is kept without its grad_fn, which
/// would be this very node, and gets it back when read.
class SavedTensor {
 public:
  SavedTensor(Node* owner, const Tensor& x) : SavedTensor(owner, x, false) {}
  SavedTensor(const SavedTensor&) = delete;
  SavedTensor& operator=(const SavedTensor&) = delete;

  /// The tensor as it was saved; undefined if an undefined one was saved.
  Tensor get() const;
  operator Tensor() const { return get(); }

 protected:
  SavedTensor(Node* owner, const Tensor& x, bool is_output);

 private:
  friend class Node;
  Node* owner_;
  SavedTensor* next_;
  Tensor tensor_;
  std::uint32_t version_ = 0;
  bool is_output_;
  bool released_ = false;
};

class SavedOutput : public SavedTensor {
 public:
  SavedOutput(Node* owner, const Tensor& y) : SavedTensor(owner, y, true) {}
};

/// Registered hooks in order, each with the id by which its handle removes it.
struct HookList {
  std::vector<std::pair<std::uint64_t, TensorHook>> hooks;
  std::uint64_t next_id = 0;
};
/// Hooks of the tensor that a node made, and that tensor if it wants to keep its .grad.
struct NodeHooks {
  std::shared_ptr<HookList> list = std::make_shared<HookList>();
  TensorImpl* retained = nullptr;  // cleared when that tensor goes
};
/// Hooks of a leaf.
struct LeafHooks {
  std::shared_ptr<HookList> list = std::make_shared<HookList>();
};

class Node {
 public:
  Node();
  virtual ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  /// PyTorch's name of the operation's backward, as printed: "MmBackward0".
  virtual const char* name() const = 0;

  /// The gradients of the inputs, given that of the output. Written in public operations, so that
  /// under create_graph it is itself recorded. A gradient may come in the shape that the input was
  /// broadcast to: the engine sums it back. needs(i) tells whether input i wants one.
  virtual Grads backward(const Tensor& dy) = 0;

  /// Adds the gradient of input i straight into `grad` (same shape as the input, contiguous) and
  /// returns true, or returns false if it has no way to do that better than backward. Asked of
  /// nodes that are made with Accumulates.
  virtual bool accumulate(int /*i*/, const Tensor& /*dy*/, const Tensor& /*grad*/) { return false; }

  /// What a drawing of the graph may add about the node ("dim=1"); empty for nothing.
  virtual std::string detail() const { return {}; }

  int num_edges() const { return num_edges_; }
  const Edge& edge(int i) const { return edges()[i]; }
  std::uint64_t number() const { return number_; }
  const Dims& output_sizes() const { return output_sizes_; }
  DType output_dtype() const { return output_dtype_; }

  /// Frees the saved tensors; later reads of them are an error.
  void release_saved();
  /// The saved tensors, newest first, for inspection.
  std::vector<Tensor> saved() const;

  RefCount refs;
  std::unique_ptr<NodeHooks> hooks;
  static void destroy(Node* node) noexcept;

  static void* operator new(std::size_t bytes);
  static void operator delete(void* node, std::size_t bytes) noexcept;

  // Called once, by record().
  void set_edges(const Tensor* const* inputs, int count);
  void set_output(const Tensor& y) {
    output_sizes_ = y.sizes();
    output_dtype_ = y.dtype();
  }

 protected:
  struct Accumulates {};
  explicit Node(Accumulates) : Node() { accumulates_ = true; }
  /// True where input i wants a gradient.
  bool needs(int i) const;

 private:
  friend class SavedTensor;
  friend class Edge;
  friend class Engine;
  static constexpr int kInlineEdges = 3;
  Edge* edges() { return many_edges_ ? many_edges_.get() : inline_edges_.data(); }
  const Edge* edges() const { return many_edges_ ? many_edges_.get() : inline_edges_.data(); }
  int num_edges_ = 0;
  DType output_dtype_ = DType::Float32;
  bool accumulates_ = false;
  std::uint64_t number_ = 0;
  SavedTensor* saved_ = nullptr;
  Node* next_dead_ = nullptr;  // in the list of nodes about to be deleted
  std::array<Edge, kInlineEdges> inline_edges_;
  std::unique_ptr<Edge[]> many_edges_;
  Dims output_sizes_;
};

/// The next number for a node or a leaf.
std::uint64_t next_number();

namespace detail {
/// True where any of the tensors (undefined ones do not count) requires grad.
inline bool any_requires_grad(const Tensor* const* inputs, int count) {
  for (int i = 0; i < count; ++i) {
    const TensorImpl* x = inputs[i]->impl();
    if (x && x->wants_grad()) return true;
  }
  return false;
}
void attach(const Tensor& y, NodeRef node, const Tensor* const* inputs, int count);
}  // namespace detail

/// True where an operation on these inputs is to be recorded.
template <class... Inputs>
bool recording(const Inputs&... inputs) {
  if (!grad_enabled()) return false;
  const Tensor* const list[] = {&inputs...};
  return detail::any_requires_grad(list, sizeof...(inputs));
}

/// The inputs of an operation, in the order in which its backward returns gradients.
template <int N>
struct Inputs {
  const Tensor* list[N];
};
template <class... Ts>
Inputs<int{sizeof...(Ts)}> inputs(const Ts&... tensors) {
  return {{&tensors...}};
}

/// Gives y, fresh from a kernel, its history: a node N(saved...) with an edge to each input. Does
/// nothing when grad mode is off or no input requires grad. A node that saves the output takes it
/// from the argument list like any other: record<ExpBackward>(y, inputs(x), y). record_on leaves y
/// where it is, record returns it.
template <class N, int Count, class... Saved>
[[gnu::always_inline]] inline void record_on(const Tensor& y, const Inputs<Count>& from,
                                             const Saved&... saved) {
  if (!grad_enabled()) return;
  const Inputs<Count> list = from;  // needs an address only here
  if (detail::any_requires_grad(list.list, Count)) {
    detail::attach(y, NodeRef::adopt(new N(saved...)), list.list, Count);
  }
}
template <class N, int Count, class... Saved>
[[gnu::always_inline]] inline Tensor record(Tensor y, const Inputs<Count>& from,
                                            const Saved&... saved) {
  record_on<N>(y, from, saved...);
  return y;
}
template <class N, class... Saved>
Tensor record(Tensor y, const std::vector<Tensor>& from, const Saved&... saved) {
  std::vector<const Tensor*> list;
  for (const Tensor& x : from) list.push_back(&x);
  const int count = static_cast<int>(list.size());
  if (grad_enabled() && detail::any_requires_grad(list.data(), count)) {
    detail::attach(y, NodeRef::adopt(new N(saved...)), list.data(), count);
  }
  return y;
}

}  // namespace heed::autograd
