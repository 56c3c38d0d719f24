#include "nn/multihead_attention.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "core/factory.h"
#include "core/ops/ops.h"
#include "core/random.h"
#include "support/gradcheck_module.h"

using namespace heed;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Tensor draw(const Dims& sizes) { return randn(sizes, {.dtype = float64, .requires_grad = true}); }

}  // namespace

TEST_CASE("parameters have PyTorch's names, shapes and start") {
  manual_seed(1);
  const nn::MultiheadAttention same(8, 2);
  const StateDict state = same.state_dict();
  CHECK(state[0].first == "in_proj_weight");
  CHECK(state[0].second.sizes() == Dims{24, 8});
  CHECK(state[1].first == "in_proj_bias");
  CHECK(state[2].first == "out_proj.weight");
  CHECK(state[3].first == "out_proj.bias");
  CHECK(same.in_proj_weight.abs().max().item() <= std::sqrt(6.0 / 32));
  CHECK(equal(same.in_proj_bias, zeros({24})));
  CHECK(equal(same.out_proj.bias, zeros({8})));

  const nn::MultiheadAttention apart(8, 2, {.bias = false, .kdim = 3, .vdim = 5});
  CHECK(apart.state_dict().size() == 4);
  CHECK(apart.k_proj_weight.sizes() == Dims{8, 3});
  CHECK(apart.v_proj_weight.sizes() == Dims{8, 5});
  CHECK_THROWS_WITH_AS(nn::MultiheadAttention(8, 3),
                       "embed_dim must be divisible by num_heads, got 8 and 3", Error);
}

TEST_CASE("the fused way and the way that returns weights give the same output") {
  manual_seed(2);
  const nn::MultiheadAttention attention(8, 2, {.batch_first = true, .dtype = float64});
  const Tensor x = draw({2, 5, 8}), y = draw({2, 3, 8});
  const Tensor mask = tensor({{false, true, false},
                              {false, false, false},
                              {true, false, true},
                              {false, false, true},
                              {false, true, true}}),
               added = draw({4, 5, 3}).detach(),
               padding = tensor({{false, false, true}, {false, false, false}});
  std::vector<nn::AttentionCall> calls(6);
  calls[1].attn_mask = mask;
  calls[2].attn_mask = added;
  calls[3].key_padding_mask = padding;
  calls[4].attn_mask = added;
  calls[4].key_padding_mask = padding;
  calls[5].is_causal = true;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    CAPTURE(i);
    nn::AttentionCall fused = calls[i];
    fused.need_weights = false;
    const auto [output, weights] = attention(x, y, y, calls[i]);
    CHECK(output.sizes() == Dims{2, 5, 8});
    CHECK(weights.sizes() == Dims{2, 5, 3});
    CHECK(allclose(weights.sum(-1), ones({2, 5}, {.dtype = float64})));
    const nn::AttentionResult other = attention(x, y, y, fused);
    CHECK_FALSE(other.weights.defined());
    CHECK(allclose(other.output, output, 1e-10, 1e-12));
  }
  // The packed projection of self-attention is the three apart.
  const Tensor same_values = x.detach();
  CHECK(allclose(attention(x, x, x).output, attention(x, same_values, same_values.clone()).output,
                 1e-12, 1e-13));
}

TEST_CASE("keys that are added stand behind the sequence, where no mask reaches") {
  manual_seed(8);
  const nn::MultiheadAttention attention(4, 2,
                                         {.add_bias_kv = true,
                                          .add_zero_attn = true,
                                          .kdim = 3,
                                          .vdim = 5,
                                          .batch_first = true,
                                          .dtype = float64});
  CHECK(attention.bias_k.sizes() == Dims{1, 1, 4});
  const StateDict state = attention.state_dict();
  CHECK(state[4].first == "bias_k");
  CHECK(state[5].first == "bias_v");
  CHECK(state[6].first == "out_proj.weight");

  const Tensor x = draw({2, 3, 4}), key = draw({2, 3, 3}), value = draw({2, 3, 5});
  const Tensor padding = tensor({{true, true, true}, {false, false, true}});
  std::vector<nn::AttentionCall> calls(4);
  calls[1].is_causal = true;
  calls[2].key_padding_mask = padding;
  calls[3].attn_mask = draw({3, 3}).detach();
  calls[3].key_padding_mask = padding;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    CAPTURE(i);
    nn::AttentionCall fused = calls[i];
    fused.need_weights = false;
    const auto [output, weights] = attention(x, key, value, calls[i]);
    CHECK(weights.sizes() == Dims{2, 3, 5});
    CHECK(weights.narrow(2, 3, 2).min().item() > 0);
    CHECK(allclose(attention(x, key, value, fused).output, output, 1e-10, 1e-12));
  }
  // Where all of a sequence is masked there is still something to see.
  CHECK(attention(x, key, value, calls[2]).weights.index({0, Ellipsis, Slice(0, 3)}).max().item() ==
        0);
  for (const bool need_weights : {true, false}) {
    calls[2].need_weights = need_weights;
    const auto checked = testing::gradcheck_module(
        attention, {x, key, value}, [&](const auto& copy, const std::vector<Tensor>& given) {
          return copy(given[0], given[1], given[2], calls[2]).output;
        });
    CHECK_MESSAGE(checked.passed, checked.message);
  }
}

TEST_CASE("masked keys get no weight") {
  manual_seed(3);
  const nn::MultiheadAttention attention(4, 2, {.batch_first = true});
  const Tensor x = randn({2, 3, 4});
  const Tensor padding = tensor({{false, false, true}, {false, true, false}});
  const Tensor weights =
      attention(x, x, x, {.key_padding_mask = padding, .average_attn_weights = false}).weights;
  CHECK(weights.sizes() == Dims{2, 2, 3, 3});
  CHECK(weights.index({0, Ellipsis, 2}).abs().max().item() == 0);
  CHECK(weights.index({1, Ellipsis, 1}).abs().max().item() == 0);
  const Tensor causal = attention(x, x, x, {.is_causal = true}).weights;
  CHECK(equal(causal, causal.tril()));
  // A bool mask and -inf added are the same.
  const Tensor ahead = ones({3, 3}, {.dtype = boolean}).triu(1);
  const Tensor added = zeros({3, 3}).masked_fill(ahead, -kInfinity);
  CHECK(equal(attention(x, x, x, {.attn_mask = ahead}).weights,
              attention(x, x, x, {.attn_mask = added}).weights));
}

TEST_CASE("batch first or second, or no batch at all, is the same attention") {
  manual_seed(4);
  const nn::MultiheadAttention second(8, 4);
  nn::MultiheadAttention first(8, 4, {.batch_first = true});
  first.load_state_dict(second.state_dict());
  const Tensor x = randn({3, 2, 8});
  const Tensor y = second(x, x, x).output;
  CHECK(y.sizes() == Dims{3, 2, 8});
  const Tensor t = x.transpose(0, 1);
  CHECK(allclose(first(t, t, t).output.transpose(0, 1), y, 1e-5, 1e-6));
  const Tensor one = x.select(1, 1);
  const auto [output, weights] = second(one, one, one);
  CHECK(output.sizes() == Dims{3, 8});
  CHECK(weights.sizes() == Dims{3, 3});
  CHECK(allclose(output, y.select(1, 1), 1e-5, 1e-6));
}

TEST_CASE("gradients agree with finite differences both ways") {
  manual_seed(5);
  const Tensor x = draw({2, 3, 4}), key = draw({2, 2, 3}), value = draw({2, 2, 5});
  for (const bool need_weights : {true, false}) {
    const nn::AttentionCall how{.need_weights = need_weights};
    const nn::MultiheadAttention same(4, 2, {.batch_first = true, .dtype = float64});
    const auto self_attention = testing::gradcheck_module(
        same, {x}, [&](const auto& copy, const std::vector<Tensor>& given) {
          const auto [output, weights] = copy(given[0], given[0], given[0], how);
          return weights.defined() ? std::vector<Tensor>{output, weights}
                                   : std::vector<Tensor>{output};
        });
    CHECK_MESSAGE(self_attention.passed, self_attention.message);

    const nn::MultiheadAttention apart(
        4, 2, {.kdim = 3, .vdim = 5, .batch_first = true, .dtype = float64});
    const auto cross = testing::gradcheck_module(
        apart, {x, key, value}, [&](const auto& copy, const std::vector<Tensor>& given) {
          return copy(given[0], given[1], given[2], how).output;
        });
    CHECK_MESSAGE(cross.passed, cross.message);
  }
}

TEST_CASE("dropout of weights is for training only") {
  manual_seed(6);
  nn::MultiheadAttention attention(4, 2, {.dropout = 0.5, .batch_first = true});
  const Tensor x = randn({1, 6, 4});
  manual_seed(7);
  const Tensor first = attention(x, x, x).output;
  CHECK_FALSE(equal(first, attention(x, x, x).output));
  manual_seed(7);
  CHECK(equal(attention(x, x, x, {.need_weights = false}).output, first));
  attention.eval();
  CHECK(equal(attention(x, x, x).output, attention(x, x, x).output));
}

TEST_CASE("what does not fit is refused in a sentence") {
  const nn::MultiheadAttention attention(4, 2);
  const Tensor x = ones({3, 2, 4});
  const auto refusal = [&](const Tensor& q, const Tensor& k, const Tensor& v,
                           const nn::AttentionCall& how = {}) -> std::string {
    try {
      attention(q, k, v, how);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  CHECK(refusal(ones({3, 2, 5}), x, x) ==
        "MultiheadAttention: query: expected last dimension 4, got 5");
  CHECK(refusal(x, ones({3, 2, 5}), x) ==
        "MultiheadAttention: key: expected last dimension 4, got 5");
  CHECK(refusal(x, x, ones({3, 2, 5})) ==
        "MultiheadAttention: value: expected last dimension 4, got 5");
  CHECK(refusal(ones({4}), x, x) ==
        "MultiheadAttention: query should be unbatched 2D or batched 3D, but received [4]");
  CHECK(refusal(x, ones({3, 4}), x).find("as many dimensions") != std::string::npos);
  CHECK(refusal(x, x, ones({2, 2, 4})).find("do not belong together") != std::string::npos);
  CHECK(refusal(x, x, x, {.attn_mask = ones({2, 2}, {.dtype = boolean})}) ==
        "MultiheadAttention: The shape of the attn_mask is [2, 2], but should be [3, 3] or "
        "[4, 3, 3]");
  CHECK(refusal(x, x, x, {.key_padding_mask = ones({3, 2}, {.dtype = boolean})}) ==
        "MultiheadAttention: expecting key_padding_mask shape of [2, 3], but got [3, 2]");
  CHECK(refusal(x, x, x, {.attn_mask = ones({3, 3}, {.dtype = int64})}) ==
        "MultiheadAttention: attn_mask is bool or floating, got int64");
}
