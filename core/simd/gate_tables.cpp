#include "core/simd/gate_tables.h"

#include <array>
#include <cmath>
#include <numbers>

#include "core/simd/reference/elementwise.h"

namespace heed::simd {

namespace {

// The polynomial through n points, by Newton's divided differences, multiplied out.
template <std::size_t n>
std::array<double, n> interpolate(const std::array<double, n>& at, std::array<double, n> value) {
  for (std::size_t order = 1; order < n; ++order) {
    for (std::size_t i = n - 1; i >= order; --i) {
      value[i] = (value[i] - value[i - 1]) / (at[i] - at[i - order]);
    }
  }
  std::array<double, n> coefficient{};
  coefficient[0] = value[n - 1];
  for (std::size_t i = n - 1; i-- > 0;) {  // times (h - at[i]), plus value[i]
    for (std::size_t d = n - 1; d > 0; --d) {
      coefficient[d] = coefficient[d - 1] - at[i] * coefficient[d];
    }
    coefficient[0] = value[i] - at[i] * coefficient[0];
  }
  return coefficient;
}

GateTable make_table(double (*gate)(double)) {
  constexpr std::size_t n = kGateDegree + 1;
  GateTable table;
  for (int k = -kGatePieces / 2; k < kGatePieces / 2; ++k) {
    std::array<double, n> at, value;
    for (std::size_t i = 0; i < n; ++i) {
      const double angle = std::numbers::pi * (static_cast<double>(i) + 0.5) / double{n};
      at[i] = kGateWidth / 2 * std::cos(angle);
      value[i] = gate(k * kGateWidth + at[i]);
    }
    const std::array<double, n> coefficient = interpolate(at, value);
    const int column = (k + kGatePieces) % kGatePieces;
    for (std::size_t d = 0; d < n; ++d) {
      table.coefficient[d][column] = static_cast<float>(coefficient[d]);
    }
  }
  return table;
}

}  // namespace

const GateTable& gelu_gate_table() {
  static const GateTable table = make_table(&reference::normal_cdf);
  return table;
}

const GateTable& gelu_tanh_gate_table() {
  static const GateTable table = make_table(&reference::gelu_tanh_gate);
  return table;
}

}  // namespace heed::simd
