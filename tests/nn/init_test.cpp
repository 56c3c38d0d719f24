#include "nn/init.h"

#include <doctest/doctest.h>

#include <cmath>

#include "core/factory.h"
#include "core/ops/ops.h"
#include "core/random.h"

using namespace heed;
namespace init = heed::nn::init;

TEST_CASE("the gains of nonlinearities are PyTorch's") {
  CHECK(init::calculate_gain("linear") == 1);
  CHECK(init::calculate_gain("sigmoid") == 1);
  CHECK(init::calculate_gain("tanh") == 5.0 / 3);
  CHECK(init::calculate_gain("relu") == std::sqrt(2.0));
  CHECK(init::calculate_gain("leaky_relu", 0.2) == std::sqrt(2 / 1.04));
  CHECK(init::calculate_gain("selu") == 0.75);
  CHECK_THROWS_WITH_AS(init::calculate_gain("step"), "Unsupported nonlinearity step", Error);
}

TEST_CASE("fans count what an output sees and what an input reaches") {
  const auto [in, out] = init::calculate_fan_in_and_fan_out(empty({4, 3, 5, 2}));
  CHECK(in == 30);
  CHECK(out == 40);
  CHECK_THROWS_AS(init::calculate_fan_in_and_fan_out(empty({4})), Error);
}

TEST_CASE("uniform initialisations stay within their bounds and fill them") {
  manual_seed(5);
  const Tensor w = empty({300, 200}, {.requires_grad = true});
  const auto check_bound = [&](double bound) {
    CHECK(w.abs().max().item() <= bound);
    CHECK(w.abs().max().item() > bound * 0.999);
    CHECK(std::abs(w.mean().item()) < bound * 0.01);
    CHECK(w.requires_grad());
  };
  init::xavier_uniform_(w, 2);
  check_bound(2 * std::sqrt(6.0 / 500));
  init::kaiming_uniform_(w);
  check_bound(std::sqrt(6.0 / 200));
  init::kaiming_uniform_(w, {.mode = "fan_out", .nonlinearity = "linear"});
  check_bound(std::sqrt(3.0 / 300));
  init::uniform_(w, -3, 3);
  check_bound(3);
  CHECK_THROWS_AS(init::kaiming_uniform_(w, {.mode = "fan"}), Error);
}

TEST_CASE("normal initialisations have their spread") {
  manual_seed(6);
  const Tensor w = empty({300, 200});
  init::xavier_normal_(w);
  CHECK(w.std().item() == doctest::Approx(std::sqrt(2.0 / 500)).epsilon(0.02));
  init::kaiming_normal_(w, {.nonlinearity = "relu"});
  CHECK(w.std().item() == doctest::Approx(std::sqrt(2.0 / 200)).epsilon(0.02));
  init::normal_(w, 5, 0.1);
  CHECK(w.mean().item() == doctest::Approx(5).epsilon(0.001));
}

TEST_CASE("the truncated normal distribution is held to its bounds and keeps its shape inside") {
  manual_seed(7);
  const Tensor w = empty({100000}, {.dtype = float64});
  init::trunc_normal_(w, 1, 2, -1, 5);
  CHECK(w.min().item() >= -1);
  CHECK(w.max().item() <= 5);
  // Cut at -1 and +2 standard deviations: the share below the mean is (Φ(0) - Φ(-1)) over
  // Φ(2) - Φ(-1).
  const double share = (w < 1).to(float64).mean().item();
  CHECK(share == doctest::Approx(0.3413447 / 0.8185946).epsilon(0.01));
}

TEST_CASE("the truncated normal distribution inverts the error function") {
  // Whatever is drawn, the uniform number behind it is found again by erf.
  manual_seed(8);
  const Tensor w = init::trunc_normal_(empty({1000}, {.dtype = float64}), 0, 1, -6, 6);
  manual_seed(8);
  const double edge = std::erf(6 / std::sqrt(2.0));
  const Tensor u = init::uniform_(empty({1000}, {.dtype = float64}), -edge, edge);
  CHECK(allclose(erf(w / std::sqrt(2.0)), u, 1e-12, 1e-13));
}

TEST_CASE("constants") {
  const Tensor w = empty({2, 3}, {.requires_grad = true});
  CHECK(equal(init::ones_(w), ones({2, 3})));
  CHECK(equal(init::zeros_(w), zeros({2, 3})));
  CHECK(equal(init::constant_(w, 0.5), full({2, 3}, 0.5f)));
  CHECK(equal(init::eye_(w), eye(2, 3)));
  CHECK_THROWS_AS(init::eye_(empty({2})), Error);
}
