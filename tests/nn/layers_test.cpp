// Linear, Embedding, norms, Dropout, activations: what they compute and what they refuse.
#include <doctest/doctest.h>

#include <cmath>

#include "core/factory.h"
#include "core/ops/ops.h"
#include "core/random.h"
#include "nn/activation.h"
#include "nn/container.h"
#include "nn/dropout.h"
#include "nn/embedding.h"
#include "nn/linear.h"
#include "nn/loss.h"
#include "nn/norm.h"
#include "nn/positions.h"
#include "support/gradcheck_module.h"

using namespace heed;

namespace {
Tensor draw(const Dims& sizes) { return randn(sizes, {.dtype = float64, .requires_grad = true}); }
}  // namespace

TEST_CASE("every layer's gradients agree with finite differences") {
  manual_seed(1);
  const auto check = [](const auto& module, const Tensor& x) {
    const auto result = testing::gradcheck_module(module, {x});
    CAPTURE(module.kind());
    CHECK_MESSAGE(result.passed, result.message);
  };
  check(nn::Linear(3, 2, {.dtype = float64}), draw({2, 2, 3}));
  check(nn::Linear(3, 2, {.bias = false, .dtype = float64}), draw({3}));
  check(nn::LayerNorm(3, {.dtype = float64}), draw({2, 3}));
  check(nn::LayerNorm({2, 3}, {.bias = false, .dtype = float64}), draw({2, 2, 3}));
  check(nn::RMSNorm(3, {.dtype = float64}), draw({2, 3}));
  check(nn::ReLU(), draw({2, 3}));
  check(nn::LeakyReLU(0.2), draw({2, 3}));
  check(nn::GELU(), draw({2, 3}));
  check(nn::GELU({.approximate = "tanh"}), draw({2, 3}));
  check(nn::SiLU(), draw({2, 3}));
  check(nn::Tanh(), draw({2, 3}));
  check(nn::Sigmoid(), draw({2, 3}));
  check(nn::Softplus(2, 30), draw({2, 3}));
  check(nn::Softmax(-1), draw({2, 3}));
  check(nn::LogSoftmax(0), draw({2, 3}));
  check(nn::Identity(), draw({2, 3}));
  check(nn::Dropout(0.5).eval(), draw({2, 3}));
  check(nn::Sequential(nn::Linear(3, 4, {.dtype = float64}), nn::Tanh(),
                       nn::Linear(4, 2, {.dtype = float64})),
        draw({2, 3}));
  check(nn::SinusoidalPositions(4, 6, {.dtype = float64}), draw({2, 3, 6}));

  const Tensor indices = tensor({{0, 3, 3}, {2, 1, 0}});
  const nn::Embedding embedding(4, 3, {.dtype = float64});
  const auto result = testing::gradcheck_module(
      embedding, {}, [&](const nn::Embedding& copy, const auto&) { return copy(indices); });
  CHECK_MESSAGE(result.passed, result.message);
}

TEST_CASE("every loss's gradients agree with finite differences") {
  manual_seed(5);
  const auto check = [](const auto& loss, const Tensor& x, const Tensor& target) {
    const auto result = testing::gradcheck_module(
        loss, {x},
        [&](const auto& copy, const std::vector<Tensor>& given) { return copy(given[0], target); });
    CAPTURE(loss.kind());
    CHECK_MESSAGE(result.passed, result.message);
  };
  const Tensor other = rand({4, 3}, {.dtype = float64}), classes = tensor({0, 2, 1, 2}),
               weight = tensor({1., 2., 0.5}, {.dtype = float64});
  check(nn::MSELoss(), draw({4, 3}), other);
  check(nn::L1Loss(), draw({4, 3}), other);
  check(nn::SmoothL1Loss({.beta = 0.5}), draw({4, 3}), other);
  check(nn::CrossEntropyLoss({.weight = weight, .label_smoothing = 0.1}), draw({4, 3}), classes);
  check(nn::NLLLoss({.weight = weight}), draw({4, 3}), classes);
  check(nn::BCEWithLogitsLoss({.pos_weight = weight}), draw({4, 3}), other);
  check(nn::KLDivLoss(), draw({4, 3}), other);
}

TEST_CASE("Linear starts within 1/sqrt(in), bias drawn after weight") {
  manual_seed(9);
  const nn::Linear with_bias(16, 8);
  manual_seed(9);
  const nn::Linear without(16, 8, {.bias = false});
  CHECK(equal(with_bias.weight, without.weight));
  CHECK(with_bias.weight.abs().max().item() <= 0.25);
  CHECK(with_bias.bias.abs().max().item() <= 0.25);
  CHECK(with_bias.weight.requires_grad());
  CHECK(with_bias.in_features() == 16);
  CHECK(with_bias.out_features() == 8);
  Generator generator(9);
  CHECK(equal(nn::Linear(16, 8, {.generator = &generator}).bias, with_bias.bias));
}

TEST_CASE("Linear takes any number of leading dimensions and refuses another width") {
  const nn::Linear layer(3, 2);
  CHECK(layer(ones({3})).sizes() == Dims{2});
  CHECK(layer(ones({4, 5, 6, 3})).sizes() == Dims{4, 5, 6, 2});
  CHECK(layer(ones({0, 3})).sizes() == Dims{0, 2});
  CHECK_THROWS_WITH_AS(layer(tensor(1.f)), "Linear: expected last dimension 3, got a scalar",
                       Error);
  CHECK_THROWS_WITH_AS(layer(ones({2, 0})), doctest::Contains("expected last dimension 3, got 0"),
                       Error);
}

TEST_CASE("the row for padding starts as zeros and gets no gradient") {
  manual_seed(1);
  nn::Embedding embedding(4, 2, {.padding_idx = -1});
  CHECK(embedding.padding_idx() == 3);
  CHECK(equal(embedding.weight.select(0, 3), zeros({2})));
  embedding(tensor({3, 1, 3})).sum().backward();
  CHECK(embedding.weight.grad().to_vector<float>() == std::vector<float>{0, 0, 1, 1, 0, 0, 0, 0});
  CHECK_THROWS_AS(nn::Embedding(4, 2, {.padding_idx = 4}), Error);
}

TEST_CASE("Embedding takes int64 indices within its table") {
  const nn::Embedding embedding(4, 2);
  CHECK(embedding(tensor({{0, 1}, {2, 3}})).sizes() == Dims{2, 2, 2});
  CHECK_THROWS_WITH_AS(embedding(tensor({4})),
                       doctest::Contains("Embedding: index out of range in self"), Error);
  CHECK_THROWS_WITH_AS(embedding(ones({2})), "Embedding: expected int64 indices, got float32 [2]",
                       Error);
}

TEST_CASE("given vectors make a frozen Embedding") {
  const Tensor vectors = tensor({{1.f, 2.f}, {3.f, 4.f}});
  const nn::Embedding embedding = nn::Embedding::from_pretrained(vectors);
  CHECK_FALSE(embedding.weight.requires_grad());
  CHECK(embedding(tensor({1})).to_vector<float>() == std::vector<float>{3, 4});
  CHECK(nn::Embedding::from_pretrained(vectors, false).weight.requires_grad());
  CHECK_FALSE(vectors.requires_grad());
}

TEST_CASE("norms bring each vector to a common scale") {
  manual_seed(2);
  const Tensor x = randn({5, 8}) * 3 + 7;
  const Tensor y = nn::LayerNorm(8)(x);
  CHECK(allclose(y.mean(1), zeros({5}), 0, 1e-6));
  CHECK(allclose(y.var({1}, false), ones({5}), 1e-4));
  CHECK(allclose(nn::RMSNorm(8)(x).square().mean(1), ones({5}), 1e-5));
  CHECK(nn::LayerNorm(8, {.elementwise_affine = false}).parameters().empty());
  CHECK_THROWS_WITH_AS(nn::LayerNorm(3)(ones({2, 4})),
                       "LayerNorm: Given normalized_shape=[3], expected input with shape [*, 3], "
                       "but got input of size[2, 4]",
                       Error);
}

TEST_CASE("Dropout drops while training only, by the generator's draws") {
  nn::Dropout dropout(0.25);
  const Tensor x = ones({1000});
  manual_seed(3);
  const Tensor y = dropout(x);
  manual_seed(3);
  CHECK(equal(dropout(x), y));
  CHECK(y.max().item() == doctest::Approx(1 / 0.75));
  CHECK((y == 0).to(float32).mean().item() == doctest::Approx(0.25).epsilon(0.15));
  dropout.eval();
  CHECK(dropout(x).is(x));
  CHECK_THROWS_WITH_AS(nn::Dropout(1.5),
                       "dropout probability has to be between 0 and 1, but got 1.5", Error);
}

TEST_CASE("losses as modules are the functions with their options") {
  manual_seed(4);
  const Tensor input = randn({4, 3}), other = rand({4, 3}), classes = tensor({0, 2, 1, 2}),
               weight = tensor({1.f, 2.f, 0.5f});
  CHECK(equal(nn::MSELoss()(input, other), mse_loss(input, other)));
  CHECK(equal(nn::L1Loss({.reduction = Reduction::Sum})(input, other),
              l1_loss(input, other, Reduction::Sum)));
  CHECK(equal(nn::SmoothL1Loss({.beta = 0.5})(input, other),
              smooth_l1_loss(input, other, Reduction::Mean, 0.5)));
  CHECK(
      equal(nn::BCEWithLogitsLoss()(input, other), binary_cross_entropy_with_logits(input, other)));
  CHECK(equal(nn::KLDivLoss({.batch_mean = true})(input, other),
              kl_div(input, other, {.batch_mean = true})));
  CHECK(equal(nn::NLLLoss({.weight = weight})(input, classes),
              nll_loss(input, classes, {.weight = weight})));
  const nn::CrossEntropyLoss loss({.weight = weight, .label_smoothing = 0.1});
  CHECK(equal(loss(input, classes),
              cross_entropy(input, classes, {.weight = weight, .label_smoothing = 0.1})));
  CHECK(loss.state_dict()[0].first == "weight");
  CHECK(loss.parameters().empty());
}
