// What layers refuse, in PyTorch's words, and what they start from.
#include <doctest/doctest.h>

#include <cmath>
#include <string>

#include "core/factory.h"
#include "core/ops/ops.h"
#include "core/random.h"
#include "nn/embedding.h"
#include "nn/linear.h"
#include "nn/multihead_attention.h"
#include "nn/norm.h"
#include "nn/transformer.h"
#include "support/refusal.h"

namespace {

using namespace heed;
using heed::test::check_says;

}  // namespace

TEST_CASE("attention heads must divide the width") {
  const char* words = "embed_dim must be divisible by num_heads";
  check_says(words, [] { nn::MultiheadAttention(7, 2); });
  check_says(words, [] { nn::TransformerEncoderLayer(9, 4); });
}

TEST_CASE("a Linear layer names the shapes that it cannot multiply") {
  check_says("4", [] { nn::Linear(4, 2)(zeros({3, 5})); });
  check_says("5", [] { nn::Linear(4, 2)(zeros({3, 5})); });
}

TEST_CASE("a LayerNorm names the shape it wants and the one it got") {
  check_says(
      "Given normalized_shape=[3], expected input with shape [*, 3], but got input of size[2, 4]",
      [] {
        nn::LayerNorm(Dims{3})(zeros({2, 4}));
      });
}

TEST_CASE("a Linear layer draws its weight row by row, then its bias, as PyTorch does") {
  for (const std::int64_t in : {3, 7, 64}) {
    manual_seed(1345481140);
    const nn::Linear layer(in, 5);
    manual_seed(1345481140);
    const double root = std::sqrt(static_cast<double>(in));
    const double bound = std::sqrt(3.0) * (std::sqrt(2.0 / (1 + 5)) / root);
    CHECK(equal(layer.weight, empty({5, in}).uniform_(-bound, bound)));
    CHECK(equal(layer.bias, empty({5}).uniform_(-1 / root, 1 / root)));
  }
}

TEST_CASE("an Embedding draws normal numbers") {
  manual_seed(1345481140);
  const nn::Embedding table(7, 4);
  manual_seed(1345481140);
  CHECK(equal(table.weight, randn({7, 4})));
}
