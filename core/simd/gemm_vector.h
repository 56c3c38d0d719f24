// A row times a matrix: y = x B, y (n), x (k), B (k, n); and so a matrix times a column, which is
// the same of the transpose. Each element of B is used once, so all that counts is to read it in
// the order in which it lies: along rows, adding multiples of them to y, or down columns, as dot
// products.
#pragma once

#include <cstdint>
#include <xsimd/xsimd.hpp>

#include "core/parallel.h"
#include "core/simd/lanes.h"

namespace heed::simd {

template <class T>
struct GemmVector {
  std::int64_t n, k;
  const T* x;
  std::int64_t x_step;
  const T* b;
  std::int64_t b_row, b_col;  // b_row is 1, or b_col and y_step are
  T* y;
  std::int64_t y_step;
  const T* bias;  // null, or one value an element of y, bias_step apart
  std::int64_t bias_step;
  bool accumulate;
};

// y[begin, end) where the rows of B are contiguous: four rows of B at a time are added to y.
template <class Arch, class T>
void gemm_vector_rows(const GemmVector<T>& g, std::int64_t begin, std::int64_t end) {
  using Batch = xsimd::batch<T, Arch>;
  constexpr std::int64_t lanes = static_cast<std::int64_t>(Batch::size);
  for (std::int64_t j = begin; j < end; ++j) {
    T start = g.accumulate ? g.y[j] : T(0);
    if (g.bias != nullptr) start += g.bias[j * g.bias_step];
    g.y[j] = start;
  }
  const std::int64_t whole = begin + (end - begin) / lanes * lanes;
  const LaneMask<Arch, T> mask(end - whole);
  std::int64_t p = 0;
  for (; p + 4 <= g.k; p += 4) {
    const T* row = g.b + p * g.b_row;
    const T* x = g.x + p * g.x_step;
    const Batch x0(x[0]), x1(x[g.x_step]), x2(x[2 * g.x_step]), x3(x[3 * g.x_step]);
    for (std::int64_t j = begin; j < whole; j += lanes) {
      Batch y = Batch::load_unaligned(g.y + j);
      y = multiply_add(x0, Batch::load_unaligned(row + j), y);
      y = multiply_add(x1, Batch::load_unaligned(row + g.b_row + j), y);
      y = multiply_add(x2, Batch::load_unaligned(row + 2 * g.b_row + j), y);
      y = multiply_add(x3, Batch::load_unaligned(row + 3 * g.b_row + j), y);
      y.store_unaligned(g.y + j);
    }
    if (whole < end) {
      Batch y = mask.load(g.y + whole);
      y = multiply_add(x0, mask.load(row + whole), y);
      y = multiply_add(x1, mask.load(row + g.b_row + whole), y);
      y = multiply_add(x2, mask.load(row + 2 * g.b_row + whole), y);
      y = multiply_add(x3, mask.load(row + 3 * g.b_row + whole), y);
      mask.store(g.y + whole, y);
    }
  }
  for (; p < g.k; ++p) {
    const T* row = g.b + p * g.b_row;
    const Batch x0(g.x[p * g.x_step]);
    for (std::int64_t j = begin; j < whole; j += lanes) {
      multiply_add(x0, Batch::load_unaligned(row + j), Batch::load_unaligned(g.y + j))
          .store_unaligned(g.y + j);
    }
    if (whole < end)
      mask.store(g.y + whole, multiply_add(x0, mask.load(row + whole), mask.load(g.y + whole)));
  }
}

// The sums over the lanes of as many registers as a register has lanes, in the order of sum_lanes:
// each round adds the halves of two registers and interleaves them.
template <class Arch, class T>
xsimd::batch<T, Arch> sum_each(xsimd::batch<T, Arch>* x) {
#pragma GCC unroll 4
  for (int count = static_cast<int>(xsimd::batch<T, Arch>::size) / 2; count > 0; count /= 2) {
#pragma GCC unroll 8
    for (int i = 0; i < count; ++i) {
      x[i] = interleave_low(x[i], x[i + count]) + interleave_high(x[i], x[i + count]);
    }
  }
  return x[0];
}

// Columns dot products of x (contiguous) with columns of B. A column is summed in the same order
// whatever Columns is.
template <class Arch, class T, int Columns>
void gemm_vector_dots(const GemmVector<T>& g, const T* x, std::int64_t j) {
  using Batch = xsimd::batch<T, Arch>;
  constexpr int lanes = static_cast<int>(Batch::size);
  constexpr int chains = lanes >= 8 ? 1 : 2;
  constexpr int group = Columns < 4 ? Columns : 4;  // columns addressed from one pointer
  Batch sum[Columns][chains];
#pragma GCC unroll 16
  for (int c = 0; c < Columns; ++c) {
    for (int i = 0; i < chains; ++i) sum[c][i] = Batch(T(0));
  }
  const T* column[Columns / group];
  for (int i = 0; i < Columns / group; ++i) column[i] = g.b + (j + i * group) * g.b_col;
  std::int64_t p = 0;
  for (; p + chains * lanes <= g.k; p += chains * lanes) {
    Batch xs[chains];
    for (int i = 0; i < chains; ++i) xs[i] = Batch::load_unaligned(x + p + i * lanes);
#pragma GCC unroll 16
    for (int c = 0; c < Columns; ++c) {
      const T* b = column[c / group] + (c % group) * g.b_col + p;
      for (int i = 0; i < chains; ++i) {
        sum[c][i] = multiply_add(xs[i], Batch::load_unaligned(b + i * lanes), sum[c][i]);
      }
    }
  }
  for (; p < g.k; p += lanes) {
    const LaneMask<Arch, T> mask(g.k - p < lanes ? g.k - p : lanes);
    const Batch xs = mask.load(x + p);
#pragma GCC unroll 16
    for (int c = 0; c < Columns; ++c) {
      const T* b = column[c / group] + (c % group) * g.b_col + p;
      sum[c][0] = multiply_add(xs, mask.load(b), sum[c][0]);
    }
  }
  alignas(64) T sums[Columns < lanes ? lanes : Columns];
  Batch one[Columns];
#pragma GCC unroll 16
  for (int c = 0; c < Columns; ++c)
    one[c] = chains == 1 ? sum[c][0] : sum[c][0] + sum[c][chains - 1];
  if constexpr (Columns == lanes) {
    const Batch all = sum_each<Arch, T>(one);
    if (g.y_step == 1 && g.bias == nullptr && !g.accumulate) {
      all.store_unaligned(g.y + j);
      return;
    }
    all.store_aligned(sums);
  } else {
    for (int c = 0; c < Columns; ++c) sums[c] = sum_lanes(one[c]);
  }
  for (int c = 0; c < Columns; ++c) {
    T* y = g.y + (j + c) * g.y_step;
    T value = sums[c];
    if (g.bias != nullptr) value += g.bias[(j + c) * g.bias_step];
    *y = g.accumulate ? *y + value : value;
  }
}

template <class Arch, class T>
void gemm_vector_piece(const GemmVector<T>& g, std::int64_t begin, std::int64_t end) {
  if (g.b_col == 1 && g.y_step == 1) {
    gemm_vector_rows<Arch>(g, begin, end);
    return;
  }
  const T* x = g.x;
  if (g.x_step != 1) {
    T* copy = static_cast<T*>(thread_scratch(0, static_cast<std::int64_t>(sizeof(T)) * g.k));
    for (std::int64_t p = 0; p < g.k; ++p) copy[p] = g.x[p * g.x_step];
    x = copy;
  }
  constexpr int lanes = static_cast<int>(xsimd::batch<T, Arch>::size);
  std::int64_t j = begin;
  for (; j + lanes <= end; j += lanes) gemm_vector_dots<Arch, T, lanes>(g, x, j);
  if constexpr (lanes > 4) {
    for (; j + 4 <= end; j += 4) gemm_vector_dots<Arch, T, 4>(g, x, j);
  }
  for (; j < end; ++j) gemm_vector_dots<Arch, T, 1>(g, x, j);
}

}  // namespace heed::simd
