#include "nn/gpt.h"

#include <doctest/doctest.h>

#include <cmath>

#include "core/factory.h"
#include "core/ops/ops.h"
#include "core/random.h"
#include "optim/adam.h"
#include "support/gradcheck_module.h"

using namespace heed;

namespace {

nn::GPTConfig tiny() {
  return {.block_size = 8, .vocab_size = 11, .n_layer = 2, .n_head = 2, .n_embd = 8};
}

// Weights large enough that the logits differ from one another.
nn::GPT lively(nn::GPTConfig config) {
  nn::GPT model(config);
  NoGradGuard no_grad;
  for (const Tensor& parameter : model.parameters()) {
    if (parameter.dim() == 2) parameter.mul_(15);
  }
  return model;
}

}  // namespace

TEST_CASE("GPT's state has nanoGPT's keys, and the output layer shares the embedding") {
  nn::GPT model(tiny());
  CHECK(model.transformer.wte.weight.is(model.lm_head.weight));
  const StateDict state = model.state_dict();
  for (const char* key :
       {"transformer.wte.weight", "transformer.wpe.weight", "transformer.h.0.ln_1.weight",
        "transformer.h.0.ln_1.bias", "transformer.h.1.attn.c_attn.weight",
        "transformer.h.1.attn.c_attn.bias", "transformer.h.1.attn.c_proj.weight",
        "transformer.h.1.mlp.c_fc.weight", "transformer.h.1.mlp.c_proj.bias",
        "transformer.ln_f.weight", "lm_head.weight"}) {
    CHECK_MESSAGE(state.contains(key), key);
  }
  CHECK(model.named_parameters()[0].first == "transformer.wte.weight");
  CHECK(model.clone().transformer.wte.weight.sizes() == Dims{11, 8});
  const nn::GPT twin = model.clone();
  CHECK(twin.transformer.wte.weight.is(twin.lm_head.weight));
}

TEST_CASE("GPT starts with nanoGPT's spread") {
  manual_seed(1);
  const nn::GPT model(
      {.block_size = 64, .vocab_size = 500, .n_layer = 8, .n_head = 2, .n_embd = 64});
  CHECK(model.lm_head.weight.std().item() == doctest::Approx(0.02).epsilon(0.03));
  const auto& block = model.transformer.h[3];
  CHECK(block.mlp.c_fc.weight.std().item() == doctest::Approx(0.02).epsilon(0.03));
  CHECK(block.mlp.c_proj.weight.std().item() == doctest::Approx(0.02 / 4).epsilon(0.03));
  CHECK(block.attn.c_proj.weight.std().item() == doctest::Approx(0.02 / 4).epsilon(0.05));
  CHECK(equal(block.mlp.c_fc.bias, zeros({256})));
}

TEST_CASE("GPT's gradients agree with finite differences") {
  manual_seed(2);
  const nn::GPT model(
      {.block_size = 4, .vocab_size = 5, .n_layer = 1, .n_head = 2, .n_embd = 4, .dtype = float64});
  const Tensor tokens = tensor({{1, 4, 0}}), targets = tensor({{4, 0, -1}});
  const auto result = testing::gradcheck_module(
      model, {}, [&](const nn::GPT& copy, const auto&) { return copy.loss(tokens, targets); });
  CHECK_MESSAGE(result.passed, result.message);
}

TEST_CASE("no token sees those behind it") {
  manual_seed(3);
  const nn::GPT model = lively(tiny());
  const Tensor tokens = randint(11, {2, 8});
  const Tensor all = model(tokens);
  CHECK(all.sizes() == Dims{2, 8, 11});
  CHECK(allclose(model(tokens.narrow(1, 0, 5)), all.narrow(1, 0, 5), 1e-4, 1e-5));
}

TEST_CASE("the cache gives the logits of the whole, however the tokens come") {
  manual_seed(4);
  const nn::GPT model = lively(tiny());
  const Tensor tokens = randint(11, {3, 8});
  const Tensor all = model(tokens);
  const std::vector<std::vector<std::int64_t>> ways{
      {8}, {1, 1, 1, 1, 1, 1, 1, 1}, {5, 1, 2}, {1, 7}, {3, 5}};
  for (const auto& pieces : ways) {
    nn::KeyValueCache cache = model.make_cache(3);
    std::int64_t start = 0;
    for (const std::int64_t length : pieces) {
      CAPTURE(start);
      const Tensor logits = model.with_cache(tokens.narrow(1, start, length), cache);
      CHECK((logits - all.narrow(1, start, length)).abs().max().item() < 1e-5);
      CHECK_FALSE(logits.requires_grad());
      start += length;
      CHECK(cache.length == start);
    }
  }
}

TEST_CASE(
    "generate goes on from the prompt, the same from the same seed, with the cache or without") {
  manual_seed(5);
  nn::GPT model = lively(tiny());
  model.eval();
  const Tensor prompt = tensor({{1, 2, 3}, {4, 5, 6}});
  const auto generate = [&](nn::GenerateOptions options) {
    Generator generator(9);
    options.max_new_tokens = 12;  // past block_size
    options.generator = &generator;
    return model.generate(prompt, options);
  };
  const Tensor first = generate({});
  CHECK(first.sizes() == Dims{2, 15});
  CHECK(equal(first.narrow(1, 0, 3), prompt));
  CHECK(equal(generate({}), first));
  CHECK(equal(generate({.use_cache = false}), first));
  CHECK_FALSE(equal(generate({.temperature = 3}), first));
  for (const nn::GenerateOptions& options :
       {nn::GenerateOptions{.top_k = 3}, nn::GenerateOptions{.top_p = 0.8},
        nn::GenerateOptions{.temperature = 0}}) {
    nn::GenerateOptions without_cache = options;
    without_cache.use_cache = false;
    CHECK(equal(generate(options), generate(without_cache)));
  }
  CHECK(model.generate(prompt, {.max_new_tokens = 0}).is(prompt));
}

TEST_CASE("top_k 1, a small top_p and temperature 0 all take the likeliest token") {
  manual_seed(6);
  const nn::GPT model = lively(tiny());
  const Tensor prompt = tensor({{7, 8}});
  const Tensor likeliest = model(prompt).select(1, 1).argmax(-1);
  for (const nn::GenerateOptions& options :
       {nn::GenerateOptions{.max_new_tokens = 1, .temperature = 0},
        nn::GenerateOptions{.max_new_tokens = 1, .top_k = 1},
        nn::GenerateOptions{.max_new_tokens = 1, .top_p = 1e-6}}) {
    CHECK(equal(model.generate(prompt, options).select(1, 2), likeliest));
  }
}

TEST_CASE("top_k and top_p draw only from what they keep") {
  manual_seed(7);
  const nn::GPT model = lively(tiny());
  const Tensor prompt = tensor({{3, 9}});
  const Tensor probabilities = softmax(model(prompt).select(1, 1), -1).squeeze(0);
  const ValuesIndices likeliest = probabilities.sort(-1, true);
  std::int64_t kept = 0;
  for (double sum = 0; sum < 0.7; ++kept) sum += likeliest.values.index({kept}).item();
  const auto rank = [&](const nn::GenerateOptions& options) {
    const Tensor token = model.generate(prompt, options).index({0, 2});
    return (likeliest.indices == token).to(int64).argmax().item<std::int64_t>();
  };
  std::int64_t worst_k = 0, worst_p = 0;
  for (int i = 0; i < 300; ++i) {
    worst_k = std::max(worst_k, rank({.max_new_tokens = 1, .temperature = 2, .top_k = 4}));
    worst_p = std::max(worst_p, rank({.max_new_tokens = 1, .top_p = 0.7}));
  }
  CHECK(worst_k == 3);
  CHECK(worst_p == kept - 1);
}

TEST_CASE("generate shows each token as it comes, and stops when told") {
  manual_seed(8);
  const nn::GPT model = lively(tiny());
  std::vector<std::int64_t> shown;
  const Tensor result =
      model.generate(tensor({{1}}), {.max_new_tokens = 10, .on_token = [&](const Tensor& next) {
                                       shown.push_back(next.item<std::int64_t>());
                                       return shown.size() < 4;
                                     }});
  CHECK(result.narrow(1, 1, 4).to_vector<std::int64_t>() == shown);
  CHECK(result.size(1) == 5);
}

TEST_CASE("dropout is drawn anew in training, the same from the same seed, and off after eval") {
  manual_seed(10);
  nn::GPTConfig config = tiny();
  config.dropout = 0.3;
  nn::GPT model = lively(config);
  const Tensor tokens = randint(11, {2, 8});
  manual_seed(11);
  const Tensor first = model(tokens);
  CHECK_FALSE(equal(model(tokens), first));
  manual_seed(11);
  CHECK(equal(model(tokens), first));
  first.sum().backward();
  CHECK(isfinite(model.transformer.h[0].attn.c_attn.weight.grad()).all().item<bool>());
  model.eval();
  config.dropout = 0;
  nn::GPT without(config);
  without.load_state_dict(model.state_dict());
  CHECK(equal(model(tokens), model(tokens)));
  CHECK(equal(model(tokens), without(tokens)));
}

TEST_CASE("GPT learns a sequence by heart") {
  manual_seed(9);
  nn::GPT model(tiny());
  const Tensor tokens = tensor({{3, 1, 4, 1, 5, 9, 2, 6}}), targets = tokens.roll(-1, 1);
  optim::AdamW optimizer(model.parameters(), {.lr = 1e-2});
  double loss = 0;
  for (int step = 0; step < 150; ++step) {
    optimizer.zero_grad();
    const Tensor l = model.loss(tokens, targets);
    loss = l.item();
    if (step == 0) CHECK(loss == doctest::Approx(std::log(11.0)).epsilon(0.05));
    l.backward();
    optimizer.step();
  }
  CHECK(loss < 0.05);
  const Tensor said = model.generate(tensor({{3}}), {.max_new_tokens = 7, .temperature = 0});
  CHECK(equal(said, tokens));
}

TEST_CASE("what GPT refuses") {
  nn::GPT model(tiny());
  CHECK_THROWS_WITH_AS(model(zeros({1, 9}, {.dtype = int64})),
                       "transformer: Cannot forward sequence of length 9, block size is only 8",
                       Error);
  CHECK_THROWS_WITH_AS(model(tensor({{11}})),
                       doctest::Contains("transformer.wte: index out of range in self"), Error);
  CHECK_THROWS_WITH_AS(model(tensor({1, 2})), "transformer: expected tokens (B, T), got [2]",
                       Error);
  CHECK_THROWS_AS(nn::GPT({.vocab_size = 5, .n_layer = 1, .n_head = 3, .n_embd = 8}), Error);
  CHECK_THROWS_WITH_AS(nn::GPT({.vocab_size = 5, .n_layer = -1, .n_head = 2, .n_embd = 8}),
                       "n_layer must not be negative, got -1", Error);
  CHECK_THROWS_AS(model.generate(tensor({{1}}), {.temperature = -1}), Error);
  CHECK_THROWS_AS(model.generate(tensor({{1}}), {.top_k = 0}), Error);
  CHECK_THROWS_AS(model.generate(tensor({{1}}), {.top_p = 1.5}), Error);
  nn::KeyValueCache none;
  CHECK_THROWS_AS(model.transformer(tensor({{1}}), &none), Error);
  nn::KeyValueCache cache = model.make_cache(2);
  CHECK_THROWS_WITH_AS(model.with_cache(tensor({{1}}), cache),
                       "GPT: the cache was made for another model or batch size", Error);
}
