// Elementwise and row-wise operations on 3072×768 against libtorch, forward and forward + backward.
#include <functional>

#include "heed.h"
#include "tests/bench/case.h"
#include "tests/bench/peer_torch.h"

namespace heed::bench {
namespace {

constexpr std::int64_t kRows = 3072, kCols = 768;

#if HEED_HAVE_TORCH
using PeerOp = std::function<torch::Tensor(const torch::Tensor&)>;
#else
struct PeerOp {
  template <class F>
  PeerOp(F&&) {}
};
#endif

// Arrays of 3072×768 that have to be read or written, and how many different ones both need.
struct Arrays {
  double forward = 2, backward = 3;  // x, y; y or x, its gradient, dx
  double different = 4;
};

void add_op(const std::string& name, std::function<Tensor(const Tensor&)> op, PeerOp peer_op,
            double goal = 1.5, Arrays arrays = {}) {
  const Tensor x = randn({kRows, kCols}), leaf = x.clone().requires_grad_();
  Case forward{.group = "3072×768, forward", .name = name, .peer_name = "libtorch", .goal = goal};
  forward.ours = [=] {
    const NoGradGuard no_grad;
    op(x);
  };
  Case both{
      .group = "3072×768, forward + backward", .name = name, .peer_name = "libtorch", .goal = goal};
  const Tensor probe = [&] {
    const NoGradGuard no_grad;
    return randn(op(x).sizes());
  }();
  constexpr double kBytes = 4.0 * kRows * kCols;
  forward.bytes = forward.footprint = kBytes * arrays.forward;
  both.bytes = kBytes * (arrays.forward + arrays.backward);
  both.footprint = kBytes * arrays.different;
  const auto ours = [=] {
    leaf.set_grad({});
    const Tensor y = op(leaf);
    y.backward(probe);
    return y;
  };
  both.ours = [=] { ours(); };
#if HEED_HAVE_TORCH
  const auto tx = as_torch(x), tleaf = tx.clone().requires_grad_(), tprobe = as_torch(probe);
  forward.peer = [=] {
    torch::NoGradGuard no_grad;
    peer_op(tx);
  };
  forward.difference = [=] {
    const NoGradGuard no_grad;
    return difference(op(x), peer_op(tx));
  };
  const auto peer = [=] {
    auto t = tleaf;
    t.mutable_grad() = torch::Tensor();
    auto y = peer_op(t);
    y.backward(tprobe);
    return y;
  };
  both.peer = [=] { peer(); };
  both.difference = [=] {
    ours();
    peer();
    return difference(leaf.grad(), tleaf.grad());
  };
#else
  static_cast<void>(peer_op);
#endif
  add(std::move(forward));
  add(std::move(both));
}

}  // namespace

void add_rowwise_cases() {
  manual_seed(2);
  const Tensor other = randn({kRows, kCols}), weight = rand({kCols}), bias = randn({kCols}),
               target = randint(kCols, {kRows});
#if HEED_HAVE_TORCH
  const auto tother = as_torch(other), tweight = as_torch(weight), tbias = as_torch(bias),
             ttarget = as_torch(target);
  using torch::Tensor;
#define HEED_PEER(expression) [=](const torch::Tensor& x) { return expression; }
#else
#define HEED_PEER(expression) [] {}
#endif
  using T = heed::Tensor;
  add_op(
      "softmax", [](const T& x) { return softmax(x, 1); }, HEED_PEER(torch::softmax(x, 1)));
  add_op(
      "log_softmax", [](const T& x) { return log_softmax(x, 1); },
      HEED_PEER(torch::log_softmax(x, 1)));
  add_op("cross_entropy", [=](const T& x) { return cross_entropy(x, target); },
         HEED_PEER(torch::nn::functional::cross_entropy(x, ttarget)), 1.5, {1, 2, 2});
  add_op(
      "layer_norm", [=](const T& x) { return layer_norm(x, {kCols}, weight, bias); },
      HEED_PEER(torch::layer_norm(x, {kCols}, tweight, tbias)));
  add_op(
      "gelu", [](const T& x) { return gelu(x); }, HEED_PEER(torch::gelu(x)));
  add_op(
      "gelu tanh", [](const T& x) { return gelu(x, "tanh"); }, HEED_PEER(torch::gelu(x, "tanh")),
      4);
  add_op(
      "exp", [](const T& x) { return exp(x); }, HEED_PEER(torch::exp(x)));
  add_op(
      "tanh", [](const T& x) { return tanh(x); }, HEED_PEER(torch::tanh(x)));
  add_op("add", [=](const T& x) { return heed::add(x, other); }, HEED_PEER(torch::add(x, tother)),
         1.5, {3, 2, 5});
  add_op("mul", [=](const T& x) { return mul(x, other); }, HEED_PEER(torch::mul(x, tother)), 1.5,
         {3, 3, 5});
  add_op("sum", [](const T& x) { return sum(x); }, HEED_PEER(torch::sum(x)), 1.5, {1, 1, 2});
}

}  // namespace heed::bench
