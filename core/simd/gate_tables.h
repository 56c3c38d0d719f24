// gelu's gates as pieces of polynomials: gelu(x) = x G(x), G the normal distribution for the exact
// form, sigmoid(2 u(x)) for the tanh form.
//
// Around each multiple of 1/4 from -4 to 3.75, G is a polynomial of degree 6 in the distance from
// it, the one that meets G at seven Chebyshev points: with 32 pieces a coefficient is one permute
// of two AVX-512 registers, and a value costs neither an exponential nor a division. What lies
// outside is left to the formulas.
#pragma once

namespace heed::simd {

inline constexpr int kGatePieces = 32;
inline constexpr int kGateDegree = 6;
inline constexpr double kGateWidth = 0.25;
/// |x| below this is inside.
inline constexpr double kGateRange = 3.85;

/// coefficient[d][k mod 32] multiplies h^d where x = k / 4 + h, -16 <= k < 16.
struct GateTable {
  alignas(64) float coefficient[kGateDegree + 1][kGatePieces];
};

/// Computed at the first call. In a translation unit for every CPU.
const GateTable& gelu_gate_table();
const GateTable& gelu_tanh_gate_table();

}  // namespace heed::simd
