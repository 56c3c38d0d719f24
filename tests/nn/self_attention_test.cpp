#include "nn/self_attention.h"

#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/autograd/gradcheck.h"
#include "core/factory.h"
#include "core/ops/ops.h"
#include "core/random.h"
#include "optim/sgd.h"
#include "support/gradcheck_module.h"

using namespace heed;

namespace {

// The notebook's run, recorded by PyTorch.
nlohmann::json recorded() {
  std::ifstream file(std::string(HEED_TEST_DATA_DIR) + "/parity/fixtures/friends.json");
  REQUIRE(file);
  return nlohmann::json::parse(file);
}

std::vector<double> flat(const nlohmann::json& rows) {
  std::vector<double> values;
  for (const auto& row : rows) {
    for (const auto& value : row) values.push_back(value.get<double>());
  }
  return values;
}

void check_close(const Tensor& x, const nlohmann::json& expected, double tolerance) {
  const std::vector<double> values = x.to_vector<double>(), wanted = flat(expected);
  REQUIRE(values.size() == wanted.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    CAPTURE(i);
    CHECK(std::abs(values[i] - wanted[i]) <= tolerance);
  }
}

// Relative to the largest element of the gradient: the smallest ones are what is left of terms of
// its size, and of the recorded float32 numbers one is itself 5e-6 of its own size away from what
// float64 gives.
void check_gradient(const Tensor& weight, const nlohmann::json& expected) {
  check_close(weight.grad(), expected, 1e-6 * weight.grad().abs().max().item());
}

struct Notebook {
  nlohmann::json record = recorded();
  nn::SelfAttention attention;
  Tensor friends;

  Notebook()
      : attention((manual_seed(record["seed"].get<std::uint64_t>()), 3)),
        friends(tensor(flat(record["friends"]), {4, 3}, {.dtype = float32})) {}
};

}  // namespace

TEST_CASE("the notebook's weights come out of its seed bit for bit") {
  const Notebook run;
  CHECK(run.attention.query.weight.to_vector<double>() == flat(run.record["W_Q"]));
  CHECK(run.attention.key.weight.to_vector<double>() == flat(run.record["W_K"]));
  CHECK(run.attention.value.weight.to_vector<double>() == flat(run.record["W_V"]));
  CHECK_FALSE(run.attention.query.bias.defined());
}

TEST_CASE("the notebook's values are the recorded ones") {
  const Notebook run;
  check_close(run.attention.query(run.friends), run.record["Q"], 1e-6);
  check_close(run.attention.key(run.friends), run.record["K"], 1e-6);
  check_close(run.attention.value(run.friends), run.record["V"], 1e-6);
  const Tensor scores =
      matmul(run.attention.query(run.friends), run.attention.key(run.friends).T()) / std::sqrt(3.0);
  check_close(scores, run.record["scores"], 1e-6);
  const auto [output, weights] = run.attention.with_weights(run.friends);
  check_close(weights, run.record["attention_weights"], 1e-6);
  check_close(output, run.record["output"], 1e-6);
  CHECK(equal(run.attention(run.friends), output));
}

TEST_CASE("the notebook's gradients and training are the recorded ones") {
  Notebook run;
  const Tensor target = run.friends.roll(-1, 0);
  optim::SGD optimizer(run.attention.parameters(), {.lr = 1.0, .momentum = 0.9});
  const auto& losses = run.record["loss"];
  std::size_t compared = 0;
  for (int step = 0; step <= 5000; ++step) {
    optimizer.zero_grad();
    const Tensor loss = mse_loss(run.attention(run.friends), target);
    if (const auto wanted = losses.find(std::to_string(step)); wanted != losses.end()) {
      CAPTURE(step);
      ++compared;
      CHECK(loss.item() == doctest::Approx(wanted->get<double>()).epsilon(1e-5).scale(0));
    }
    loss.backward();
    if (step == 0) {
      check_gradient(run.attention.query.weight, run.record["grad_W_Q"]);
      check_gradient(run.attention.key.weight, run.record["grad_W_K"]);
      check_gradient(run.attention.value.weight, run.record["grad_W_V"]);
    }
    if (step < 5000) optimizer.step();
  }
  CHECK(compared == losses.size());
  check_close(run.attention.with_weights(run.friends).weights,
              run.record["attention_weights_after_5000_steps"], 1e-5);
}

TEST_CASE("the attention layer's gradients agree with finite differences") {
  manual_seed(2);
  for (const bool causal : {false, true}) {
    for (const bool bias : {false, true}) {
      CAPTURE(causal);
      CAPTURE(bias);
      const nn::SelfAttention attention(
          3, {.key_dim = 2, .value_dim = 4, .bias = bias, .causal = causal, .dtype = float64});
      const Tensor x = randn({2, 4, 3}, {.dtype = float64, .requires_grad = true});
      const auto result = testing::gradcheck_module(attention, {x});
      CHECK_MESSAGE(result.passed, result.message);
    }
  }
}

TEST_CASE("attention works on batches, on any width, and sees nothing ahead when causal") {
  manual_seed(4);
  const nn::SelfAttention attention(3, {.key_dim = 5, .value_dim = 2, .causal = true});
  const Tensor x = randn({2, 4, 3});
  const auto [output, weights] = attention.with_weights(x);
  CHECK(output.sizes() == Dims{2, 4, 2});
  CHECK(weights.sizes() == Dims{2, 4, 4});
  CHECK(equal(weights.tril(), weights));
  CHECK(allclose(weights.sum(-1), ones({2, 4}), 1e-6));
  CHECK(allclose(attention(x.select(0, 1)), output.select(0, 1), 1e-5, 1e-6));
}

TEST_CASE("attention refuses what is no sequence of its width") {
  const nn::SelfAttention attention(3);
  CHECK_THROWS_WITH_AS(attention(ones({3})),
                       "SelfAttention: expected a sequence (…, T, 3), got [3]", Error);
  CHECK_THROWS_WITH_AS(attention.with_weights(ones({4, 2})),
                       doctest::Contains("query: expected last dimension 3, got 2"), Error);
}
