#include "nn/transformer.h"

#include <doctest/doctest.h>

#include "core/factory.h"
#include "core/ops/ops.h"
#include "core/random.h"
#include "support/gradcheck_module.h"

using namespace heed;

namespace {

nn::TransformerLayerOptions small(bool norm_first, const char* activation = "gelu") {
  return {.dim_feedforward = 5,
          .dropout = 0,
          .activation = activation,
          .batch_first = true,
          .norm_first = norm_first,
          .dtype = float64};
}

Tensor draw(const Dims& sizes) { return randn(sizes, {.dtype = float64, .requires_grad = true}); }

}  // namespace

TEST_CASE("the encoder layer's state has PyTorch's keys") {
  const nn::TransformerEncoderLayer layer(4, 2, {.dim_feedforward = 5});
  std::string keys;
  for (const auto& [key, tensor] : layer.state_dict()) keys += key + ' ';
  CHECK(keys ==
        "self_attn.in_proj_weight self_attn.in_proj_bias self_attn.out_proj.weight "
        "self_attn.out_proj.bias linear1.weight linear1.bias linear2.weight linear2.bias "
        "norm1.weight norm1.bias norm2.weight norm2.bias ");
}

TEST_CASE(
    "encoder and decoder layers have the gradients of finite differences, norm before or after") {
  manual_seed(1);
  for (const bool norm_first : {false, true}) {
    CAPTURE(norm_first);
    const Tensor x = draw({1, 3, 4}), memory = draw({1, 2, 4});
    const auto encoder =
        testing::gradcheck_module(nn::TransformerEncoderLayer(4, 2, small(norm_first)), {x});
    CHECK_MESSAGE(encoder.passed, encoder.message);
    const auto decoder =
        testing::gradcheck_module(nn::TransformerDecoderLayer(4, 2, small(norm_first)), {x, memory},
                                  [](const auto& copy, const std::vector<Tensor>& given) {
                                    return copy(given[0], given[1], {.tgt_is_causal = true});
                                  });
    CHECK_MESSAGE(decoder.passed, decoder.message);
    const std::optional<nn::LayerNorm> norm(std::in_place, 4,
                                            nn::LayerNormOptions{.dtype = float64});
    const auto encoders = testing::gradcheck_module(
        nn::TransformerEncoder(nn::TransformerEncoderLayer(4, 2, small(norm_first)), 2, norm), {x});
    CHECK_MESSAGE(encoders.passed, encoders.message);
    const auto decoders = testing::gradcheck_module(
        nn::TransformerDecoder(nn::TransformerDecoderLayer(4, 2, small(norm_first)), 2, norm),
        {x, memory}, [](const auto& copy, const std::vector<Tensor>& given) {
          return copy(given[0], given[1]);
        });
    CHECK_MESSAGE(decoders.passed, decoders.message);
  }
}

TEST_CASE("a stack starts with clones of its layer and ends with its norm") {
  manual_seed(2);
  const nn::TransformerEncoderLayer layer(4, 2, small(true));
  nn::TransformerEncoder encoder(layer, 2, nn::LayerNorm(4, {.dtype = float64}));
  CHECK(equal(encoder.layers[1].linear1.weight, layer.linear1.weight));
  CHECK_FALSE(encoder.layers[1].linear1.weight.is(layer.linear1.weight));
  CHECK_FALSE(encoder.layers[1].linear1.weight.is(encoder.layers[0].linear1.weight));
  CHECK(encoder.named_parameters().back().first == "norm.bias");
  const Tensor x = draw({2, 3, 4});
  CHECK(equal(encoder(x), (*encoder.norm)(encoder.layers[1](encoder.layers[0](x)))));

  const nn::TransformerDecoder decoder(nn::TransformerDecoderLayer(4, 2, small(false)), 3);
  CHECK(decoder.layers.size() == 3);
  CHECK(decoder(x, draw({2, 5, 4})).sizes() == Dims{2, 3, 4});
  CHECK(encoder.clone().layers[0].norm1.weight.sizes() == Dims{4});
}

TEST_CASE("with a causal mask nobody sees ahead") {
  manual_seed(3);
  const nn::TransformerEncoder encoder(nn::TransformerEncoderLayer(4, 2, small(true)), 2);
  const Tensor x = draw({1, 4, 4}).detach();
  const Tensor y = encoder(x, {.mask = nn::causal_mask(4)});
  CHECK(allclose(encoder(x.narrow(1, 0, 2), {.is_causal = true}), y.narrow(1, 0, 2), 1e-10));
  CHECK_FALSE(allclose(encoder(x.narrow(1, 0, 2)), y.narrow(1, 0, 2), 1e-3));
}

TEST_CASE("what a stack refuses is named by its path") {
  const nn::TransformerEncoder encoder(nn::TransformerEncoderLayer(4, 2), 2);
  CHECK_THROWS_WITH_AS(encoder(ones({3, 1, 5})),
                       "layers.0.self_attn: query: expected last dimension 4, got 5", Error);
  CHECK_THROWS_WITH_AS(nn::TransformerEncoder(nn::TransformerEncoderLayer(4, 2), -1),
                       "num_layers must not be negative, got -1", Error);
  CHECK_THROWS_WITH_AS(nn::TransformerEncoderLayer(4, 2, {.activation = "step"}),
                       "activation should be relu/gelu, not step", Error);
}
