#include "nn/container.h"

#include <doctest/doctest.h>

#include "core/factory.h"
#include "core/ops/ops.h"
#include "core/random.h"
#include "nn/activation.h"
#include "nn/linear.h"

using namespace heed;

TEST_CASE("Sequential feeds each layer with what the one before it made") {
  manual_seed(1);
  const nn::Linear first(3, 5), second(5, 2);
  const nn::Sequential net(first, nn::Tanh(), second);
  const Tensor x = ones({4, 3});
  CHECK(equal(net(x), second(tanh(first(x)))));
  CHECK(net.size() == 3);
  CHECK(net.named_parameters()[2].first == "2.weight");
  CHECK(nn::Sequential()(x).is(x));
}

TEST_CASE("a Sequential copy has layers of its own that share parameters, a clone shares none") {
  nn::Sequential net(nn::Linear(3, 3), nn::ReLU());
  const nn::Sequential copy(net), twin = net.clone();
  CHECK(copy.size() == 2);  // not a Sequential in a Sequential
  CHECK(copy.at<nn::Linear>(0).weight.is(net.at<nn::Linear>(0).weight));
  CHECK(&copy[0] != &net[0]);
  CHECK_FALSE(twin.at<nn::Linear>(0).weight.is(net.at<nn::Linear>(0).weight));
  net.eval();
  CHECK(copy.at<nn::Linear>(0).training());
  nn::Sequential assigned;
  assigned = net;
  CHECK_FALSE(assigned.training());
  CHECK(assigned.at<nn::Linear>(0).weight.is(net.at<nn::Linear>(0).weight));
}

TEST_CASE("Sequential layers are found by index and kind, and may have names") {
  nn::Sequential net;
  net.push_back("fc", nn::Linear(2, 2)).push_back("act", nn::GELU());
  CHECK(net.named_parameters()[0].first == "fc.weight");
  CHECK(net.at<nn::GELU>(1).approximate == "none");
  CHECK_THROWS_WITH_AS(net.at<nn::Linear>(1), "layer 1 is a GELU, not a Linear", Error);
  CHECK_THROWS_WITH_AS(net[2], "index 2 is out of range for a Sequential of 2", Error);
  CHECK_THROWS_WITH_AS(
      net(ones({1, 3})),
      "fc: expected last dimension 2, got 3 (mat1 and mat2 shapes cannot be multiplied (1x3 and "
      "2x2))",
      Error);
}

TEST_CASE("ModuleList is a vector of modules whose parameters are listed") {
  nn::ModuleList<nn::Linear> layers;
  layers.emplace_back(2, 3);
  layers.push_back(nn::Linear(3, 4));
  CHECK(layers.size() == 2);
  CHECK(layers.named_parameters()[3].first == "1.bias");
  Tensor x = ones({2});
  for (const nn::Linear& layer : layers) x = layer(x);
  CHECK(x.sizes() == Dims{4});
  const auto twin = layers.clone();
  CHECK_FALSE(twin[0].weight.is(layers[0].weight));
  CHECK_THROWS_WITH_AS(layers[2], "index 2 is out of range for a ModuleList of 2", Error);
  CHECK_THROWS_WITH_AS(twin[2], "index 2 is out of range for a ModuleList of 2", Error);
}
