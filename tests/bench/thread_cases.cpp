// Two threads against one on the larger works; the bits must be the same.
#include "heed.h"
#include "tests/bench/case.h"

namespace heed::bench {
namespace {

void add_threads(const std::string& name, std::function<Tensor()> work) {
  const auto with = [work](int threads) {
    set_num_threads(threads);
    Tensor y = work();
    set_num_threads(1);
    return y;
  };
  Case c{.group = "two threads against one", .name = name, .peer_name = "one thread", .goal = 1.8};
  c.ours = [with] { with(2); };
  c.peer = [with] { with(1); };
  c.difference = [with] { return equal(with(2), with(1)) ? 0.0 : 1.0; };
  c.tolerance = 0;
  add(std::move(c));
}

}  // namespace

void add_thread_cases() {
  manual_seed(4);
  const Tensor a = randn({1024, 1024}), b = randn({1024, 1024}), x = randn({3072, 768});
  const Tensor q = randn({4, 8, 256, 64}, {.requires_grad = true});
  add_threads("matmul n=1024", [=] { return matmul(a, b); });
  add_threads("softmax 3072×768", [=] { return softmax(x, 1); });
  add_threads("gelu 3072×768", [=] { return gelu(x); });
  add_threads("causal attention B4 H8 T256 D64, forward + backward", [=] {
    q.set_grad({});
    scaled_dot_product_attention(q, q, q, {.is_causal = true}).sum().backward();
    return q.grad();
  });
}

}  // namespace heed::bench
