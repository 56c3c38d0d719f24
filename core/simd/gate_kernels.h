// gelu and gelu_tanh by table, for sets whose registers can look one up (gate_tables.h).
#pragma once

#include <cstdint>

#include "core/simd/gate_tables.h"
#include "core/simd/kernels.h"
#include "core/simd/math_erf.h"
#include "core/simd/math_exp.h"
#include "core/simd/row_loops.h"

namespace heed::simd {

/// Float sets with a permute of two registers by the low five bits of an index.
template <class Arch>
inline constexpr bool kHasGateTables = kWideMask<Arch>;

#ifdef __AVX512F__
/// x G(x). Each lane is computed one way or the other by its own value alone, so that a result does
/// not depend on its neighbours.
template <class Arch, bool streaming, class Formula>
void gate_loop(float* out, const float* x, std::int64_t n, const GateTable& table,
               const Formula& formula) {
  using B = xsimd::batch<float, Arch>;
  if (streaming && !can_stream<Arch>(out)) {
    return gate_loop<Arch, false>(out, x, n, table, formula);
  }
  __m512 low[kGateDegree + 1], high[kGateDegree + 1];
#pragma GCC unroll 7
  for (int d = 0; d <= kGateDegree; ++d) {
    low[d] = _mm512_load_ps(table.coefficient[d]);
    high[d] = _mm512_load_ps(table.coefficient[d] + kGatePieces / 2);
  }
  const B round = constant<B>(Bits<B>::round);
  for_registers<Arch, float>(n, [&](std::int64_t j, const auto& lanes) {
    const B v = lanes.load(x + j);
    // The nearest multiple of the width; its low bits are the column of the table.
    const B shifted = multiply_add(v, constant<B>(1 / kGateWidth), round);
    const __m512i column = _mm512_castps_si512(shifted.data);
    const B h = multiply_add(shifted - round, constant<B>(-kGateWidth), v);
    const auto coefficient = [&](int d) {
      return B(_mm512_permutex2var_ps(low[d], column, high[d]));
    };
    B slope = coefficient(kGateDegree);
#pragma GCC unroll 6
    for (int d = kGateDegree - 1; d > 0; --d) slope = multiply_add(slope, h, coefficient(d));
    // v (c0 + h slope), with one rounding where it counts.
    B y = copy_sign(multiply_add(v, coefficient(0), (v * h) * slope), v);  // -0 stays
    const auto inside = xsimd::abs(v) < constant<B>(kGateRange);
    if (!xsimd::all(inside)) [[unlikely]] {
      y = xsimd::select(inside, y, formula(v));
    }
    if constexpr (streaming && std::is_same_v<decltype(lanes), const AllLanes<Arch, float>&>) {
      stream(out + j, y);
    } else {
      lanes.store(out + j, y);
    }
  });
  if constexpr (streaming) end_stream<Arch>();
}

template <class Arch, bool streaming>
void gelu_by_table(float* out, const float* x, std::int64_t n) {
  using B = xsimd::batch<float, Arch>;
  gate_loop<Arch, streaming>(out, x, n, gelu_gate_table(), [](B v) { return math::gelu(v); });
}
template <class Arch, bool streaming>
void gelu_tanh_by_table(float* out, const float* x, std::int64_t n) {
  using B = xsimd::batch<float, Arch>;
  gate_loop<Arch, streaming>(out, x, n, gelu_tanh_gate_table(),
                             [](B v) { return math::gelu_tanh(v); });
}
#endif

/// Puts them in the table, where the set has them. After fill_elementwise.
template <class Arch>
void fill_gates([[maybe_unused]] Kernels& table) {
#ifdef __AVX512F__
  if constexpr (kHasGateTables<Arch>) {
    table.f32.unary[static_cast<int>(UnaryOp::Gelu)] = &gelu_by_table<Arch, false>;
    table.f32.unary[static_cast<int>(UnaryOp::GeluTanh)] = &gelu_tanh_by_table<Arch, false>;
    table.f32.unary_streaming[static_cast<int>(UnaryOp::Gelu)] = &gelu_by_table<Arch, true>;
    table.f32.unary_streaming[static_cast<int>(UnaryOp::GeluTanh)] =
        &gelu_tanh_by_table<Arch, true>;
  }
#endif
}

}  // namespace heed::simd
