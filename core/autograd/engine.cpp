// The engine: reverse-mode differentiation by a priority queue.
//
// Nodes and leaves are numbered in the order they were made, and a node is made after its inputs,
// so taking targets in descending number guarantees that a target is taken only after everything
// that sends it gradient. The frontier (frontier.h) holds (number, target, gradient so far); take
// the first, run its backward, add what comes out to the targets of its edges, repeat. No search,
// no counting of dependencies, no recursion, nothing stored on the nodes: several threads may walk
// graphs that share parts.
#include "core/autograd/engine.h"

#include <array>
#include <limits>
#include <mutex>
#include <unordered_map>

#include "core/autograd/anomaly.h"
#include "core/autograd/engine_state.h"
#include "core/autograd/frontier.h"
#include "core/autograd/node.h"
#include "core/factory.h"
#include "core/ops/inplace.h"
#include "core/ops/ops.h"

namespace heed::autograd {
namespace {

bool is_sole_owner(const Tensor& x) {
  return x.impl()->refs.unique() && x.impl()->storage->refs.unique();
}

Tensor sum_to_size(Tensor grad, const Dims& sizes) {
  const std::int64_t extra = grad.dim() - sizes.size();
  Dims dims;
  for (std::int64_t d = 0; d < grad.dim(); ++d) {
    if (d < extra || (sizes[d - extra] == 1 && grad.sizes()[d] != 1)) dims.push_back(d);
  }
  if (!dims.empty()) grad = sum(grad, dims, true);
  return extra > 0 ? view(grad, sizes) : grad;
}

/// The gradient as its target needs it: summed over what was broadcast, in the target's type.
Tensor fit(Tensor grad, const Edge& edge, const char* from, int i) {
  if (grad.sizes() != edge.sizes()) [[unlikely]] {
    HEED_CHECK(is_broadcastable_to(edge.sizes(), grad.sizes()), "Function ", from,
               " returned an invalid gradient at index ", i, " - got ", grad.sizes(),
               " but expected shape compatible with ", edge.sizes());
    grad = sum_to_size(std::move(grad), edge.sizes());
  }
  if (grad.dtype() != edge.dtype()) [[unlikely]]
    grad = to(grad, edge.dtype());
  return grad;
}

void add_to(Tensor& sum, Tensor grad) {
  if (!sum.defined()) {
    sum = std::move(grad);
  } else if (!grad_enabled() && sum.is_contiguous() && is_sole_owner(sum)) {
    heed::detail::add_in_place(sum, grad);
  } else if (!grad_enabled() && grad.is_contiguous() && is_sole_owner(grad)) {
    heed::detail::add_in_place(grad, sum);
    sum = std::move(grad);
  } else {
    sum = add(sum, grad);
  }
}

// Several threads may add to the same leaf.
std::mutex& leaf_mutex(const TensorImpl* leaf) {
  static std::array<std::mutex, 64> mutexes;
  return mutexes[(reinterpret_cast<std::uintptr_t>(leaf) >> 6) % mutexes.size()];
}

/// leaf.grad += grad. The first gradient is taken over as it is when nobody else holds it.
void accumulate(TensorImpl* leaf, Tensor grad) {
  const std::lock_guard lock(leaf_mutex(leaf));
  if (leaf->grad) {
    Tensor sum(leaf->grad);
    if (grad_enabled()) {
      leaf->grad = add(sum, grad).ref();
    } else if (sum.is_contiguous() && !sum.requires_grad()) {
      heed::detail::add_in_place(sum, grad);
    } else {
      sum.detach().add_(grad);
    }
  } else if (grad_enabled() || (grad.is_contiguous() && is_sole_owner(grad))) {
    leaf->grad = std::move(grad).take();
  } else {
    leaf->grad = clone(grad).ref();
  }
}

Tensor run_hooks(const HookList& list, Tensor grad) {
  const auto hooks = list.hooks;  // a hook may remove itself
  for (const auto& [id, hook] : hooks) {
    if (Tensor replaced = hook(grad); replaced.defined()) {
      HEED_CHECK(replaced.sizes() == grad.sizes(), "hook has changed the size of value: from ",
                 grad.sizes(), " to ", replaced.sizes());
      grad = std::move(replaced);
    }
  }
  return grad;
}

class MaskScope {
 public:
  MaskScope() : before_(engine_state.mask) { engine_state.mask = 0; }
  ~MaskScope() { engine_state.mask = before_; }
  MaskScope(const MaskScope&) = delete;
  MaskScope& operator=(const MaskScope&) = delete;

 private:
  std::uint64_t before_;
};

/// A frontier for this walk: the thread's own, kept for its memory, or a new one in a nested walk.
class FrontierLease {
 public:
  FrontierLease() : frontier_(&own()) {
    if (in_use) {
      extra_ = std::make_unique<Frontier>();
      frontier_ = extra_.get();
    } else {
      in_use = true;
    }
  }
  ~FrontierLease() {
    frontier_->clear();
    if (!extra_) in_use = false;
  }
  FrontierLease(const FrontierLease&) = delete;
  FrontierLease& operator=(const FrontierLease&) = delete;
  Frontier& operator*() { return *frontier_; }

 private:
  static Frontier& own() {
    static thread_local Frontier frontier;
    return frontier;
  }
  inline static constinit thread_local bool in_use = false;
  std::unique_ptr<Frontier> extra_;
  Frontier* frontier_;
};

}  // namespace

class Engine {
 public:
  Engine(bool keep_graph, bool create_graph) : keep_graph_(keep_graph), mode_(create_graph) {}

  /// gradient: undefined for 1.
  void start(const Edge& root, Tensor gradient) {
    Pending& pending = (*frontier_).at(root);
    if (gradient.defined()) {
      add_to(pending.grad, std::move(gradient));
    } else {
      ++pending.ones;
    }
  }

  /// Collect the gradient of `target` instead of accumulating into leaves.
  void capture(const Edge& target) {
    capturing_ = true;
    captured_.try_emplace(target.key());
    lowest_ = std::min(lowest_, target.number());
  }
  void stop_at_targets() { stop_at_targets_ = true; }
  Tensor captured(const Edge& target) const { return captured_.at(target.key()); }

  void run() {
    if (!capturing_) lowest_ = 0;
    anomaly_ = detect_anomaly_enabled();
    while (!(*frontier_).empty()) {
      Pending next = (*frontier_).pop();
      add_ones(next);
      if (Node* node = next.edge->node()) {
        visit(node, *next.edge, std::move(next.grad));
      } else {
        visit_leaf(next.edge->leaf(), *next.edge, std::move(next.grad));
      }
    }
  }

 private:
  /// A thousand roots do not need their 1 at the same time.
  static void add_ones(Pending& pending) {
    if (pending.ones == 0) return;
    add_to(pending.grad,
           full(pending.edge->sizes(), pending.ones, {.dtype = pending.edge->dtype()}));
    pending.ones = 0;
  }

  void visit_leaf(TensorImpl* leaf, const Edge& edge, Tensor grad) {
    if (leaf->hooks) grad = run_hooks(*leaf->hooks->list, std::move(grad));
    if (!capturing_) {
      accumulate(leaf, std::move(grad));
    } else if (const auto it = captured_.find(edge.key()); it != captured_.end()) {
      it->second = std::move(grad);
    }
  }

  void visit(Node* node, const Edge& edge, Tensor dy) {
    if (node->hooks) [[unlikely]] {
      dy = run_hooks(*node->hooks->list, std::move(dy));
      if (TensorImpl* kept = node->hooks->retained; kept && !capturing_) accumulate(kept, dy);
    }
    if (capturing_) {
      if (const auto it = captured_.find(edge.key()); it != captured_.end()) {
        it->second = dy;
        if (stop_at_targets_ || node->number() == lowest_) return;
      }
    }
    const MaskScope mask;
    if (capturing_) mask_below_targets(node);
    if (!capturing_ && !grad_enabled()) accumulate_directly(node, dy);
    bool wanted = false;
    for (int i = 0; i < node->num_edges(); ++i) wanted |= node->needs(i);
    if (wanted) {
      Grads grads = node->backward(dy);
      HEED_CHECK(grads.size() == node->num_edges(), "Function ", node->name(), " returned ",
                 grads.size(), " gradients for ", node->num_edges(), " inputs");
      if (anomaly_) [[unlikely]]
        check_for_nan(*node, dy, grads);
      dy = Tensor();  // so that a gradient passed through has one owner again
      hand_on(node, grads);
    }
    if (!keep_graph_) node->release_saved();
  }

  /// Numbers descend along edges: what lies below every target cannot lead to one.
  void mask_below_targets(Node* node) {
    for (int i = 0; i < std::min(node->num_edges(), 64); ++i) {
      if (node->edge(i) && node->edge(i).number() < lowest_) {
        engine_state.mask |= std::uint64_t{1} << i;
      }
    }
  }

  /// Inputs whose gradient the node can add straight into what is there already are done and
  /// masked: a product's, by a GEMM that accumulates, and that of a part of a tensor. What is there
  /// is a leaf's .grad, or the sum that waits for a node.
  void accumulate_directly(Node* node, const Tensor& dy) {
    if (!node->accumulates_ || anomaly_) return;
    for (int i = 0; i < std::min(node->num_edges(), 64); ++i) {
      const Edge& edge = node->edge(i);
      if (edge && (edge.leaf() ? add_to_leaf(node, i, dy) : add_to_waiting(node, i, dy))) {
        engine_state.mask |= std::uint64_t{1} << i;
      }
    }
  }
  static bool add_to_leaf(Node* node, int i, const Tensor& dy) {
    TensorImpl* leaf = node->edge(i).leaf();
    if (!leaf->grad || leaf->hooks) return false;
    const std::lock_guard lock(leaf_mutex(leaf));
    const Tensor grad(leaf->grad);
    if (!grad.is_contiguous() || grad.requires_grad() || !node->accumulate(i, dy, grad)) {
      return false;
    }
    heed::detail::bump_version(grad);
    return true;
  }
  bool add_to_waiting(Node* node, int i, const Tensor& dy) {
    const Pending* waiting = (*frontier_).find(node->edge(i));
    return waiting && waiting->grad.defined() && waiting->grad.is_contiguous() &&
           is_sole_owner(waiting->grad) && node->accumulate(i, dy, waiting->grad);
  }

  void hand_on(Node* node, Grads& grads) {
    for (int i = 0; i < node->num_edges(); ++i) {
      const Edge& edge = node->edge(i);
      if (!edge || !grads[i].defined() || edge.number() < lowest_) continue;
      Tensor grad = fit(std::move(grads[i]), edge, node->name(), i);
      grads[i] = Tensor();
      Pending& pending = (*frontier_).at(edge);
      add_ones(pending);
      add_to(pending.grad, std::move(grad));
    }
  }

  FrontierLease frontier_;
  bool keep_graph_, anomaly_ = false, capturing_ = false, stop_at_targets_ = false;
  std::uint64_t lowest_ = std::numeric_limits<std::uint64_t>::max();
  std::unordered_map<std::uintptr_t, Tensor> captured_;
  GradModeGuard mode_;
};

namespace {

/// What to start from, undefined for 1.
Tensor root_gradient(const Tensor& root, const Tensor& gradient, std::size_t i) {
  if (!gradient.defined()) {
    HEED_CHECK(root.numel() == 1, "grad can be implicitly created only for scalar outputs; output ",
               i, " has size ", root.sizes());
    return {};
  }
  HEED_CHECK(gradient.sizes() == root.sizes(), "Mismatch in shape: grad_output[", i,
             "] has a shape of ", gradient.sizes(), " and output[", i, "] has a shape of ",
             root.sizes(), ".");
  return gradient.dtype() == root.dtype() ? gradient : to(gradient, root.dtype());
}

/// Checks and collects the starting points.
void start_all(Engine& engine, std::vector<Edge>& edges, const std::vector<Tensor>& roots,
               const std::vector<Tensor>& gradients) {
  HEED_CHECK(gradients.empty() || gradients.size() == roots.size(), "got ", roots.size(),
             " tensors and ", gradients.size(), " gradients");
  edges.reserve(roots.size());
  for (std::size_t i = 0; i < roots.size(); ++i) {
    edges.push_back(gradient_edge(roots[i]));
    HEED_CHECK(edges.back(), "element ", i,
               " of tensors does not require grad and does not have a grad_fn");
    engine.start(edges.back(),
                 root_gradient(roots[i], gradients.empty() ? Tensor() : gradients[i], i));
  }
}

}  // namespace

void backward(const Tensor& root, const Tensor& gradient, std::optional<bool> retain_graph,
              bool create_graph) {
  const Edge edge = gradient_edge(root);
  HEED_CHECK(edge, "element 0 of tensors does not require grad and does not have a grad_fn");
  Tensor start = root_gradient(root, gradient, 0);
  Engine engine(retain_graph.value_or(create_graph), create_graph);
  engine.start(edge, std::move(start));
  engine.run();
}

void backward(const std::vector<Tensor>& roots, const std::vector<Tensor>& gradients,
              std::optional<bool> retain_graph, bool create_graph) {
  std::vector<Edge> edges;
  Engine engine(retain_graph.value_or(create_graph), create_graph);
  start_all(engine, edges, roots, gradients);
  engine.run();
}

std::vector<Tensor> grad(const std::vector<Tensor>& outputs, const std::vector<Tensor>& inputs,
                         const GradOptions& options) {
  std::vector<Edge> roots, targets;
  Engine engine(options.retain_graph.value_or(options.create_graph), options.create_graph);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    targets.push_back(gradient_edge(inputs[i]));
    HEED_CHECK(targets.back(), "One of the differentiated Tensors does not require grad (input ", i,
               " of size ", inputs[i].sizes(), ")");
    engine.capture(targets.back());
  }
  if (options.stop_at_inputs) engine.stop_at_targets();
  start_all(engine, roots, outputs, options.grad_outputs);
  engine.run();
  std::vector<Tensor> grads;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    grads.push_back(engine.captured(targets[i]));
    HEED_CHECK(grads.back().defined() || options.allow_unused,
               "One of the differentiated Tensors appears to not have been used in the graph. Set "
               "allow_unused=True if this is the desired behavior. (input ",
               i, " of size ", inputs[i].sizes(), ")");
  }
  return grads;
}

}  // namespace heed::autograd
