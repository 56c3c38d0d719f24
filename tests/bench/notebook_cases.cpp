// The notebook's layer, and single operations on tensors of its size, against libtorch.
#include <cmath>

#include "heed.h"
#include "tests/bench/case.h"
#include "tests/bench/peer_torch.h"

namespace heed::bench {
namespace {

Tensor friends() {
  return tensor({{0.2f, 0.4f, 0.6f}, {0.1f, 0.3f, 0.5f}, {0.9f, 0.1f, 0.2f}, {0.7f, 0.5f, 0.9f}});
}

struct Ours {
  Tensor x = friends(), target = x.roll(-1, 0);
  nn::Linear q{3, 3, {.bias = false}}, k{3, 3, {.bias = false}}, v{3, 3, {.bias = false}};
  optim::SGD sgd{{q.weight, k.weight, v.weight}, {.lr = 1e-3, .momentum = 0.9}};

  Tensor forward() {
    const Tensor queries = q(x), keys = k(x), values = v(x);
    const Tensor scores = matmul(queries, keys.T()) / std::sqrt(3.0);
    return matmul(softmax(scores, 1), values);
  }
  Tensor step() {
    sgd.zero_grad();
    Tensor loss = mse_loss(forward(), target);
    loss.backward();
    sgd.step();
    return loss;
  }
};

#if HEED_HAVE_TORCH
struct Peer {
  torch::Tensor x, target;
  torch::nn::Linear q{nullptr}, k{nullptr}, v{nullptr};
  std::unique_ptr<torch::optim::SGD> sgd;

  explicit Peer(const Ours& ours)
      : x(as_torch(ours.x)), target(as_torch(ours.target.contiguous())) {
    const auto layer = [](const Tensor& weight) {
      torch::nn::Linear l(torch::nn::LinearOptions(3, 3).bias(false));
      torch::NoGradGuard no_grad;
      l->weight.copy_(as_torch(weight.detach()));
      return l;
    };
    q = layer(ours.q.weight);
    k = layer(ours.k.weight);
    v = layer(ours.v.weight);
    sgd = std::make_unique<torch::optim::SGD>(
        std::vector<torch::Tensor>{q->weight, k->weight, v->weight},
        torch::optim::SGDOptions(1e-3).momentum(0.9));
  }
  torch::Tensor forward() {
    const auto queries = q(x), keys = k(x), values = v(x);
    const auto scores = torch::matmul(queries, keys.t()) / std::sqrt(3.0);
    return torch::matmul(torch::softmax(scores, 1), values);
  }
  torch::Tensor step() {
    sgd->zero_grad();
    auto loss = torch::mse_loss(forward(), target);
    loss.backward();
    sgd->step();
    return loss;
  }
};
#endif

}  // namespace

void add_notebook_cases() {
  manual_seed(1345481140);
  const auto ours = std::make_shared<Ours>();
  Case forward{.group = "the notebook", .name = "forward, grad on", .peer_name = "libtorch"};
  forward.ours = [ours] { ours->forward(); };
  Case step{.group = "the notebook",
            .name = "training step: forward, mse, backward, SGD",
            .peer_name = "libtorch",
            .goal = 25};
  step.ours = [ours] { ours->step(); };

  const Tensor a = friends(), b = friends(), m = randn({4, 4}), n = randn({4, 4});
  Case sum{.group = "one small operation, grad off",
           .name = "4×3 add",
           .peer_name = "libtorch",
           .goal = 8};
  sum.ours = [=] {
    const NoGradGuard no_grad;
    heed::add(a, b);
  };
  Case product{.group = sum.group, .name = "4×4 mm", .peer_name = "libtorch", .goal = 8};
  product.ours = [=] {
    const NoGradGuard no_grad;
    mm(m, n);
  };
  Case soft{.group = sum.group, .name = "4×4 softmax", .peer_name = "libtorch", .goal = 8};
  soft.ours = [=] {
    const NoGradGuard no_grad;
    softmax(m, 1);
  };
#if HEED_HAVE_TORCH
  torch::set_num_threads(1);
  const auto peer = std::make_shared<Peer>(*ours);
  forward.peer = [peer] { peer->forward(); };
  forward.difference = [=] { return difference(ours->forward(), peer->forward()); };
  step.peer = [peer] { peer->step(); };
  step.difference = [=] {
    double worst = 0;
    for (int i = 0; i < 20; ++i) {
      const Tensor loss = ours->step();
      worst = std::max(worst, difference(loss, peer->step()));
    }
    return worst;
  };
  const auto ta = as_torch(a), tb = as_torch(b), tm = as_torch(m), tn = as_torch(n);
  sum.peer = [=] {
    torch::NoGradGuard no_grad;
    torch::add(ta, tb);
  };
  sum.difference = [=] { return difference(heed::add(a, b), torch::add(ta, tb)); };
  product.peer = [=] {
    torch::NoGradGuard no_grad;
    torch::mm(tm, tn);
  };
  product.difference = [=] { return difference(mm(m, n), torch::mm(tm, tn)); };
  soft.peer = [=] {
    torch::NoGradGuard no_grad;
    torch::softmax(tm, 1);
  };
  soft.difference = [=] { return difference(softmax(m, 1), torch::softmax(tm, 1)); };
#endif
  for (Case* c : {&forward, &step, &sum, &product, &soft}) add(std::move(*c));
}

}  // namespace heed::bench
