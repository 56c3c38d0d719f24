// Rows of the operations that layers and losses are made of.
#pragma once

#include "row.h"

namespace heed::testing {

inline std::vector<Row> neural_rows() {
  const std::vector<Shapes> m{{{3, 4}}, {{1, 3}}, {{3, 1}}};
  const std::vector<Shapes> cube{{{2, 3, 2}}};
  const std::vector<Shapes> qkv{{{3, 2}, {4, 2}, {4, 3}},
                                {{2, 3, 2}, {2, 4, 2}, {2, 4, 3}},
                                {{2, 1, 3, 2}, {2, 1, 4, 2}, {2, 1, 4, 1}}};
  const std::vector<Shapes> square{{{3, 2}, {3, 2}, {3, 2}},
                                   {{1, 2, 3, 2}, {1, 2, 3, 2}, {1, 2, 3, 2}}};
  const Tensor seen =
      tensor({{true, false, true, true}, {true, true, false, false}, {false, true, true, true}});
  return {
      on(
          "softmax", "", [](const Inputs& x) { return softmax(x[0], -1); }, m),
      on(
          "softmax", "middle dim", [](const Inputs& x) { return softmax(x[0], 1); }, cube),
      on(
          "log_softmax", "", [](const Inputs& x) { return log_softmax(x[0], -1); }, m),
      on(
          "log_softmax", "first dim", [](const Inputs& x) { return log_softmax(x[0], 0); }, cube),
      on("layer_norm", "weight and bias",
         [](const Inputs& x) { return layer_norm(x[0], {4}, x[1], x[2]); },
         {{{3, 4}, {4}, {4}}, {{2, 1, 4}, {4}, {4}}}),
      on(
          "layer_norm", "two dims, plain",
          [](const Inputs& x) {
            return layer_norm(x[0], {3, 2});
          },
          cube),
      on("layer_norm", "weight alone", [](const Inputs& x) { return layer_norm(x[0], {4}, x[1]); },
         {{{3, 4}, {4}}}),
      on("rms_norm", "weight", [](const Inputs& x) { return rms_norm(x[0], {4}, x[1]); },
         {{{3, 4}, {4}}, {{2, 1, 4}, {4}}}),
      on(
          "rms_norm", "plain",
          [](const Inputs& x) {
            return rms_norm(x[0], {3, 2});
          },
          cube),
      on("dropout", "training",
         [](const Inputs& x) {
           Generator generator(1);
           return dropout(x[0], 0.4, true, &generator);
         },
         {{{3, 4}}, {{2, 1}}}),
      on("dropout", "all or nothing",
         [](const Inputs& x) {
           return std::vector<Tensor>{dropout(x[0] * 1, 0.4, false), dropout(x[0] * 1, 0),
                                      dropout(x[0] * 1, 1)};
         },
         {{{3, 4}}}),
      on(
          "scaled_dot_product_attention", "",
          [](const Inputs& x) { return scaled_dot_product_attention(x[0], x[1], x[2]); }, qkv),
      on(
          "scaled_dot_product_attention", "causal, another scale",
          [](const Inputs& x) {
            return scaled_dot_product_attention(x[0], x[1], x[2],
                                                {.is_causal = true, .scale = 0.7});
          },
          square),
      on(
          "scaled_dot_product_attention", "a mask of what may be seen",
          [seen](const Inputs& x) {
            return scaled_dot_product_attention(x[0], x[1], x[2], {.attn_mask = seen});
          },
          qkv),
      on("scaled_dot_product_attention", "an additive mask that learns",
         [](const Inputs& x) {
           return scaled_dot_product_attention(x[0], x[1], x[2], {.attn_mask = x[3]});
         },
         {{{3, 2}, {4, 2}, {4, 3}, {3, 4}}, {{2, 3, 2}, {2, 4, 2}, {2, 4, 3}, {4}}}),
      on(
          "scaled_dot_product_attention", "dropout",
          [](const Inputs& x) {
            Generator generator(3);
            return scaled_dot_product_attention(x[0], x[1], x[2],
                                                {.dropout_p = 0.3, .generator = &generator});
          },
          qkv),
  };
}

inline std::vector<Row> loss_rows() {
  const std::vector<Shapes> pair{{{3, 2}, {3, 2}}, {{4}, {4}}};
  const Tensor classes = tensor({2, 0, 3});
  const Tensor some_ignored = tensor({2, 1, 3});
  const Tensor weight = tensor(std::vector<double>{0.5, 2, 1, 0.3});
  std::vector<Row> rows;
  for (const Reduction reduction : {Reduction::None, Reduction::Mean, Reduction::Sum}) {
    const auto with = [&](const char* op, auto f, std::vector<Shapes> shapes,
                          Domain domain = Domain::AwayFromZero) {
      const char* name = reduction == Reduction::None   ? "none"
                         : reduction == Reduction::Mean ? "mean"
                                                        : "sum";
      rows.push_back(on(op, name, f, std::move(shapes), domain));
    };
    with(
        "mse_loss", [=](const Inputs& x) { return mse_loss(x[0], x[1], reduction); }, pair);
    with(
        "l1_loss", [=](const Inputs& x) { return l1_loss(x[0], x[1], reduction); }, pair);
    with(
        "smooth_l1_loss",
        [=](const Inputs& x) { return smooth_l1_loss(x[0], x[1], reduction, 0.7); }, pair);
    with("cross_entropy",
         [=](const Inputs& x) { return cross_entropy(x[0], classes, {.reduction = reduction}); },
         {{{3, 4}}});
    with("cross_entropy",
         [=](const Inputs& x) {
           return cross_entropy(x[0], some_ignored,
                                {.weight = weight,
                                 .ignore_index = 1,
                                 .reduction = reduction,
                                 .label_smoothing = 0.2});
         },
         {{{3, 4}}});
    with("cross_entropy",
         [=](const Inputs& x) {
           return cross_entropy(x[0], some_ignored, {.ignore_index = 1, .reduction = reduction});
         },
         {{{3, 4}}});
    with("cross_entropy",
         [=](const Inputs& x) {
           return cross_entropy(x[0], softmax(x[1], 1),
                                {.weight = weight, .reduction = reduction, .label_smoothing = 0.1});
         },
         {{{3, 4}, {3, 4}}});
    with("cross_entropy",
         [=](const Inputs& x) {
           return cross_entropy(x[0], tensor({{0, 2}, {3, 1}}), {.reduction = reduction});
         },
         {{{2, 4, 2}}});
    with("cross_entropy",
         [=](const Inputs& x) { return cross_entropy(x[0], tensor(2), {.reduction = reduction}); },
         {{{4}}});
    with("nll_loss",
         [=](const Inputs& x) {
           return nll_loss(x[0], some_ignored,
                           {.weight = weight, .ignore_index = 1, .reduction = reduction});
         },
         {{{3, 4}}});
    with(
        "binary_cross_entropy_with_logits",
        [=](const Inputs& x) {
          return binary_cross_entropy_with_logits(x[0], sigmoid(x[1]), {.reduction = reduction});
        },
        pair);
    with("binary_cross_entropy_with_logits",
         [=](const Inputs& x) {
           return binary_cross_entropy_with_logits(
               x[0], sigmoid(x[1]),
               {.weight = weight, .pos_weight = weight * 2, .reduction = reduction});
         },
         {{{3, 4}, {3, 4}}});
    with(
        "kl_div", [=](const Inputs& x) { return kl_div(x[0], x[1], {.reduction = reduction}); },
        pair, Domain::Positive);
    with(
        "kl_div",
        [=](const Inputs& x) {
          return kl_div(x[0], x[1],
                        {.reduction = reduction,
                         .batch_mean = reduction == Reduction::Mean,
                         .log_target = true});
        },
        pair);
  }
  return rows;
}

}  // namespace heed::testing
