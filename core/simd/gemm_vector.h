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
  std::int64_t b_row, b_col;  // one of them is 1
  T* y;
  std::int64_t y_step;  // 1 where b_col is 1
  const T* bias;        // null, or one value an element of y, bias_step apart
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

// Columns dot products of x (contiguous) with columns of B, each in two chains that are added at
// the end, then a fixed tree over the lanes.
template <class Arch, class T, int Columns>
void gemm_vector_dots(const GemmVector<T>& g, const T* x, std::int64_t j) {
  using Batch = xsimd::batch<T, Arch>;
  constexpr std::int64_t lanes = static_cast<std::int64_t>(Batch::size);
  const T* column = g.b + j * g.b_col;
  Batch even[Columns], odd[Columns];
  for (int c = 0; c < Columns; ++c) even[c] = odd[c] = Batch(T(0));
  std::int64_t p = 0;
  for (; p + 2 * lanes <= g.k; p += 2 * lanes) {
    const Batch x0 = Batch::load_unaligned(x + p), x1 = Batch::load_unaligned(x + p + lanes);
#pragma GCC unroll 8
    for (int c = 0; c < Columns; ++c) {
      const T* b = column + c * g.b_col + p;
      even[c] = multiply_add(x0, Batch::load_unaligned(b), even[c]);
      odd[c] = multiply_add(x1, Batch::load_unaligned(b + lanes), odd[c]);
    }
  }
  for (; p < g.k; p += lanes) {
    const LaneMask<Arch, T> mask(g.k - p < lanes ? g.k - p : lanes);
    const Batch x0 = mask.load(x + p);
#pragma GCC unroll 8
    for (int c = 0; c < Columns; ++c) {
      even[c] = multiply_add(x0, mask.load(column + c * g.b_col + p), even[c]);
    }
  }
  for (int c = 0; c < Columns; ++c) {
    T* y = g.y + (j + c) * g.y_step;
    T sum = sum_lanes(even[c] + odd[c]);
    if (g.bias != nullptr) sum += g.bias[(j + c) * g.bias_step];
    *y = g.accumulate ? *y + sum : sum;
  }
}

template <class Arch, class T>
void gemm_vector_piece(const GemmVector<T>& g, std::int64_t begin, std::int64_t end) {
  if (g.b_col == 1) {
    gemm_vector_rows<Arch>(g, begin, end);
    return;
  }
  const T* x = g.x;
  if (g.x_step != 1) {
    T* copy = static_cast<T*>(thread_scratch(0, static_cast<std::int64_t>(sizeof(T)) * g.k));
    for (std::int64_t p = 0; p < g.k; ++p) copy[p] = g.x[p * g.x_step];
    x = copy;
  }
  std::int64_t j = begin;
  for (; j + 4 <= end; j += 4) gemm_vector_dots<Arch, T, 4>(g, x, j);
  for (; j < end; ++j) gemm_vector_dots<Arch, T, 1>(g, x, j);
}

}  // namespace heed::simd
