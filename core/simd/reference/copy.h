// Strided copies in plain loops: the oracle of copy_kernels.h.
#pragma once

#include <cstdint>

#include "core/simd/kernels.h"

namespace heed::simd::reference {

/// out (rows, cols), contiguous, from x with any strides.
template <class T>
void copy_2d(T* out, const T* x, std::int64_t rows, std::int64_t cols, std::int64_t row_stride,
             std::int64_t col_stride) {
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < cols; ++j) out[i * cols + j] = x[i * row_stride + j * col_stride];
  }
}

template <class T>
void copy_streaming(T* out, const T* x, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) out[i] = x[i];
}

template <class T>
void fill(T* out, T value, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) out[i] = value;
}

template <class T>
void fill_copy(KernelsOf<T>& table) {
  table.copy_2d = &copy_2d<T>;
  table.copy_streaming = &copy_streaming<T>;
  table.fill = &fill<T>;
}

}  // namespace heed::simd::reference
