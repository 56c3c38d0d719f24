// layer_norm and rms_norm, forward and backward.
//
// A row is read from memory once; its second and third passes find it in the first-level cache. The
// backward makes dx and the row's part of dweight and dbias in the same pass. Those sums over rows
// are kept in the elements' precision for kNormBlock rows, then in double for a chunk of rows, and
// the chunks are added in order: the shape depends on rows and cols alone.
#pragma once

#include <cmath>
#include <cstdint>

#include "core/parallel.h"
#include "core/simd/kernels.h"
#include "core/simd/row_loops.h"

namespace heed::simd {

inline constexpr std::int64_t kNormBlock = 64;

template <class Arch, class T>
void layer_norm(T* y, T* mean, T* rstd, const T* x, const T* weight, const T* bias,
                std::int64_t rows, std::int64_t cols, double eps) {
  using B = xsimd::batch<T, Arch>;
  const double share = 1 / static_cast<double>(cols);
  const std::int64_t next = next_row<T>(cols);
  const auto normalise = [=]<bool has_weight, bool has_bias>(std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const T* row = x + i * cols;
      T* out = y + i * cols;
      const auto value = [&](std::int64_t j, const auto& lanes) { return lanes.load(row + j); };
      const double m = sum_row<Arch, T>(cols, value) * share;
      const B center(static_cast<T>(m));
      const auto square = [&](std::int64_t j, const auto& lanes) {
        const B shift = lanes.load(row + j) - center;
        return shift * shift;
      };
      const double variance = sum_row<Arch, T>(cols, square) * share;
      const double s = 1 / __builtin_sqrt(variance + eps);
      const B factor(static_cast<T>(s));
      for_registers<Arch, T>(cols, [&](std::int64_t j, const auto& lanes) {
        fetch(row + next + j);
        fetch_ahead_to_write(out + j);
        B v = (lanes.load(row + j) - center) * factor;
        if constexpr (has_weight && has_bias) {
          v = multiply_add(v, lanes.load(weight + j), lanes.load(bias + j));
        } else {
          if constexpr (has_weight) v *= lanes.load(weight + j);
          if constexpr (has_bias) v += lanes.load(bias + j);
        }
        lanes.store(out + j, v);
      });
      mean[i] = static_cast<T>(m);
      rstd[i] = static_cast<T>(s);
    }
  };
  parallel_for(0, rows, chunk_rows<Arch>(cols), [=](std::int64_t begin, std::int64_t end) {
    if (weight != nullptr && bias != nullptr) {
      normalise.template operator()<true, true>(begin, end);
    } else if (weight != nullptr) {
      normalise.template operator()<true, false>(begin, end);
    } else if (bias != nullptr) {
      normalise.template operator()<false, true>(begin, end);
    } else {
      normalise.template operator()<false, false>(begin, end);
    }
  });
}

template <class Arch, class T>
void rms_norm(T* y, T* rstd, const T* x, const T* weight, std::int64_t rows, std::int64_t cols,
              double eps) {
  using B = xsimd::batch<T, Arch>;
  const std::int64_t next = next_row<T>(cols);
  parallel_for(0, rows, chunk_rows<Arch>(cols), [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const T* row = x + i * cols;
      T* out = y + i * cols;
      const auto square = [&](std::int64_t j, const auto& lanes) {
        const B v = lanes.load(row + j);
        return v * v;
      };
      const double mean_square = sum_row<Arch, T>(cols, square) / static_cast<double>(cols);
      const double s = 1 / __builtin_sqrt(mean_square + eps);
      const B factor(static_cast<T>(s));
      for_registers<Arch, T>(cols, [&](std::int64_t j, const auto& lanes) {
        fetch(row + next + j);
        fetch_ahead_to_write(out + j);
        B v = lanes.load(row + j) * factor;
        if (weight != nullptr) v *= lanes.load(weight + j);
        lanes.store(out + j, v);
      });
      rstd[i] = static_cast<T>(s);
    }
  });
}

/// What the backward of both reads and writes. rms_norm has no mean and no dbias.
template <class T>
struct NormBackward {
  T *dx, *dweight, *dbias;
  const T *dy, *x, *mean, *rstd, *weight;
  std::int64_t rows, cols;
};

/// `count` rows from row i on: dx, and their part of the sums over rows, in `sums` (2, cols). Two
/// rows together read and write the sums once.
template <class Arch, class T, bool centered, bool streaming, int count>
void norm_backward_rows(const NormBackward<T>& a, std::int64_t i, T* sums) {
  using B = xsimd::batch<T, Arch>;
  const T *dy = a.dy + i * a.cols, *x = a.x + i * a.cols, *weight = a.weight;
  T *dx = a.dx == nullptr ? nullptr : a.dx + i * a.cols,
    *bias_sums = sums == nullptr ? nullptr : sums + a.cols;
  const std::int64_t cols = a.cols, next = next_row<T>(count * cols);
  B center[count], factor[count], mean_g[count], mean_gx[count];
  for (int r = 0; r < count; ++r) {
    center[r] = B(centered ? a.mean[i + r] : T(0));
    factor[r] = B(a.rstd[i + r]);
    if (dx == nullptr) continue;
    const TwoSums<T> total =
        two_sums_row<Arch, T>(cols, [&](B& u, B& v, std::int64_t j, const auto& lanes) {
          B g = lanes.load(dy + r * cols + j);
          if (weight != nullptr) g *= lanes.load(weight + j);
          if constexpr (centered) u += g;
          v = multiply_add(g, (lanes.load(x + r * cols + j) - center[r]) * factor[r], v);
        });
    const double share = 1 / static_cast<double>(cols);
    mean_g[r] = B(static_cast<T>(total.first * share));
    mean_gx[r] = B(static_cast<T>(total.second * share));
  }
  for_registers<Arch, T>(cols, [&](std::int64_t j, const auto& lanes) {
    B d[count], xhat[count];
#pragma GCC unroll 2
    for (int r = 0; r < count; ++r) {  // all before dx, which may be dy or x, is written
      fetch(dy + next + r * cols + j);
      fetch(x + next + r * cols + j);
      d[r] = lanes.load(dy + r * cols + j);
      xhat[r] = (lanes.load(x + r * cols + j) - center[r]) * factor[r];
    }
    if (sums != nullptr) {
      B sum = lanes.load(sums + j);
#pragma GCC unroll 2
      for (int r = 0; r < count; ++r) sum = multiply_add(d[r], xhat[r], sum);
      lanes.store(sums + j, sum);
      if constexpr (centered) {
        B bias_sum = lanes.load(bias_sums + j);
#pragma GCC unroll 2
        for (int r = 0; r < count; ++r) bias_sum += d[r];
        lanes.store(bias_sums + j, bias_sum);
      }
    }
    if (dx != nullptr) {
      const B w = weight == nullptr ? B(T(1)) : lanes.load(weight + j);
#pragma GCC unroll 2
      for (int r = 0; r < count; ++r) {
        if constexpr (!streaming) fetch_ahead_to_write(dx + r * cols + j);
        B rest = d[r] * w;
        if constexpr (centered) rest -= mean_g[r];
        store_row<streaming, Arch>(lanes, dx + r * cols + j,
                                   factor[r] * (rest - xhat[r] * mean_gx[r]));
      }
    }
  });
}

/// Rows [begin, end), in pairs.
template <class Arch, class T, bool centered, bool streaming>
void norm_backward_block(const NormBackward<T>& a, std::int64_t begin, std::int64_t end, T* sums) {
  std::int64_t i = begin;
  for (; i + 2 <= end; i += 2) norm_backward_rows<Arch, T, centered, streaming, 2>(a, i, sums);
  if (i < end) norm_backward_rows<Arch, T, centered, streaming, 1>(a, i, sums);
  if constexpr (streaming) end_stream<Arch>();
}

template <class Arch, class T, bool centered>
void norm_backward(const NormBackward<T>& a) {
  const bool wants_sums = a.dweight != nullptr || a.dbias != nullptr;
  const std::int64_t width = centered ? 2 * a.cols : a.cols;
  std::int64_t grain = chunk_rows<Arch>(a.cols);
  if (wants_sums && grain < kNormBlock) grain = kNormBlock;
  double* totals = nullptr;
  if (wants_sums) {
    const std::int64_t chunks = (a.rows + grain - 1) / grain;
    totals = static_cast<double*>(
        thread_scratch(3, static_cast<std::int64_t>(sizeof(double)) * (chunks * width + 1)));
  }
  // A large dx goes past the caches (dx of 9 MiB: 0.65 of the time).
  const bool streaming = a.dx != nullptr && can_stream_rows<Arch>(a.dx, a.rows, a.cols);
  const auto block_of = streaming ? &norm_backward_block<Arch, T, centered, true>
                                  : &norm_backward_block<Arch, T, centered, false>;
  parallel_for(0, a.rows, grain, [=](std::int64_t begin, std::int64_t end) {
    if (totals == nullptr) {
      block_of(a, begin, end, nullptr);
      return;
    }
    double* total = totals + begin / grain * width;
    for (std::int64_t j = 0; j < width; ++j) total[j] = 0;
    T* sums =
        static_cast<T*>(thread_scratch(2, static_cast<std::int64_t>(sizeof(T)) * (width + 1)));
    for (std::int64_t block = begin; block < end; block += kNormBlock) {
      for (std::int64_t j = 0; j < width; ++j) sums[j] = 0;
      const std::int64_t block_end = end - block > kNormBlock ? block + kNormBlock : end;
      block_of(a, block, block_end, sums);
      for (std::int64_t j = 0; j < width; ++j) total[j] += static_cast<double>(sums[j]);
    }
  });
  if (!wants_sums) return;
  for (std::int64_t from = grain; from < a.rows; from += grain) {
    const double* total = totals + from / grain * width;
    for (std::int64_t j = 0; j < width; ++j) totals[j] += total[j];
  }
  for (std::int64_t j = 0; j < a.cols; ++j) {
    if (a.dweight != nullptr) a.dweight[j] = a.rows > 0 ? static_cast<T>(totals[j]) : T(0);
    if (a.dbias != nullptr) a.dbias[j] = a.rows > 0 ? static_cast<T>(totals[a.cols + j]) : T(0);
  }
}

template <class Arch, class T>
void layer_norm_backward(T* dx, T* dweight, T* dbias, const T* dy, const T* x, const T* mean,
                         const T* rstd, const T* weight, std::int64_t rows, std::int64_t cols) {
  norm_backward<Arch, T, true>({dx, dweight, dbias, dy, x, mean, rstd, weight, rows, cols});
}
template <class Arch, class T>
void rms_norm_backward(T* dx, T* dweight, const T* dy, const T* x, const T* rstd, const T* weight,
                       std::int64_t rows, std::int64_t cols) {
  norm_backward<Arch, T, false>({dx, dweight, nullptr, dy, x, nullptr, rstd, weight, rows, cols});
}

template <class Arch, class T>
void fill_norm_of(KernelsOf<T>& table) {
  table.layer_norm = &layer_norm<Arch, T>;
  table.layer_norm_backward = &layer_norm_backward<Arch, T>;
  table.rms_norm = &rms_norm<Arch, T>;
  table.rms_norm_backward = &rms_norm_backward<Arch, T>;
}

/// Fills in this instruction set's normalisations.
template <class Arch>
void fill_norm(Kernels& table) {
  fill_norm_of<Arch>(table.f32);
  fill_norm_of<Arch>(table.f64);
}

}  // namespace heed::simd
