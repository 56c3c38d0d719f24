// Reductions over rows and over columns: sum, sum of squares, maximum, minimum. (Products are left
// to the plain twin: its order and its double are what keep them from overflowing on the way.)
//
// Along a row the tree of row_loops.h; a row longer than kReducePiece is shared between threads in
// pieces of that length. Down the columns kReduceBlock rows are added in the precision of the
// elements, then in double for a chunk of rows, then the chunks in order.
#pragma once

#include <cstdint>
#include <utility>

#include "core/parallel.h"
#include "core/simd/kernels.h"
#include "core/simd/row_loops.h"
#include "core/simd/shuffles.h"

namespace heed::simd {

inline constexpr std::int64_t kReducePiece = 65536;
inline constexpr std::int64_t kReduceBlock = 64;

constexpr bool is_sum(ReduceOp op) { return op == ReduceOp::Sum || op == ReduceOp::SumSquares; }

// The larger or smaller; NaN in either stays.
template <ReduceOp op, class B>
B extreme(B a, B b) {
  const auto first = op == ReduceOp::Max ? a > b : a < b;
  return xsimd::select(is_nan(a) | first, a, b);
}
template <ReduceOp op, class Arch>
double extreme_of(double a, double b) {
  return a != a || (op == ReduceOp::Max ? a > b : a < b) ? a : b;
}

template <class Arch, class T, ReduceOp op>
double reduce_piece(const T* x, std::int64_t n) {
  using B = xsimd::batch<T, Arch>;
  if constexpr (is_sum(op)) {
    return sum_row<Arch, T>(n, [&](std::int64_t j, const auto& lanes) {
      const B v = lanes.load(x + j);
      return op == ReduceOp::SumSquares ? v * v : v;
    });
  } else {
    const B start = constant<B>(op == ReduceOp::Max ? -kInfinity : kInfinity);
    const B most = fold_registers<Arch, T>(
        0, n, start,
        [&](B& so_far, std::int64_t j, const auto& lanes) {
          so_far = extreme<op>(so_far, lanes.select(lanes.load(x + j), start));
        },
        [](B& a, const B& b) { a = extreme<op>(a, b); });
    const B all =
        combine_group<static_cast<int>(B::size)>(most, [](B a, B b) { return extreme<op>(a, b); });
    return static_cast<double>(all.data[0]);
  }
}

template <class Arch, class T, ReduceOp op>
void reduce_rows(T* out, const T* x, std::int64_t rows, std::int64_t cols) {
  if (cols <= kReducePiece) {
    parallel_for(0, rows, chunk_rows<Arch>(cols), [=](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        out[i] = static_cast<T>(reduce_piece<Arch, T, op>(x + i * cols, cols));
      }
    });
    return;
  }
  const std::int64_t pieces = (cols + kReducePiece - 1) / kReducePiece;
  double* partial = static_cast<double*>(
      thread_scratch(3, static_cast<std::int64_t>(sizeof(double)) * rows * pieces));
  parallel_for(0, rows * pieces, 1, [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t p = begin; p < end; ++p) {
      const std::int64_t row = p / pieces, from = p % pieces * kReducePiece;
      const std::int64_t n = cols - from > kReducePiece ? kReducePiece : cols - from;
      partial[p] = reduce_piece<Arch, T, op>(x + row * cols + from, n);
    }
  });
  for (std::int64_t i = 0; i < rows; ++i) {
    double total = partial[i * pieces];
    for (std::int64_t p = 1; p < pieces; ++p) {
      const double next = partial[i * pieces + p];
      total = is_sum(op) ? total + next : extreme_of<op, Arch>(total, next);
    }
    out[i] = static_cast<T>(total);
  }
}

// The reduction of a few rows, into out (cols). `Registers` columns of registers at a time.
template <class Arch, class T, ReduceOp op>
void reduce_block(T* out, const T* x, std::int64_t rows, std::int64_t cols) {
  using B = xsimd::batch<T, Arch>;
  constexpr std::int64_t size = B::size;
  const B start = constant<B>(is_sum(op) ? 0 : op == ReduceOp::Max ? -kInfinity : kInfinity);
  const auto step = [](B& so_far, B v) {
    if constexpr (op == ReduceOp::Sum) {
      so_far += v;
    } else if constexpr (op == ReduceOp::SumSquares) {
      so_far = multiply_add(v, v, so_far);
    } else {
      so_far = extreme<op>(so_far, v);
    }
  };
  std::int64_t j = 0;
  for (; j + 4 * size <= cols; j += 4 * size) {
    B a = start, b = start, c = start, d = start;
    const T* p = x + j;
    for (std::int64_t i = 0; i < rows; ++i, p += cols) {
      step(a, B::load_unaligned(p));
      step(b, B::load_unaligned(p + size));
      step(c, B::load_unaligned(p + 2 * size));
      step(d, B::load_unaligned(p + 3 * size));
    }
    a.store_unaligned(out + j);
    b.store_unaligned(out + j + size);
    c.store_unaligned(out + j + 2 * size);
    d.store_unaligned(out + j + 3 * size);
  }
  for_registers<Arch, T>(cols - j, [&](std::int64_t k, const auto& lanes) {
    B a = start;
    const T* p = x + j + k;
    for (std::int64_t i = 0; i < rows; ++i, p += cols) step(a, lanes.load(p));
    lanes.store(out + j + k, a);
  });
}

template <class Arch, class T, ReduceOp op>
void reduce_cols(T* out, const T* x, std::int64_t rows, std::int64_t cols) {
  if (cols == 1) {
    reduce_rows<Arch, T, op>(out, x, 1, rows);
    return;
  }
  if (rows <= kReduceBlock) {
    reduce_block<Arch, T, op>(out, x, rows, cols);
    return;
  }
  std::int64_t grain = chunk_rows<Arch>(cols) / kReduceBlock * kReduceBlock;
  if (grain < kReduceBlock) grain = kReduceBlock;
  const std::int64_t chunks = (rows + grain - 1) / grain;
  double* totals = static_cast<double*>(
      thread_scratch(3, static_cast<std::int64_t>(sizeof(double)) * chunks * cols));
  parallel_for(0, rows, grain, [=](std::int64_t begin, std::int64_t end) {
    double* total = totals + begin / grain * cols;
    T* block = static_cast<T*>(thread_scratch(2, static_cast<std::int64_t>(sizeof(T)) * cols));
    for (std::int64_t i = begin; i < end; i += kReduceBlock) {
      const std::int64_t n = end - i > kReduceBlock ? kReduceBlock : end - i;
      reduce_block<Arch, T, op>(block, x + i * cols, n, cols);
      for (std::int64_t j = 0; j < cols; ++j) {
        const double value = static_cast<double>(block[j]);
        if (i == begin) {
          total[j] = value;
        } else {
          total[j] = is_sum(op) ? total[j] + value : extreme_of<op, Arch>(total[j], value);
        }
      }
    }
  });
  for (std::int64_t c = 1; c < chunks; ++c) {
    const double* total = totals + c * cols;
    for (std::int64_t j = 0; j < cols; ++j) {
      totals[j] = is_sum(op) ? totals[j] + total[j] : extreme_of<op, Arch>(totals[j], total[j]);
    }
  }
  for (std::int64_t j = 0; j < cols; ++j) out[j] = static_cast<T>(totals[j]);
}

template <class Arch, class T>
void fill_reduce_of(KernelsOf<T>& table) {
  [&]<ReduceOp... op>(std::integer_sequence<ReduceOp, op...>) {
    ((table.reduce_rows[static_cast<int>(op)] = &reduce_rows<Arch, T, op>), ...);
    ((table.reduce_cols[static_cast<int>(op)] = &reduce_cols<Arch, T, op>), ...);
  }
  (std::integer_sequence<ReduceOp, ReduceOp::Sum, ReduceOp::SumSquares, ReduceOp::Max,
                         ReduceOp::Min>{});
}

/// Fills in this instruction set's reductions.
template <class Arch>
void fill_reduce(Kernels& table) {
  fill_reduce_of<Arch>(table.f32);
  fill_reduce_of<Arch>(table.f64);
}

}  // namespace heed::simd
