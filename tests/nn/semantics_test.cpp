// What layers refuse, in PyTorch's words.
#include <doctest/doctest.h>

#include <string>

#include "core/factory.h"
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
