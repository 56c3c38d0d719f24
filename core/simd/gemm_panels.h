// A packed right operand of which any part can be multiplied: what attention packs once a head and
// then uses in pieces.
#pragma once

#include <cstdint>

#include "core/simd/gemm_block.h"
#include "core/simd/gemm_pack.h"

namespace heed::simd {

/// A (depth, columns) matrix in panels of kPanelColumns columns, each row-major on its own.
template <class Arch, class T>
struct GemmPanels {
  static constexpr std::int64_t panel =
      GemmTiles<Arch>::max_vectors * static_cast<std::int64_t>(xsimd::batch<T, Arch>::size);
  const T* data;
  std::int64_t depth, columns;

  /// Elements that pack() writes, at most.
  static std::int64_t size(std::int64_t depth, std::int64_t columns) {
    return depth * ((columns + panel - 1) / panel) * panel + panel;
  }
};

template <class Arch, class T>
GemmPanels<Arch, T> pack_panels(T* out, const T* b, std::int64_t row, std::int64_t col,
                                std::int64_t depth, std::int64_t columns) {
  constexpr std::int64_t panel = GemmPanels<Arch, T>::panel;
  for (std::int64_t j = 0; j < columns; j += panel) {
    const std::int64_t width = columns - j < panel ? columns - j : panel;
    pack_b<Arch>(out + j * depth, b + j * col, row, col, depth, width);
  }
  return {out, depth, columns};
}

/// C (m, n) = A (m, k) times rows [p, p + k) and columns [j, j + n) of B, j a multiple of the
/// panel;
/// + C where `accumulate`. A is read in place.
template <class Arch, class T>
void gemm_with_panels(std::int64_t m, std::int64_t n, std::int64_t k, const T* a,
                      std::int64_t a_row, std::int64_t a_col, const GemmPanels<Arch, T>& b,
                      std::int64_t p, std::int64_t j, T* c, std::int64_t c_row, bool accumulate) {
  constexpr std::int64_t panel = GemmPanels<Arch, T>::panel;
  for (std::int64_t done = 0; done < n; done += panel, j += panel) {
    const std::int64_t left = b.columns - j;
    const std::int64_t width = packed_width<Arch, T>(left < panel ? left : panel);
    const GemmOperand<T> right{b.data + j * b.depth + p * width, width, 1, false};
    gemm_block<Arch, T>(m, n - done < panel ? n - done : panel, k, {a, a_row, a_col, false}, right,
                        c + done, c_row, nullptr, accumulate);
  }
}

}  // namespace heed::simd
