#include "nn/summary.h"

#include <doctest/doctest.h>

#include "core/factory.h"
#include "nn/activation.h"
#include "nn/container.h"
#include "nn/dropout.h"
#include "nn/gpt.h"
#include "nn/linear.h"
#include "nn/multihead_attention.h"

using namespace heed;

TEST_CASE("summary is a table of layers, output shapes, parameters and memory") {
  nn::Sequential net(nn::Linear(3, 500), nn::ReLU(), nn::Dropout(), nn::Linear(500, 2));
  net.at<nn::Linear>(0).bias.requires_grad_(false);
  CHECK(nn::summary(net, {4, 3}) ==
        "-------------------------------------------------\n"
        "Layer          Output shape  Parameters    Memory\n"
        "-------------------------------------------------\n"
        "Sequential     [4, 2]             3,002  11.8 KiB\n"
        "  Linear (0)   [4, 500]           2,000  15.6 KiB\n"
        "  ReLU (1)     [4, 500]               0   7.8 KiB\n"
        "  Dropout (2)  [4, 500]               0   7.8 KiB\n"
        "  Linear (3)   [4, 2]             1,002   3.9 KiB\n"
        "-------------------------------------------------\n"
        "Parameters: 3,002 (2,502 trained, 500 frozen), 11.7 KiB\n"
        "Outputs of layers: 23.5 KiB\n");
}

TEST_CASE("summary counts shared parameters once and leaves the model as it was") {
  nn::GPT model({.block_size = 8, .vocab_size = 11, .n_layer = 2, .n_head = 2, .n_embd = 8});
  const std::string table = nn::summary(model, {1, 5}, int64);
  CHECK(table.find("        CausalSelfAttention (attn)") != std::string::npos);
  CHECK(table.find("[1, 5, 11]") != std::string::npos);
  CHECK(table.find("Parameters: " + std::to_string(model.num_parameters() / 1000) + ",") !=
        std::string::npos);
  CHECK(model.training());
  CHECK(model.transformer.h[0].training());
  CHECK(nn::detail::call_observer == nullptr);
}

TEST_CASE("summary takes several inputs") {
  const nn::MultiheadAttention attention(4, 2);
  const Tensor x = zeros({3, 1, 4});
  CHECK(nn::summary(attention, std::vector<Tensor>{x, x, x}).find("[3, 1, 4]") !=
        std::string::npos);
  CHECK(nn::summary(attention, {x, x, x}) == nn::summary(attention, std::vector<Tensor>{x, x, x}));
  CHECK_THROWS_AS(nn::summary(attention, std::vector<Tensor>{}), Error);
  CHECK_THROWS_WITH_AS(nn::summary(nn::Linear(4, 2), {x, x}),
                       "summary: Linear does not take 2 tensors", Error);
  CHECK_THROWS_AS(nn::summary(nn::Linear(3, 2), Dims{4, 5}), Error);
  CHECK(nn::detail::call_observer == nullptr);
}
