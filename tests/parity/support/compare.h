// Holding results against PyTorch's: README.md says how close.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tests/parity/support/fixture.h"

namespace heed::parity {

/// How far an element may be off, given the float64 result: a count of float32 units in the last
/// place, and a tolerance relative to the larger of the element and `scale`.
struct Tolerance {
  double relative = 0;
  double scale = 0;
  double ulps = 0;
};

/// What is wrong with `actual` as a result that should be `sizes` of `dtype` with the values
/// `expected` (NaN and infinities in the same places); empty when nothing is. Names the worst
/// element.
std::string difference(const Tensor& actual, const Dims& sizes, DType dtype,
                       const std::vector<double>& expected, const Tolerance& tolerance);

/// The largest finite absolute value; 0 when there is none.
double largest(const std::vector<double>& values);

/// The inputs of a case with shapes and strides, and its arguments, for messages.
std::string describe(const Json& record, const std::vector<Tensor>& inputs);

/// Runs one case with floating inputs of the given type; returns what is wrong with it.
std::string run_case(const Json& record, DType floating);

}  // namespace heed::parity
