// What all optimizers share: arguments, groups, gradients, state.
#include "optim/optimizer.h"

#include <doctest/doctest.h>

#include <limits>
#include <memory>

#include "core/factory.h"
#include "core/memory.h"
#include "core/ops/ops.h"
#include "core/parallel.h"
#include "core/random.h"
#include "optim/optim.h"
#include "support/refusal.h"

using namespace heed;
using heed::test::refusal;
using optim::Adam;
using optim::SGD;

namespace {

Tensor leaf(std::initializer_list<NestedValues> values) {
  return tensor(values, {.dtype = float64, .requires_grad = true});
}

// A few parameters of odd sizes with gradients, the same at each call.
std::vector<Tensor> model(DType dtype = float32) {
  Generator generator(7);
  std::vector<Tensor> params;
  for (const Dims& sizes : {Dims{3, 5}, Dims{7}, Dims{}}) {
    params.push_back(randn(sizes, {.dtype = dtype, .generator = &generator}).requires_grad_());
  }
  return params;
}

void give_gradients(const std::vector<Tensor>& params, std::uint64_t seed) {
  Generator generator(seed);
  for (const Tensor& p : params) {
    p.set_grad(randn(p.sizes(), {.dtype = p.dtype(), .generator = &generator}));
  }
}

bool same(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!equal(a[i], b[i])) return false;
  }
  return a.size() == b.size();
}

}  // namespace

TEST_CASE("options out of range are refused in PyTorch's words") {
  const std::vector<Tensor> p{leaf({1, 2})};
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(refusal([&] { SGD(p, {.lr = -1}); }) == "Invalid learning rate: -1");
  CHECK(refusal([&] { SGD(p, {.momentum = 0.9}); }) ==
        "parameter group didn't specify a value of required optimization parameter lr");
  CHECK(refusal([&] { SGD(p, {.lr = 1, .momentum = -0.5}); }) == "Invalid momentum value: -0.5");
  CHECK(refusal([&] { SGD(p, {.lr = 1, .momentum = nan}); }) == "Invalid momentum value: nan");
  CHECK(refusal([&] { SGD(p, {.lr = 1, .weight_decay = -2}); }) ==
        "Invalid weight_decay value: -2");
  const std::string nesterov = "Nesterov momentum requires a momentum and zero dampening";
  CHECK(refusal([&] { SGD(p, {.lr = 1, .nesterov = true}); }) == nesterov);
  CHECK(refusal([&] { SGD(p, {.lr = 1, .momentum = 0.9, .dampening = 0.1, .nesterov = true}); }) ==
        nesterov);
  CHECK(refusal([&] { Adam(p, {.eps = -1}); }) == "Invalid epsilon value: -1");
  CHECK(refusal([&] { Adam(p, {.betas = {1, 0.9}}); }) == "Invalid beta parameter at index 0: 1");
  CHECK(refusal([&] {
          optim::AdamW(p, {.betas = {0.9, -0.1}});
        }) == "Invalid beta parameter at index 1: -0.1");
  CHECK(refusal([&] { optim::RMSprop(p, {.alpha = -1}); }) == "Invalid alpha value: -1");
  CHECK(refusal([&] { optim::Adagrad(p, {.lr_decay = -1}); }) == "Invalid lr_decay value: -1");
  CHECK(refusal([&] { optim::Adagrad(p, {.initial_accumulator_value = -1}); }) ==
        "Invalid initial_accumulator_value value: -1");
  CHECK(refusal([&] { optim::Lion(p, {.weight_decay = -1}); }) == "Invalid weight_decay value: -1");
}

TEST_CASE("parameters that cannot be optimized are refused") {
  const Tensor w = leaf({1, 2});
  CHECK(refusal([&] { SGD(std::vector<Tensor>{}, {.lr = 1}); }) ==
        "optimizer got an empty parameter list");
  CHECK(refusal([&] { SGD(std::vector<SGD::Group>{}); }) ==
        "optimizer got an empty parameter list");
  CHECK(refusal([&] { SGD({w * 2}, {.lr = 1}); }) == "can't optimize a non-leaf Tensor");
  CHECK(refusal([&] { SGD({Tensor()}, {.lr = 1}); }) ==
        "optimizer got an undefined tensor as a parameter");
  CHECK(refusal([&] {
          SGD({tensor({1, 2})}, {.lr = 1});
        }) == "can't optimize a tensor of dtype int64");
  CHECK(refusal([&] {
          SGD({w, w}, {.lr = 1});
        }) == "optimizer contains a parameter group with duplicate parameters");
  CHECK(refusal([&] {
          SGD({{{w}, {.lr = 1}}, {{w}, {.lr = 2}}});
        }) == "some parameters appear in more than one parameter group");
  SGD optimizer({w}, {.lr = 1});
  CHECK(refusal([&] { optimizer.options(1); }) == "SGD: there is no parameter group 1 of 1");
}

TEST_CASE("each group follows its own options, also those changed between steps") {
  const Tensor a = leaf({1}), b = leaf({1});
  SGD optimizer({{{a}, {.lr = 0.5}}, {{b}, {.lr = 0.25}}});
  a.set_grad(tensor({1.}, {.dtype = float64}));
  b.set_grad(tensor({1.}, {.dtype = float64}));
  optimizer.step();
  CHECK(a.item() == 0.5);
  CHECK(b.item() == 0.75);
  optimizer.options(1).lr = 0.5;
  optimizer.set_lr(0, 0);
  optimizer.step();
  CHECK(a.item() == 0.5);
  CHECK(b.item() == 0.25);
  const Tensor c = leaf({1});
  optimizer.add_param_group({{c}, {.lr = 1}});
  c.set_grad(tensor({2.}, {.dtype = float64}));
  optimizer.set_lr(0.125);
  optimizer.step();
  CHECK(c.item() == 0.75);
  CHECK(b.item() == 0.125);
}

TEST_CASE("a step reads gradients and leaves them as they are") {
  for (const bool maximize : {false, true}) {
    const std::vector<Tensor> p = model();
    give_gradients(p, 1);
    std::vector<Tensor> before, grads;
    for (const Tensor& x : p) {
      before.push_back(x.grad().clone());
      grads.push_back(x.grad());
    }
    SGD(p, {.lr = 0.1, .momentum = 0.9, .weight_decay = 0.1, .maximize = maximize}).step();
    Adam(p, {.weight_decay = 0.1, .amsgrad = true, .maximize = maximize}).step();
    optim::AdamW(p, {.maximize = maximize}).step();
    optim::RMSprop(p, {.weight_decay = 0.1, .centered = true, .maximize = maximize}).step();
    optim::Adagrad(p, {.weight_decay = 0.1, .maximize = maximize}).step();
    optim::Lion(p, {.weight_decay = 0.1, .maximize = maximize}).step();
    for (std::size_t i = 0; i < p.size(); ++i) {
      CHECK(p[i].grad().is(grads[i]));
      CHECK(equal(p[i].grad(), before[i]));
    }
  }
}

TEST_CASE("a parameter without a gradient keeps its value, version and state") {
  const Tensor a = leaf({1}), b = leaf({1});
  Adam optimizer({a, b});
  a.set_grad(tensor({1.}, {.dtype = float64}));
  const auto version = b.version();
  optimizer.step();
  CHECK(a.item() != 1);
  CHECK(b.item() == 1);
  CHECK(b.version() == version);
  CHECK(optimizer.state_dict().contains("state.0.exp_avg"));
  CHECK_FALSE(optimizer.state_dict().contains("state.1.exp_avg"));
}

TEST_CASE("zero_grad forgets the gradients, or fills them with zeros when asked") {
  const Tensor a = leaf({1, 2}), b = leaf({3});
  SGD optimizer({a, b}, {.lr = 1});
  (a * a).sum().backward();
  optimizer.zero_grad(false);
  CHECK(equal(a.grad(), zeros({2}, {.dtype = float64})));
  CHECK_FALSE(b.grad().defined());
  optimizer.zero_grad();
  CHECK_FALSE(a.grad().defined());
  // A gradient that can itself be differentiated is cut from its graph.
  (a * a).sum().backward({}, {}, true);
  CHECK(a.grad().requires_grad());
  optimizer.zero_grad(false);
  CHECK_FALSE(a.grad().requires_grad());
  CHECK(equal(a.grad(), zeros({2}, {.dtype = float64})));
}

TEST_CASE("backward through a graph from before the step is refused") {
  const Tensor w = leaf({1, 2});
  SGD optimizer({w}, {.lr = 0.1});
  const Tensor loss = (w * w).sum();
  loss.backward({}, true);
  optimizer.step();
  const std::string message = refusal([&] { loss.backward(); });
  CHECK(message.find("has been modified by an inplace operation") != std::string::npos);
  CHECK(w.is_leaf());
  CHECK(w.requires_grad());
}

TEST_CASE("a closure computes the loss with gradients on, even when the caller has them off") {
  const Tensor w = leaf({3});
  SGD optimizer({w}, {.lr = 0.5});
  NoGradGuard no_grad;
  const Tensor loss = optimizer.step([&] {
    optimizer.zero_grad();
    Tensor l = (w * w).sum();
    l.backward();
    return l;
  });
  CHECK(loss.item() == 9);
  CHECK(w.item() == 0);
}

TEST_CASE("a parameter or gradient that is not contiguous is updated like one that is") {
  Generator generator(3);
  const Tensor start = randn({4, 6}, {.generator = &generator});
  const Tensor g = randn({6, 4}, {.generator = &generator});
  const Tensor plain = start.t().contiguous().requires_grad_();
  const Tensor strided = start.clone().t().requires_grad_();
  REQUIRE_FALSE(strided.is_contiguous());
  const Tensor row = g.select(0, 0).clone();
  const auto train = [&](const Tensor& w) {
    Adam optimizer({w}, {.lr = 0.1, .weight_decay = 0.1, .amsgrad = true});
    for (int i = 0; i < 3; ++i) {
      w.set_grad(i == 1 ? row.expand({6, 4}) : i == 2 ? g.t().contiguous().t() : g);
      optimizer.step();
    }
  };
  train(plain);
  const auto version = strided.version();
  train(strided);
  CHECK(equal(plain, strided));
  CHECK_FALSE(strided.is_contiguous());
  CHECK(strided.version() > version);
}

TEST_CASE("empty parameters and scalars take part") {
  const Tensor empty_one = zeros({0, 3}, {.requires_grad = true});
  const Tensor scalar = tensor(2.0f, {.requires_grad = true});
  optim::AdamW optimizer({empty_one, scalar}, {.lr = 0.5, .weight_decay = 0});
  (empty_one.sum() + scalar * 3).backward();
  optimizer.step();
  CHECK(scalar.item() == doctest::Approx(1.5));
}

TEST_CASE("training goes on with the same bits from a saved state") {
  const auto check = [](auto make) {
    for (const DType dtype : {float32, float64}) {
      const std::vector<Tensor> p = model(dtype);
      const auto optimizer = make(p);
      for (std::uint64_t s = 0; s < 5; ++s) {
        give_gradients(p, s);
        optimizer->step();
      }
      std::vector<Tensor> copy;
      for (const Tensor& x : p) copy.push_back(x.detach().clone().requires_grad_());
      const auto resumed = make(copy);
      resumed->load_state_dict(optimizer->state_dict());
      for (std::uint64_t s = 5; s < 10; ++s) {
        give_gradients(p, s);
        optimizer->step();
        give_gradients(copy, s);
        resumed->step();
      }
      CHECK(same(p, copy));
    }
  };
  check([](auto p) {
    return std::make_unique<SGD>(p, optim::SGDOptions{.lr = 0.1, .momentum = 0.9});
  });
  check([](auto p) { return std::make_unique<Adam>(p, optim::AdamOptions{.amsgrad = true}); });
  check([](auto p) { return std::make_unique<optim::AdamW>(p); });
  check([](auto p) {
    return std::make_unique<optim::RMSprop>(
        p, optim::RMSpropOptions{.momentum = 0.5, .centered = true});
  });
  check([](auto p) {
    return std::make_unique<optim::Adagrad>(p, optim::AdagradOptions{.lr_decay = 0.1});
  });
  check([](auto p) { return std::make_unique<optim::Lion>(p); });
}

TEST_CASE("a loaded state brings its options along") {
  const std::vector<Tensor> p = model();
  SGD from(p, {.lr = 0.5, .momentum = 0.9, .nesterov = true}), into(p, {.lr = 0.1});
  into.load_state_dict(from.state_dict());
  CHECK(into.options().lr == 0.5);
  CHECK(into.options().momentum == 0.9);
  CHECK(into.options().nesterov);
}

TEST_CASE("what does not fit a loaded state is listed in one error, and nothing changes") {
  const std::vector<Tensor> p = model();
  Adam optimizer(p, {.lr = 0.5});
  give_gradients(p, 1);
  optimizer.step();
  StateDict bad;
  for (const auto& [key, tensor] : optimizer.state_dict()) {
    if (key == "param_groups.0.eps") continue;
    bad.add(key, key == "state.1.exp_avg"     ? zeros({2, 2})
                 : key == "param_groups.0.lr" ? tensor.clone().fill_(7)
                                              : tensor);
  }
  bad.add("state.9.exp_avg", zeros({1}));
  const std::string message = refusal([&] { optimizer.load_state_dict(bad); });
  CHECK(message ==
        "Error(s) in loading state_dict for Adam:"
        "\n\tMissing key(s) in state_dict: \"param_groups.0.eps\"."
        "\n\tUnexpected key(s) in state_dict: \"state.9.exp_avg\"."
        "\n\tsize mismatch for state.1.exp_avg: copying a tensor with shape [2, 2] from "
        "checkpoint, the shape in current optimizer is [7].");
  CHECK(optimizer.options().lr == 0.5);
  SGD other(p, {.lr = 1});
  CHECK(refusal([&] {
          other.load_state_dict(optimizer.state_dict());
        }).find("Error(s) in loading state_dict for SGD") == 0);
}

TEST_CASE("a state that lost what an updated parameter needs is refused") {
  const std::vector<Tensor> p = model();
  const auto without = [](const StateDict& state, const std::string& left_out) {
    StateDict rest;
    for (const auto& [key, tensor] : state) {
      if (key != left_out) rest.add(key, tensor);
    }
    return rest;
  };
  Adam adam(p);
  optim::Lion lion(p);
  give_gradients(p, 1);
  adam.step();
  lion.step();
  for (const char* key : {"state.1.exp_avg", "state.1.exp_avg_sq", "state.1.step"}) {
    const std::string message =
        refusal([&] { adam.load_state_dict(without(adam.state_dict(), key)); });
    CHECK(message.find("Missing key(s) in state_dict: \"" + std::string(key)) != std::string::npos);
  }
  CHECK(refusal([&] {
          lion.load_state_dict(without(lion.state_dict(), "state.0.exp_avg"));
        }).find("Missing key(s)") != std::string::npos);
  // What depends on options may be absent.
  Adam amsgrad(p, {.amsgrad = true});
  StateDict state = adam.state_dict();
  CHECK(refusal([&] { amsgrad.load_state_dict(state); }).empty());
}

TEST_CASE("a loaded state that has no initial learning rate leaves none behind") {
  const std::vector<Tensor> p = model();
  SGD fresh(p, {.lr = 0.5}), scheduled(p, {.lr = 0.1});
  CHECK(scheduled.initial_lr(0) == 0.1);
  scheduled.load_state_dict(fresh.state_dict());
  CHECK(scheduled.initial_lr(0) == 0.5);
}

TEST_CASE("a step allocates nothing once its buffers are there") {
  const std::vector<Tensor> p = model();
  give_gradients(p, 1);
  SGD sgd(p, {.lr = 0.1, .momentum = 0.9});
  Adam adam(p, {.amsgrad = true});
  optim::RMSprop rmsprop(p, {.momentum = 0.9, .centered = true});
  optim::Adagrad adagrad(p);
  optim::Lion lion(p);
  optim::Optimizer* const all[] = {&sgd, &adam, &rmsprop, &adagrad, &lion};
  for (optim::Optimizer* optimizer : all) optimizer->step();
  const auto before = memory_stats().allocations;
  for (int i = 0; i < 10; ++i) {
    for (optim::Optimizer* optimizer : all) optimizer->step();
  }
  CHECK(memory_stats().allocations == before);
}

TEST_CASE("large parameters get the same bits from any number of threads") {
  const auto train = [](int threads) {
    const int before = num_threads();
    set_num_threads(threads);
    Generator generator(11);
    const std::vector<Tensor> p{randn({300, 401}, {.generator = &generator}).requires_grad_()};
    Adam adam(p, {.lr = 0.1});
    optim::RMSprop rmsprop(p, {.momentum = 0.9});
    for (std::uint64_t s = 0; s < 3; ++s) {
      give_gradients(p, s);
      adam.step();
      rmsprop.step();
    }
    set_num_threads(before);
    return p[0];
  };
  CHECK(equal(train(1), train(3)));
}
