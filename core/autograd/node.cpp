#include "core/autograd/node.h"

#include <algorithm>
#include <atomic>

#include "core/autograd/engine_state.h"
#include "core/memory.h"
#include "core/ops/ops.h"

namespace heed {

namespace detail {
constinit thread_local bool grad_mode = true;
}

namespace autograd {

std::uint64_t next_number() {
  static constinit std::atomic<std::uint64_t> counter{1};
  return counter.fetch_add(1, std::memory_order_relaxed);
}

// ---- Edge

Edge::Edge(const Edge& other) : bits_(other.bits_) {
  if (Node* n = node()) n->refs.retain();
  if (TensorImpl* l = leaf()) l->refs.retain();
}

void Edge::release() noexcept {
  if (TensorImpl* l = leaf()) {
    if (l->refs.release()) TensorImpl::destroy(l);
  } else if (Node* n = node()) {
    if (n->refs.release()) Node::destroy(n);
  }
  bits_ = 0;
}

std::uint64_t Edge::number() const { return node() ? node()->number_ : leaf()->number; }
const Dims& Edge::sizes() const { return node() ? node()->output_sizes_ : leaf()->sizes; }
DType Edge::dtype() const { return node() ? node()->output_dtype_ : leaf()->dtype; }

Edge gradient_edge(const Tensor& x) {
  TensorImpl* impl = x.impl();
  if (!impl) return {};
  if (impl->is_stale_view()) {
    // The base was written in place, through itself or another view: this view now is whatever
    // its geometry reads from the new base.
    impl->history = impl->base->history;
    const Tensor base(impl->base);
    if (base.requires_grad()) {
      const EnableGradGuard recording_on;
      impl->grad_fn = as_strided(base, impl->sizes, impl->strides, impl->offset).ref()->grad_fn;
    }
  }
  if (impl->grad_fn) return Edge::to_node(impl->grad_fn);
  if (impl->requires_grad) return Edge::to_leaf(x.ref());
  return {};
}

// ---- SavedTensor

SavedTensor::SavedTensor(Node* owner, const Tensor& x, bool is_output)
    : owner_(owner), next_(owner->saved_), is_output_(is_output) {
  owner->saved_ = this;
  if (!x.defined()) return;
  tensor_ = is_output ? x.detach() : x;
  version_ = x.version();
}

Tensor SavedTensor::get() const {
  HEED_CHECK(!released_,
             "Trying to backward through the graph a second time (or directly access saved tensors "
             "after they have already been freed). Saved intermediate values of the graph are "
             "freed when you call .backward() or autograd::grad(). Specify retain_graph=True if "
             "you need to backward through the graph a second time or if you need to access saved "
             "tensors after calling backward. (in ",
             owner_->name(), ")");
  if (!tensor_.defined()) return {};
  if (const std::uint32_t now = tensor_.version(); now != version_) [[unlikely]] {
    const NodeRef made_by = is_output_ ? NodeRef::share(owner_) : tensor_.impl()->grad_fn;
    heed::detail::fail(
        "one of the variables needed for gradient computation has been modified by an inplace "
        "operation: [",
        dtype_name(tensor_.dtype()), " ", tensor_.sizes(), "]",
        made_by ? heed::detail::concat(", which is output 0 of ", made_by->name(), ",")
                : std::string(),
        " is at version ", now, "; expected version ", version_,
        " instead. Hint: write the change out of place, or clone the tensor before.");
  }
  if (is_output_ && grad_enabled()) {
    Tensor y = tensor_.detach();
    y.impl()->grad_fn = NodeRef::share(owner_);
    return y;
  }
  return tensor_;
}

// ---- Node

Node::Node() = default;
Node::~Node() = default;

void* Node::operator new(std::size_t bytes) { return heed::detail::allocate(bytes); }
void Node::operator delete(void* node, std::size_t bytes) noexcept {
  heed::detail::deallocate(node, bytes);
}

// Deleting a node lets go of its inputs' nodes, and so on down a graph of any depth. Only the
// outermost call deletes; those that come up meanwhile join a list, so the stack stays flat.
void Node::destroy(Node* node) noexcept {
  constinit static thread_local Node* dead = nullptr;
  constinit static thread_local bool draining = false;
  node->next_dead_ = dead;
  dead = node;
  if (draining) return;
  draining = true;
  while (dead) {
    Node* next = dead;
    dead = next->next_dead_;
    delete next;
  }
  draining = false;
}

void Node::set_edges(const Tensor* const* inputs, int count) {
  if (count > kInlineEdges) many_edges_ = std::make_unique<Edge[]>(static_cast<std::size_t>(count));
  num_edges_ = count;
  for (int i = 0; i < count; ++i) edges()[i] = gradient_edge(*inputs[i]);
  // Only now: gradient_edge may have made nodes, and a node comes after its inputs.
  number_ = next_number();
}

bool Node::needs(int i) const { return static_cast<bool>(edge(i)) && !engine_state.is_masked(i); }

void Node::release_saved() {
  for (SavedTensor* saved = saved_; saved; saved = saved->next_) {
    saved->tensor_ = Tensor();
    saved->released_ = true;
  }
}

std::vector<Tensor> Node::saved() const {
  std::vector<Tensor> list;
  for (const SavedTensor* saved = saved_; saved; saved = saved->next_) {
    if (saved->tensor_.defined()) list.push_back(saved->tensor_);
  }
  return list;
}

namespace detail {

void attach(const Tensor& y, NodeRef node, const Tensor* const* inputs, int count) {
  node->set_edges(inputs, count);
  node->set_output(y);
  y.impl()->grad_fn = std::move(node);
}

}  // namespace detail
}  // namespace autograd
}  // namespace heed
