// The engine on graphs of growing size: the time a node must stay flat.
#include "heed.h"
#include "tests/bench/case.h"

namespace heed::bench {
namespace {

/// A ladder of `nodes` operations in which every second one joins two earlier results.
void ladder(std::int64_t nodes) {
  const Tensor x = ones({1}, {.requires_grad = true});
  Tensor a = x * 0.5, b = x * 0.25;
  for (std::int64_t i = 2; i + 1 < nodes; i += 2) {
    Tensor c = a + b;
    b = c * 0.5;
    a = std::move(c);
  }
  (a + b).backward();
}

/// `nodes` operations that all wait for their gradients at once.
void fan(std::int64_t nodes) {
  const Tensor x = ones({1}, {.requires_grad = true});
  std::vector<Tensor> leaves, grads;
  for (std::int64_t i = 0; i < nodes; ++i) leaves.push_back(x * 0.5);
  autograd::backward(leaves);
}

}  // namespace

void add_graph_cases() {
  for (const std::int64_t nodes : {1'000, 10'000, 100'000, 1'000'000}) {
    const std::string n = std::to_string(nodes) + " nodes";
    add({.group = "the engine, build + backward + free", .name = "joins, " + n, .ours = [=] {
           ladder(nodes);
         }});
    add({.group = "the engine, build + backward + free", .name = "fan, " + n, .ours = [=] {
           fan(nodes);
         }});
  }
}

}  // namespace heed::bench
