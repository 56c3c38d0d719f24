// layer_norm and rms_norm in plain loops: the oracle of norm_kernels.h, and a learner's text.
// Computed in double; the gradients of weight and bias are summed in double over the rows.
#pragma once

#include <cmath>
#include <cstdint>

#include "core/simd/kernels.h"

namespace heed::simd::reference {

/// xhat = (x - mean) rstd,  y = xhat weight + bias,  rstd = 1 / sqrt(var + eps), var biased.
/// x, y (rows, cols); mean, rstd (rows); weight, bias (cols) or null
template <class T>
void layer_norm(T* y, T* mean, T* rstd, const T* x, const T* weight, const T* bias,
                std::int64_t rows, std::int64_t cols, double eps) {
  for (std::int64_t i = 0; i < rows; ++i, x += cols, y += cols) {
    double m = 0;
    for (std::int64_t j = 0; j < cols; ++j) m += static_cast<double>(x[j]);
    m /= static_cast<double>(cols);
    double v = 0;
    for (std::int64_t j = 0; j < cols; ++j) {
      const double shift = static_cast<double>(x[j]) - m;
      v += shift * shift;
    }
    const double s = 1 / std::sqrt(v / static_cast<double>(cols) + eps);
    for (std::int64_t j = 0; j < cols; ++j) {
      const double w = weight == nullptr ? 1 : static_cast<double>(weight[j]);
      const double b = bias == nullptr ? 0 : static_cast<double>(bias[j]);
      y[j] = static_cast<T>((static_cast<double>(x[j]) - m) * s * w + b);
    }
    mean[i] = static_cast<T>(m);
    rstd[i] = static_cast<T>(s);
  }
}

/// With g = dy weight:  dx = rstd (g - mean(g) - xhat mean(g xhat)), means over the row;
/// dweight = sum over rows of dy xhat, dbias = sum over rows of dy.
/// dx, dy, x (rows, cols); mean, rstd (rows); weight, dweight, dbias (cols) or null; dx or null
template <class T>
void layer_norm_backward(T* dx, T* dweight, T* dbias, const T* dy, const T* x, const T* mean,
                         const T* rstd, const T* weight, std::int64_t rows, std::int64_t cols) {
  const double n = static_cast<double>(cols);
  for (std::int64_t i = 0; i < rows && dx != nullptr; ++i) {
    const double m = static_cast<double>(mean[i]), s = static_cast<double>(rstd[i]);
    double mean_g = 0, mean_g_xhat = 0;
    for (std::int64_t j = 0; j < cols; ++j) {
      const double g = static_cast<double>(dy[i * cols + j]) *
                       (weight == nullptr ? 1 : static_cast<double>(weight[j]));
      mean_g += g / n;
      mean_g_xhat += g * (static_cast<double>(x[i * cols + j]) - m) * s / n;
    }
    for (std::int64_t j = 0; j < cols; ++j) {
      const double g = static_cast<double>(dy[i * cols + j]) *
                       (weight == nullptr ? 1 : static_cast<double>(weight[j]));
      const double xhat = (static_cast<double>(x[i * cols + j]) - m) * s;
      dx[i * cols + j] = static_cast<T>(s * (g - mean_g - xhat * mean_g_xhat));
    }
  }
  for (std::int64_t j = 0; j < cols; ++j) {
    double dw = 0, db = 0;
    for (std::int64_t i = 0; i < rows; ++i) {
      const double g = static_cast<double>(dy[i * cols + j]);
      dw += g * (static_cast<double>(x[i * cols + j]) - static_cast<double>(mean[i])) *
            static_cast<double>(rstd[i]);
      db += g;
    }
    if (dweight != nullptr) dweight[j] = static_cast<T>(dw);
    if (dbias != nullptr) dbias[j] = static_cast<T>(db);
  }
}

/// y = x rstd weight,  rstd = 1 / sqrt(mean(x^2) + eps).
/// x, y (rows, cols); rstd (rows); weight (cols) or null
template <class T>
void rms_norm(T* y, T* rstd, const T* x, const T* weight, std::int64_t rows, std::int64_t cols,
              double eps) {
  for (std::int64_t i = 0; i < rows; ++i, x += cols, y += cols) {
    double v = 0;
    for (std::int64_t j = 0; j < cols; ++j) {
      v += static_cast<double>(x[j]) * static_cast<double>(x[j]);
    }
    const double s = 1 / std::sqrt(v / static_cast<double>(cols) + eps);
    for (std::int64_t j = 0; j < cols; ++j) {
      const double w = weight == nullptr ? 1 : static_cast<double>(weight[j]);
      y[j] = static_cast<T>(static_cast<double>(x[j]) * s * w);
    }
    rstd[i] = static_cast<T>(s);
  }
}

/// With g = dy weight, xhat = x rstd:  dx = rstd (g - xhat mean(g xhat)),
/// dweight = sum over rows of dy xhat.
template <class T>
void rms_norm_backward(T* dx, T* dweight, const T* dy, const T* x, const T* rstd, const T* weight,
                       std::int64_t rows, std::int64_t cols) {
  for (std::int64_t i = 0; i < rows && dx != nullptr; ++i) {
    const double s = static_cast<double>(rstd[i]);
    double mean_g_xhat = 0;
    for (std::int64_t j = 0; j < cols; ++j) {
      const double g = static_cast<double>(dy[i * cols + j]) *
                       (weight == nullptr ? 1 : static_cast<double>(weight[j]));
      mean_g_xhat += g * static_cast<double>(x[i * cols + j]) * s / static_cast<double>(cols);
    }
    for (std::int64_t j = 0; j < cols; ++j) {
      const double g = static_cast<double>(dy[i * cols + j]) *
                       (weight == nullptr ? 1 : static_cast<double>(weight[j]));
      const double xhat = static_cast<double>(x[i * cols + j]) * s;
      dx[i * cols + j] = static_cast<T>(s * (g - xhat * mean_g_xhat));
    }
  }
  for (std::int64_t j = 0; j < cols && dweight != nullptr; ++j) {
    double dw = 0;
    for (std::int64_t i = 0; i < rows; ++i) {
      dw += static_cast<double>(dy[i * cols + j]) * static_cast<double>(x[i * cols + j]) *
            static_cast<double>(rstd[i]);
    }
    dweight[j] = static_cast<T>(dw);
  }
}

template <class T>
void fill_norm(KernelsOf<T>& table) {
  table.layer_norm = &layer_norm<T>;
  table.layer_norm_backward = &layer_norm_backward<T>;
  table.rms_norm = &rms_norm<T>;
  table.rms_norm_backward = &rms_norm_backward<T>;
}

}  // namespace heed::simd::reference
