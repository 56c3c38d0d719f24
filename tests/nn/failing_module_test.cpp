// Memory that runs out in a module: nothing leaks, and the module can be used.
#include <doctest/doctest.h>

#include <memory>
#include <sstream>

#include "core/error.h"
#include "nn/nn.h"
#include "support/digest.h"
#include "support/failing_new.h"

using namespace heed;
using test::Action;
using test::digest;
using test::fail_each_allocation;
using test::seeded;

namespace {

nn::GPT tiny() {
  manual_seed(3);
  return nn::GPT({.block_size = 4, .vocab_size = 7, .n_layer = 1, .n_head = 2, .n_embd = 4});
}

template <class M>
double train_once(const M& module, const std::function<Tensor()>& forward) {
  module.zero_grad();
  sum(square(forward())).backward();
  double total = 0;
  for (const Tensor& p : module.parameters()) total = total * 0.5 + digest(p.grad());
  module.zero_grad();
  return total;
}

}  // namespace

TEST_CASE("when memory runs out while a GPT is made, trained, copied or asked, nothing leaks") {
  fail_each_allocation("GPT",
                       []() -> Action { return [] { return digest(tiny().state_dict()); }; });
  fail_each_allocation("training GPT", []() -> Action {
    return [model = tiny(), ids = tensor({{1, 2, 3}, {4, 5, 6}})] {
      return train_once(model, [&] { return model(ids); });
    };
  });
  fail_each_allocation("copy of GPT", []() -> Action {
    const auto model = std::make_shared<nn::GPT>(tiny());
    return [model] {
      const nn::GPT copy = model->clone();
      return digest(copy.state_dict());
    };
  });
  fail_each_allocation("generate", []() -> Action {
    return [model = tiny()] {
      Generator generator(1);
      return digest(
          model.generate(tensor({{1, 2}}), {.max_new_tokens = 5, .generator = &generator}));
    };
  });
}

TEST_CASE("when memory runs out while a state is loaded, it can be loaded again") {
  fail_each_allocation("load_state_dict", []() -> Action {
    const auto model = std::make_shared<nn::GPT>(tiny());
    manual_seed(9);
    const auto other = std::make_shared<StateDict>(
        nn::GPT({.block_size = 4, .vocab_size = 7, .n_layer = 1, .n_head = 2, .n_embd = 4})
            .state_dict());
    return [model, other] {
      model->load_state_dict(*other);
      return digest(model->state_dict());
    };
  });
}

TEST_CASE("when memory runs out while a module is printed, its text is whole or not there") {
  fail_each_allocation("printing", []() -> Action {
    return [model = tiny()] { return digest(heed::detail::concat(model)); };
  });
  fail_each_allocation("summary", []() -> Action {
    return
        [model = tiny(), ids = tensor({{1, 2, 3}})] { return digest(nn::summary(model, {ids})); };
  });
}

TEST_CASE("when memory runs out in layers of every kind, nothing leaks") {
  fail_each_allocation("layers", []() -> Action {
    manual_seed(1);
    const auto net =
        std::make_shared<nn::Sequential>(nn::Linear(4, 8), nn::GELU(), nn::LayerNorm(8),
                                         nn::RMSNorm(8), nn::Dropout(0.5), nn::Linear(8, 4));
    const Tensor x = seeded({3, 4}, 2, false);
    return [net, x] {
      manual_seed(4);
      return train_once(*net, [&] { return (*net)(x); });
    };
  });
  fail_each_allocation("transformer", []() -> Action {
    manual_seed(1);
    const auto layer = std::make_shared<nn::TransformerEncoderLayer>(
        4, 2, nn::TransformerLayerOptions{.dim_feedforward = 8, .dropout = 0.1});
    const Tensor x = seeded({3, 2, 4}, 2, false);
    return [layer, x] {
      manual_seed(4);
      return train_once(*layer, [&] { return (*layer)(x); });
    };
  });
  fail_each_allocation("conversion", []() -> Action {
    return [] {
      nn::GPT model = tiny();
      model.to(float64).eval().requires_grad_(false);
      return digest(model.state_dict());
    };
  });
}
