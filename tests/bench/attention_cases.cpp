// Causal attention, forward and backward, against libtorch's graph of matmul, mask and softmax.
#include <cmath>

#include "heed.h"
#include "tests/bench/case.h"
#include "tests/bench/peer_torch.h"

namespace heed::bench {
namespace {

void add_attention(std::int64_t b, std::int64_t h, std::int64_t t, std::int64_t d, double goal) {
  const TensorOptions leaf{.requires_grad = true};
  const Tensor q = randn({b, h, t, d}, leaf), k = randn({b, h, t, d}, leaf),
               v = randn({b, h, t, d}, leaf), weight = randn({b, h, t, d});
  const auto ours = [=] {
    for (const Tensor& x : {q, k, v}) x.set_grad({});
    const Tensor out = scaled_dot_product_attention(q, k, v, {.is_causal = true});
    out.backward(weight);
    return out;
  };
  Case c{.group = "causal attention, forward + backward",
         .name = "B" + std::to_string(b) + " H" + std::to_string(h) + " T" + std::to_string(t) +
                 " D" + std::to_string(d),
         .peer_name = "libtorch",
         .goal = goal};
  c.ours = [=] { ours(); };
  const auto pairs = static_cast<double>(b * h * t * (t + 1) / 2);
  c.flops = pairs * static_cast<double>(d) * (2 * 2 + 5 * 2);  // 2 products forward, 5 backward
#if HEED_HAVE_TORCH
  const auto tq = as_torch(q.detach()).requires_grad_(), tk = as_torch(k.detach()).requires_grad_(),
             tv = as_torch(v.detach()).requires_grad_(), tw = as_torch(weight);
  const auto hidden = torch::ones({t, t}, torch::kBool).triu(1);
  const auto peer = [=] {
    for (auto x : {tq, tk, tv}) x.mutable_grad() = torch::Tensor();
    const auto scores = torch::matmul(tq, tk.transpose(-2, -1)) / std::sqrt(static_cast<double>(d));
    const auto weights = torch::softmax(scores.masked_fill(hidden, -INFINITY), -1);
    const auto out = torch::matmul(weights, tv);
    out.backward(tw);
    return out;
  };
  c.peer = [=] { peer(); };
  c.difference = [=] {
    double worst = difference(ours(), peer());
    worst = std::max(worst, difference(q.grad(), tq.grad()));
    worst = std::max(worst, difference(k.grad(), tk.grad()));
    return std::max(worst, difference(v.grad(), tv.grad()));
  };
#endif
  add(std::move(c));
}

}  // namespace

void add_attention_cases() {
  manual_seed(1);
  add_attention(12, 4, 64, 32, 2.5);
  add_attention(4, 8, 256, 64, 2.5);
  add_attention(1, 4, 2048, 64, 6);
}

}  // namespace heed::bench
