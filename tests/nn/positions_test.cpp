#include "nn/positions.h"

#include <doctest/doctest.h>

#include <cmath>

#include "core/factory.h"
#include "core/ops/ops.h"
#include "core/random.h"
#include "support/gradcheck_module.h"

using namespace heed;

TEST_CASE("the sinusoidal table is that of the paper") {
  const Tensor table = nn::sinusoidal_positions(5, 4, float64);
  CHECK(table.index({0}).to_vector<double>() == std::vector<double>{0, 1, 0, 1});
  CHECK(table.index({3, 2}).item() == doctest::Approx(std::sin(3 / 100.0)).epsilon(1e-14));
  CHECK(table.index({3, 1}).item() == doctest::Approx(std::cos(3.0)).epsilon(1e-14));
  const nn::SinusoidalPositions positions(5, 4);
  CHECK(positions.parameters().empty());
  CHECK(allclose(positions(zeros({2, 3, 4}), 1).select(0, 1), table.narrow(0, 1, 3).to(float32)));
}

TEST_CASE("learned positions are learned") {
  manual_seed(1);
  const nn::LearnedPositions positions(6, 3, {.dtype = float64});
  const Tensor x = randn({2, 4, 3}, {.dtype = float64, .requires_grad = true});
  CHECK(allclose(positions(x, 2), x + positions.weight.narrow(0, 2, 4)));
  const auto result = testing::gradcheck_module(positions, {x});
  CHECK_MESSAGE(result.passed, result.message);
}

TEST_CASE("positions beyond the table are refused") {
  const nn::LearnedPositions positions(6, 3);
  CHECK_THROWS_WITH_AS(positions(ones({4, 3}), 3),
                       "LearnedPositions: positions 3 to 6 asked for, but there are only 6", Error);
  CHECK_THROWS_WITH_AS(positions(ones({4, 2})), "LearnedPositions: expected (…, T, 3), got [4, 2]",
                       Error);
  CHECK_THROWS_AS(nn::RotaryPositions(3), Error);
}

TEST_CASE("rotary positions keep lengths, and products depend on distances only") {
  manual_seed(2);
  for (const bool interleaved : {true, false}) {
    const nn::RotaryPositions rotary(8, {.interleaved = interleaved});
    const Tensor q = randn({1, 8}, {.dtype = float64}), k = randn({1, 8}, {.dtype = float64});
    CHECK(allclose(rotary(q, 0), q));
    CHECK(allclose(rotary(q, 7).norm(), q.norm(), 1e-12));
    const Tensor near = rotary(q, 5).mul(rotary(k, 2)).sum();
    const Tensor far = rotary(q, 105).mul(rotary(k, 102)).sum();
    CHECK(allclose(near, far, 1e-10));
    const Tensor x = randn({2, 3, 8}, {.dtype = float64, .requires_grad = true});
    const auto result = testing::gradcheck_module(rotary, {x});
    CHECK_MESSAGE(result.passed, result.message);
    // Positions count along the sequence.
    CHECK(allclose(rotary(x).narrow(1, 2, 1), rotary(x.narrow(1, 2, 1), 2)));
  }
}
