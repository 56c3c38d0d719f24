// Optimizer steps over ten million parameters against libtorch.
#include "heed.h"
#include "tests/bench/case.h"
#include "tests/bench/peer_torch.h"

namespace heed::bench {
namespace {

constexpr std::int64_t kParameters = 10'000'000;

template <class Ours>
Case step_case(const std::string& name, const Tensor& weight, const Tensor& grad,
               std::shared_ptr<Ours> ours, double bytes, double arrays) {
  Case c{.group = "optimizer step, 10 M parameters",
         .name = name,
         .peer_name = "libtorch",
         .goal = 1.5};
  weight.set_grad(grad);
  c.ours = [ours] { ours->step(); };
  c.bytes = bytes * kParameters;
  c.footprint = arrays * 4 * kParameters;
  return c;
}

#if HEED_HAVE_TORCH
template <class Peer>
void set_peer(Case& c, const Tensor& weight, torch::Tensor peer_weight,
              std::shared_ptr<Peer> peer) {
  c.peer = [peer] { peer->step(); };
  const auto ours = c.ours;
  c.difference = [=] {
    for (int i = 0; i < 3; ++i) ours(), peer->step();
    return difference(weight, peer_weight);
  };
}
#endif

}  // namespace

void add_optimizer_cases() {
  manual_seed(3);
  const Tensor grad = randn({kParameters});
  const Tensor w1 = randn({kParameters}).requires_grad_(),
               w2 = randn({kParameters}).requires_grad_();
  const auto sgd = std::make_shared<optim::SGD>(std::vector<Tensor>{w1},
                                                optim::SGDOptions{.lr = 1e-3, .momentum = 0.9});
  const auto adam = std::make_shared<optim::Adam>(std::vector<Tensor>{w2}, optim::AdamOptions{});
  Case sgd_case = step_case("SGD, momentum 0.9", w1, grad, sgd, 5 * 4, 3);
  Case adam_case = step_case("Adam", w2, grad, adam, 7 * 4, 4);
#if HEED_HAVE_TORCH
  const auto leaf = [&](const Tensor& w) {
    auto t = as_torch(w.detach()).requires_grad_();
    t.mutable_grad() = as_torch(grad);
    return t;
  };
  const auto t1 = leaf(w1), t2 = leaf(w2);
  set_peer(sgd_case, w1, t1,
           std::make_shared<torch::optim::SGD>(std::vector<torch::Tensor>{t1},
                                               torch::optim::SGDOptions(1e-3).momentum(0.9)));
  set_peer(adam_case, w2, t2,
           std::make_shared<torch::optim::Adam>(std::vector<torch::Tensor>{t2},
                                                torch::optim::AdamOptions(1e-3)));
#endif
  add(std::move(sgd_case));
  add(std::move(adam_case));
}

}  // namespace heed::bench
