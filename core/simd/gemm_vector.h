// A row times a matrix: y = x B, y (n), x (k), B (k, n); and so a matrix times a column, which is
// the same of the transpose. Each element of B is used once, so all that counts is to read it in
// the order in which it lies: along rows, adding multiples of them to y, or down columns, as dot
// products.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <xsimd/xsimd.hpp>

#include "core/parallel.h"
#include "core/simd/caches.h"
#include "core/simd/lanes.h"
#include "core/simd/row_loops.h"
#include "core/simd/shuffles.h"

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

// Further vectors beside x, each with a y of its own, and how far apart these and their biases are.
struct GemmVectors {
  std::int64_t x, y, bias;
};

// Whether B is more than the second cache holds.
template <class Arch, class T>
bool is_large(const GemmVector<T>& g) {
  return g.k * g.n * static_cast<std::int64_t>(sizeof(T)) > caches().second;
}

// Registers registers of y, from y[j] on: each row of B adds its multiple to them.
template <class Arch, int Registers, class T>
void gemm_vector_columns(const GemmVector<T>& g, std::int64_t j, std::int64_t last_count) {
  using Batch = xsimd::batch<T, Arch>;
  constexpr std::int64_t lanes = static_cast<std::int64_t>(Batch::size);
  const LaneMask<Arch, T> mask(last_count);
  const auto load = [&](int i, const T* p) {
    return i + 1 < Registers || last_count == lanes ? Batch::load_unaligned(p + i * lanes)
                                                    : mask.load(p + i * lanes);
  };
  Batch sum[Registers];
  T* const y = g.y + j;
#pragma GCC unroll 16
  for (int i = 0; i < Registers; ++i) sum[i] = g.accumulate ? load(i, y) : Batch(T(0));
  if (g.bias != nullptr && g.bias_step == 1) {
#pragma GCC unroll 16
    for (int i = 0; i < Registers; ++i) sum[i] += load(i, g.bias + j);
  } else if (g.bias != nullptr) {
    for (int i = 0; i < Registers; ++i) sum[i] += Batch(*g.bias);
  }
  const T* row = g.b + j;
  const T* x = g.x;
  for (std::int64_t p = 0; p < g.k; ++p, row += g.b_row, x += g.x_step) {
    const Batch times(*x);
#pragma GCC unroll 16
    for (int i = 0; i < Registers; ++i) {
      sum[i] = multiply_add(times, load(i, row), sum[i]);
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i + 1 < Registers; ++i) sum[i].store_unaligned(y + i * lanes);
  mask.store(y + (Registers - 1) * lanes, sum[Registers - 1]);
}

// y[begin, end) += x[p … p + Rows) times so many rows of B.
template <class Arch, int Rows, class T>
void gemm_vector_add_rows(const GemmVector<T>& g, std::int64_t p, std::int64_t begin,
                          std::int64_t end) {
  using Batch = xsimd::batch<T, Arch>;
  constexpr std::int64_t lanes = static_cast<std::int64_t>(Batch::size);
  Batch times[Rows];
  for (int r = 0; r < Rows; ++r) times[r] = Batch(g.x[(p + r) * g.x_step]);
  const T* row = g.b + p * g.b_row;
  std::int64_t j = begin;
  for (; j + lanes <= end; j += lanes) {
    Batch sum = Batch::load_unaligned(g.y + j);
#pragma GCC unroll 4
    for (int r = 0; r < Rows; ++r) {
      sum = multiply_add(times[r], Batch::load_unaligned(row + r * g.b_row + j), sum);
    }
    sum.store_unaligned(g.y + j);
  }
  if (j < end) {
    const LaneMask<Arch, T> mask(end - j);
    Batch sum = mask.load(g.y + j);
    for (int r = 0; r < Rows; ++r) {
      sum = multiply_add(times[r], mask.load(row + r * g.b_row + j), sum);
    }
    mask.store(g.y + j, sum);
  }
}

// y[begin, end) where the rows of B are contiguous and come from beyond the second cache: four at a
// time, each as far as y stays in the first cache, since the prefetchers follow few and long
// streams. An element is summed in the same order as by gemm_vector_columns.
template <class Arch, class T>
void gemm_vector_streams(const GemmVector<T>& g, std::int64_t begin, std::int64_t end) {
  constexpr std::int64_t kColumns = 16384 / static_cast<std::int64_t>(sizeof(T));
  for (std::int64_t j = begin; j < end; j += kColumns) {
    const std::int64_t stop = end - j < kColumns ? end : j + kColumns;
    for (std::int64_t c = j; c < stop; ++c) {
      const T start = g.accumulate ? g.y[c] : T(0);
      g.y[c] = g.bias == nullptr ? start : start + g.bias[c * g.bias_step];
    }
    std::int64_t p = 0;
    for (; p + 4 <= g.k; p += 4) gemm_vector_add_rows<Arch, 4>(g, p, j, stop);
    for (; p < g.k; ++p) gemm_vector_add_rows<Arch, 1>(g, p, j, stop);
  }
}

// y[begin, end) where the rows of B are contiguous.
template <class Arch, class T>
void gemm_vector_rows(const GemmVector<T>& g, std::int64_t begin, std::int64_t end) {
  constexpr std::int64_t lanes = static_cast<std::int64_t>(xsimd::batch<T, Arch>::size);
  if (is_large<Arch>(g)) {
    gemm_vector_streams<Arch>(g, begin, end);
    return;
  }
  constexpr int most = kRegisters<Arch> == 32 ? 16 : 8;
  std::int64_t j = begin;
  for (; j + most * lanes <= end; j += most * lanes) {
    gemm_vector_columns<Arch, most>(g, j, lanes);
  }
  for (; j + 4 * lanes <= end; j += 4 * lanes) gemm_vector_columns<Arch, 4>(g, j, lanes);
  for (; j < end; j += lanes) {
    gemm_vector_columns<Arch, 1>(g, j, end - j < lanes ? end - j : lanes);
  }
}

// Columns dot products with adjacent columns of B for each of Xs vectors, the first x, contiguous
// as columns of B are. A dot product is summed in the same order whatever Columns and Xs are.
template <class Arch, class T, int Columns, int Xs = 1>
void gemm_vector_dots(const GemmVector<T>& g, const T* x, const GemmVectors& next, std::int64_t j) {
  using Batch = xsimd::batch<T, Arch>;
  constexpr int lanes = static_cast<int>(Batch::size);
  constexpr int chains = lanes >= 8 ? 1 : 2;
  constexpr int group = Columns < 4 ? Columns : 4;  // columns addressed from one pointer
  constexpr int all = Columns * Xs;
  Batch sum[all][chains];  // vector by vector
#pragma GCC unroll 16
  for (int c = 0; c < all; ++c) {
    for (int i = 0; i < chains; ++i) sum[c][i] = Batch(T(0));
  }
  const T* column[Columns / group];
  for (int i = 0; i < Columns / group; ++i) column[i] = g.b + (j + i * group) * g.b_col;
  // Adds what load reads of each vector and column, i registers behind p.
  const auto add = [&](std::int64_t p, int i, const auto& load) {
    Batch xs[Xs];
    for (int s = 0; s < Xs; ++s) xs[s] = load(x + s * next.x + p + i * lanes);
#pragma GCC unroll 16
    for (int c = 0; c < Columns; ++c) {
      const Batch b = load(column[c / group] + (c % group) * g.b_col + p + i * lanes);
      for (int s = 0; s < Xs; ++s) {
        Batch& to = sum[s * Columns + c][i];
        to = multiply_add(xs[s], b, to);
      }
    }
  };
  std::int64_t p = 0;
  for (; p + chains * lanes <= g.k; p += chains * lanes) {
    for (int i = 0; i < chains; ++i)
      add(p, i, [](const T* at) { return Batch::load_unaligned(at); });
  }
  for (; p < g.k; p += lanes) {
    const LaneMask<Arch, T> mask(g.k - p < lanes ? g.k - p : lanes);
    add(p, 0, [&](const T* at) { return mask.load(at); });
  }
  constexpr int count = static_cast<int>(std::bit_ceil(static_cast<unsigned>(all)));
  Batch one[count];
#pragma GCC unroll 16
  for (int c = 0; c < count; ++c) {
    one[c] = c >= all ? Batch(T(0)) : chains == 1 ? sum[c][0] : sum[c][0] + sum[c][chains - 1];
  }
  const Batch each = sum_each<count>(one);
  T* const y = g.y + j * g.y_step;
  if (all == lanes && Xs == 1 && g.y_step == 1 && g.bias == nullptr && !g.accumulate) {
    each.store_unaligned(y);
    return;
  }
  alignas(64) T sums[lanes];
  each.store_aligned(sums);
  if (g.bias != nullptr) {
    for (int c = 0; c < all; ++c) {
      sums[c] += g.bias[(j + c % Columns) * g.bias_step + c / Columns * next.bias];
    }
  }
  if (g.y_step == 1 && !g.accumulate) {
    for (int s = 0; s < Xs; ++s) {
      std::memcpy(y + s * next.y, sums + s * Columns, Columns * sizeof(T));
    }
    return;
  }
  // (Unrolled, for g++ makes a scatter of it else, which takes AMD's cores far longer.)
#pragma GCC unroll 16
  for (int c = 0; c < all; ++c) {
    T& to = y[c % Columns * g.y_step + c / Columns * next.y];
    to = g.accumulate ? to + sums[c] : sums[c];
  }
}

// y[begin, end) by dot products, of Xs vectors.
template <class Arch, int Xs = 1, class T>
void gemm_vector_by_dots(const GemmVector<T>& g, const T* x, const GemmVectors& next,
                         std::int64_t begin, std::int64_t end) {
  constexpr unsigned lanes = static_cast<unsigned>(xsimd::batch<T, Arch>::size);
  constexpr int many = static_cast<int>(std::bit_floor(lanes / Xs));
  std::int64_t j = begin;
  // Out of a large B few columns at a time: more streams than the prefetchers follow are slower.
  const bool large = many > 4 && is_large<Arch>(g);
  for (; !large && j + many <= end; j += many) {
    gemm_vector_dots<Arch, T, many, Xs>(g, x, next, j);
  }
  if constexpr (many > 4) {
    for (; j + 4 <= end; j += 4) gemm_vector_dots<Arch, T, 4, Xs>(g, x, next, j);
  }
  if constexpr (many == 4) {
    if (end - j == 3 && j > begin && !g.accumulate) {  // four, the first of which is there already
      gemm_vector_dots<Arch, T, many, Xs>(g, x, next, j - 1);
      return;
    }
  }
  if constexpr (many > 2) {
    for (; j + 2 <= end; j += 2) gemm_vector_dots<Arch, T, 2, Xs>(g, x, next, j);
  }
  for (; j < end; ++j) gemm_vector_dots<Arch, T, 1, Xs>(g, x, next, j);
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
  gemm_vector_by_dots<Arch>(g, x, {}, begin, end);
}

}  // namespace heed::simd
