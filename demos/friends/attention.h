// The notebook's mathematics: four friends, three weights, and what comes of them.
#pragma once

#include <heed.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace friends {

using heed::Tensor;

inline const std::vector<std::string> kNames = {"Alice", "Bob", "Charlie", "Daisy"};

/// One row a friend, three features each: (4, 3).
Tensor four_friends();

/// A layer with the three trainable weights, query, key and value, drawn in this order from the
/// seed.
using Layer = heed::nn::SelfAttention;
Layer layer_from(std::uint64_t seed);

/// One pass of self-attention over the friends, written out so that every step can be shown. Rows
/// are friends.
struct Attention {
  Tensor q, k, v;  // (4, 3)
  Tensor scores;   // (4, 4): q k^T / sqrt(3)
  Tensor weights;  // (4, 4): softmax of each row of scores
  Tensor output;   // (4, 3): weights v
};
Attention attend(const Tensor& friends, const Layer& layer);

/// What each friend learns to say: what the next friend is.
Tensor target_of(const Tensor& friends);

/// The gradients of the layer's mean squared error, in float64, for the friends and all three
/// weights, against finite differences.
heed::autograd::GradcheckResult check_gradients(const Tensor& friends, const Layer& layer);

/// The values of attention weights (4, 4) as plain numbers: [listener][listened to].
using Shares = std::array<std::array<double, 4>, 4>;
Shares shares(const Tensor& attention_weights);

}  // namespace friends
