// What the tests of operations compare with, and how they catch errors.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/factory.h"
#include "core/ops/ops.h"
#include "support/refusal.h"

namespace heed::testing {

using test::check_error;
using test::refusal;

inline constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
inline constexpr double kInf = std::numeric_limits<double>::infinity();

/// A float64 tensor.
inline Tensor f64(const std::vector<double>& values, const Dims& sizes) {
  return tensor(values, sizes);
}
inline Tensor f64(const std::vector<double>& values) { return tensor(values); }
inline Tensor i64(const std::vector<std::int64_t>& values) { return tensor(values); }
inline Tensor i64(const std::vector<std::int64_t>& values, const Dims& sizes) {
  return tensor(values, sizes);
}

/// The same shape, NaN and infinities in the same places, numbers equal to `tolerance` relative to
/// the larger of 1 and the expected.
inline void check_values(const Tensor& actual, const Dims& sizes,
                         const std::vector<double>& expected, double tolerance = 1e-12) {
  CHECK_MESSAGE(actual.sizes() == sizes, actual.sizes(), " instead of ", sizes);
  const std::vector<double> got = actual.to_vector<double>();
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double want = expected[i];
    const bool same = std::isnan(want) ? std::isnan(got[i])
                      : std::isinf(want)
                          ? got[i] == want
                          : std::abs(got[i] - want) <= tolerance * std::max(1.0, std::abs(want));
    CHECK_MESSAGE(same, "element ", i, " is ", got[i], " instead of ", want);
  }
}

}  // namespace heed::testing
