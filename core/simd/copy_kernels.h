// Strided copies: rows that run along, transposes by squares of registers, and what is left.
#pragma once

#include <cstdint>

#include "core/parallel.h"
#include "core/simd/kernels.h"
#include "core/simd/row_loops.h"
#include "core/simd/shuffles.h"

namespace heed::simd {

// out[i][j] = x[i + j * col_stride] for i in [begin, end).
template <class Arch, class T>
void transpose_rows(T* out, const T* x, std::int64_t begin, std::int64_t end, std::int64_t cols,
                    std::int64_t col_stride) {
  using B = xsimd::batch<T, Arch>;
  constexpr std::int64_t size = B::size;
  std::int64_t i = begin;
  for (; i + size <= end; i += size) {
    std::int64_t j = 0;
    for (; j + size <= cols; j += size) {
      B square[B::size];
      for (std::int64_t k = 0; k < size; ++k) {
        square[k] = B::load_unaligned(x + i + (j + k) * col_stride);
      }
      transpose(square);
      for (std::int64_t k = 0; k < size; ++k) square[k].store_unaligned(out + (i + k) * cols + j);
    }
    for (; j < cols; ++j) {
      for (std::int64_t k = 0; k < size; ++k) out[(i + k) * cols + j] = x[i + k + j * col_stride];
    }
  }
  for (; i < end; ++i) {
    for (std::int64_t j = 0; j < cols; ++j) out[i * cols + j] = x[i + j * col_stride];
  }
}

template <class Arch, class T>
void copy_rows(T* out, const T* x, std::int64_t begin, std::int64_t end, std::int64_t cols,
               std::int64_t row_stride, std::int64_t col_stride) {
  if (row_stride == 1 && col_stride != 1) {
    transpose_rows<Arch>(out, x, begin, end, cols, col_stride);
    return;
  }
  for (std::int64_t i = begin; i < end; ++i) {
    const T* from = x + i * row_stride;
    T* to = out + i * cols;
    if (col_stride == 1) {
      for_registers<Arch, T>(cols, [&](std::int64_t j, const auto& lanes) {
        lanes.store(to + j, lanes.load(from + j));
      });
    } else {
      for (std::int64_t j = 0; j < cols; ++j) to[j] = from[j * col_stride];
    }
  }
}

template <class Arch, class T>
void copy_2d(T* out, const T* x, std::int64_t rows, std::int64_t cols, std::int64_t row_stride,
             std::int64_t col_stride) {
  // Whole cache lines of x for each thread.
  const std::int64_t grain = (chunk_rows<Arch>(cols) + 63) / 64 * 64;
  parallel_for(0, rows, grain, [=](std::int64_t begin, std::int64_t end) {
    copy_rows<Arch>(out, x, begin, end, cols, row_stride, col_stride);
  });
}

template <class Arch, class T>
void copy_streaming(T* out, const T* x, std::int64_t n) {
  using B = xsimd::batch<T, Arch>;
  constexpr std::int64_t size = B::size;
  std::int64_t i = 0;
  if (can_stream<Arch>(out)) {
    for (; i + size <= n; i += size) stream(out + i, B::load_unaligned(x + i));
    end_stream<Arch>();
  }
  for (; i < n; ++i) out[i] = x[i];
}

template <class Arch, class T>
void fill(T* out, T value, std::int64_t n) {
  const xsimd::batch<T, Arch> all(value);
  for_registers<Arch, T>(n, [&](std::int64_t i, const auto& lanes) { lanes.store(out + i, all); });
}

/// Fills in this instruction set's copies.
template <class Arch>
void fill_copy(Kernels& table) {
  table.f32.copy_2d = &copy_2d<Arch, float>;
  table.f64.copy_2d = &copy_2d<Arch, double>;
  table.f32.copy_streaming = &copy_streaming<Arch, float>;
  table.f64.copy_streaming = &copy_streaming<Arch, double>;
  table.f32.fill = &fill<Arch, float>;
  table.f64.fill = &fill<Arch, double>;
}

}  // namespace heed::simd
