#include "core/autograd/checkpoint.h"

#include <deque>
#include <optional>
#include <unordered_set>

#include "core/autograd/engine.h"
#include "core/autograd/node.h"
#include "core/ops/ops.h"
#include "core/random.h"

namespace heed::autograd {
namespace {

using Segment = std::function<Tensor(const std::vector<Tensor>&)>;

// What a graph grew out of, apart from its declared inputs: the leaves, and the results of nodes
// made before `first`. A result is stood for by a tensor that has the node's shape and history but
// no memory of its own.
std::vector<Tensor> captured_by(const Tensor& y, const std::vector<Tensor>& inputs,
                                std::uint64_t first) {
  std::unordered_set<const void*> seen;
  for (const Tensor& x : inputs) seen.insert(x.impl());
  std::vector<Tensor> captured;
  std::vector<Node*> pending;
  const Edge root = gradient_edge(y);
  const auto visit = [&](const Edge& edge) {
    if (TensorImpl* leaf = edge.leaf()) {
      if (seen.insert(leaf).second) captured.emplace_back(Ref<TensorImpl>::share(leaf));
      return;
    }
    Node* node = edge.node();
    if (!node || !seen.insert(node).second) return;
    if (node->number() >= first) return pending.push_back(node);
    const Tensor one = heed::detail::make_tensor(Dims{1}, node->output_dtype());
    Tensor result = heed::detail::make_alias(one, node->output_sizes(),
                                             Dims::filled(node->output_sizes().size(), 0), 0);
    result.impl()->grad_fn = NodeRef::share(node);
    captured.push_back(std::move(result));
  };
  visit(root);
  while (!pending.empty()) {
    const Node* node = pending.back();
    pending.pop_back();
    for (int i = 0; i < node->num_edges(); ++i) visit(node->edge(i));
  }
  return captured;
}

std::vector<Tensor> detached(const std::vector<Tensor>& inputs) {
  std::vector<Tensor> leaves;
  for (const Tensor& x : inputs) {
    leaves.push_back(x.defined() ? x.detach() : Tensor());
    if (x.defined() && x.requires_grad()) leaves.back().requires_grad_();
  }
  return leaves;
}

// Puts the generator back to where the forward met it, and afterwards to where it was.
class RestoredGenerator {
 public:
  RestoredGenerator(Generator* generator, const std::optional<Generator>& at_forward)
      : generator_(at_forward ? generator : nullptr) {
    if (!generator_) return;
    now_ = *generator_;
    *generator_ = *at_forward;
  }
  ~RestoredGenerator() {
    if (generator_) *generator_ = now_;
  }
  RestoredGenerator(const RestoredGenerator&) = delete;
  RestoredGenerator& operator=(const RestoredGenerator&) = delete;

 private:
  Generator* generator_;
  Generator now_{0};
};

struct CheckpointBackward final : Node {
  CheckpointBackward(Segment segment_, const std::vector<Tensor>& inputs_,
                     std::vector<Tensor> captured_, Generator* generator_,
                     std::optional<Generator> at_forward_)
      : segment(std::move(segment_)),
        captured(std::move(captured_)),
        generator(generator_),
        at_forward(std::move(at_forward_)) {
    for (const Tensor& x : inputs_) inputs.emplace_back(this, x);
  }

  const char* name() const override { return "CheckpointBackward"; }

  Grads backward(const Tensor& dy) override {
    std::vector<Tensor> arguments;
    for (const SavedTensor& x : inputs) arguments.push_back(x.get());
    const bool create_graph = grad_enabled();
    const EnableGradGuard recording;
    if (create_graph) {
      // Fresh nodes on the inputs: the gradients stop there, and their own graph goes on below.
      for (Tensor& x : arguments) {
        if (x.defined()) x = view(x, x.sizes());
      }
    } else {
      arguments = detached(arguments);
    }
    Tensor y;
    {
      const RestoredGenerator restored(generator, at_forward);
      y = segment(arguments);
    }
    HEED_CHECK(y.defined() && y.sizes() == output_sizes(),
               "a checkpointed segment gave another shape when it was computed again: ",
               output_sizes(), " in forward");
    // The gradient of everything the segment reads, each as if it did not depend on the others:
    // the outer graph carries on from there.
    std::vector<Tensor> grads(static_cast<std::size_t>(num_edges())), wanted;
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < grads.size(); ++i) {
      if (!needs(static_cast<int>(i))) continue;
      wanted.push_back(i < arguments.size() ? arguments[i] : captured[i - arguments.size()]);
      places.push_back(i);
    }
    const std::vector<Tensor> found = grad({y}, wanted,
                                           {.grad_outputs = {dy},
                                            .create_graph = create_graph,
                                            .allow_unused = true,
                                            .stop_at_inputs = true});
    for (std::size_t k = 0; k < found.size(); ++k) grads[places[k]] = found[k];
    return Grads(std::move(grads));
  }

  Segment segment;
  std::deque<SavedTensor> inputs;  // a deque, for saved tensors stay where they are
  std::vector<Tensor> captured;
  Generator* generator;
  std::optional<Generator> at_forward;
};

}  // namespace

Tensor checkpoint(Segment segment, const std::vector<Tensor>& inputs,
                  const CheckpointOptions& options) {
  if (!grad_enabled()) return segment(inputs);
  Generator* generator = options.generator ? options.generator : &default_generator();
  std::optional<Generator> at_forward;
  if (options.preserve_rng_state) at_forward.emplace(*generator);
  const std::uint64_t first = next_number();
  // Recorded, to learn what the segment reads; the record is let go when this function ends.
  const std::vector<Tensor> leaves = detached(inputs);
  const Tensor y = segment(leaves);
  HEED_CHECK(y.defined(), "a checkpointed segment returned an undefined tensor");
  if (!y.requires_grad()) return y;
  std::vector<Tensor> captured = captured_by(y, leaves, first);
  std::vector<const Tensor*> edges;
  for (const Tensor& x : inputs) edges.push_back(&x);
  for (const Tensor& x : captured) edges.push_back(&x);
  NodeRef node = NodeRef::adopt(new CheckpointBackward(std::move(segment), inputs, captured,
                                                       generator, std::move(at_forward)));
  Tensor out = y.detach();
  detail::attach(out, std::move(node), edges.data(), static_cast<int>(edges.size()));
  return out;
}

}  // namespace heed::autograd
