// softmax, log_softmax, logsumexp and their backwards, row by row.
//
// A row is read once for its maximum, from which exponents are counted, and once for the
// exponentials and their sum; the last pass finds it in the first-level cache. A row that fits a
// register never leaves it.
#pragma once

#include <cmath>
#include <cstdint>

#include "core/parallel.h"
#include "core/simd/kernels.h"
#include "core/simd/math_exp.h"
#include "core/simd/math_log.h"
#include "core/simd/row_loops.h"
#include "core/simd/shuffles.h"

namespace heed::simd {

template <class Arch, class T>
void softmax_row(T* y, const T* x, std::int64_t cols) {
  using B = xsimd::batch<T, Arch>;
  if (cols <= static_cast<std::int64_t>(B::size)) {
    const LaneMask<Arch, T> lanes(cols);
    const B v = lanes.select(lanes.load(x), constant<B>(-kInfinity));
    const B e = lanes.select(math::exp_of_negative(v - B(max_lanes(v))), B(T(0)));
    lanes.store(y, divide(e, B(sum_lanes(e))));
    return;
  }
  const B largest(max_row<Arch>(x, cols));
  const std::int64_t next = next_row<T>(cols);
  const double sum = sum_row<Arch, T>(cols, [&](std::int64_t j, const auto& lanes) {
    fetch(x + next + j);
    fetch_ahead_to_write(y + j);
    const B e = math::exp_of_negative(lanes.load(x + j) - largest);
    lanes.store(y + j, e);
    return e;
  });
  const B factor(static_cast<T>(1 / sum));
  for_registers<Arch, T>(cols, [&](std::int64_t j, const auto& lanes) {
    lanes.store(y + j, lanes.load(y + j) * factor);
  });
}

/// log(sum(exp(x - from))); `bounded` when no x is above from.
template <class Arch, class T, bool bounded = true>
double log_sum_of_exps(const T* x, std::int64_t cols, T from) {
  using B = xsimd::batch<T, Arch>;
  const std::int64_t next = next_row<T>(cols);
  const double sum = sum_row<Arch, T>(cols, [&](std::int64_t j, const auto& lanes) {
    fetch(x + next + j);
    const B shifted = lanes.load(x + j) - B(from);
    return bounded ? math::exp_of_negative(shifted) : math::exp(shifted);
  });
  // One lane of a register: less than half the time of the C library's log.
  using D = xsimd::batch<double, Arch>;
  return math::log(D(sum)).data[0];
}

template <class Arch, class T>
void log_softmax_row(T* y, const T* x, std::int64_t cols) {
  using B = xsimd::batch<T, Arch>;
  const T largest = max_row<Arch>(x, cols);
  const B log_sum(static_cast<T>(log_sum_of_exps<Arch>(x, cols, largest)));
  for_registers<Arch, T>(cols, [&](std::int64_t j, const auto& lanes) {
    fetch_ahead_to_write(y + j);
    lanes.store(y + j, (lanes.load(x + j) - B(largest)) - log_sum);
  });
}

template <class Arch, class T>
T logsumexp_row(const T* x, std::int64_t cols) {
  const T largest = max_row<Arch>(x, cols);
  if (largest - largest != 0) {  // infinite: its exponential is the answer
    return static_cast<T>(log_sum_of_exps<Arch, T, false>(x, cols, T(0)));
  }
  return static_cast<T>(static_cast<double>(largest) + log_sum_of_exps<Arch>(x, cols, largest));
}

template <class Arch, class T>
void softmax_backward_row(T* dx, const T* dy, const T* y, std::int64_t cols) {
  using B = xsimd::batch<T, Arch>;
  const B dot(static_cast<T>(sum_row<Arch, T>(cols, [&](std::int64_t j, const auto& lanes) {
    return lanes.load(dy + j) * lanes.load(y + j);
  })));
  const std::int64_t next = next_row<T>(cols);
  for_registers<Arch, T>(cols, [&](std::int64_t j, const auto& lanes) {
    fetch(dy + next + j);
    fetch(y + next + j);
    fetch_ahead_to_write(dx + j);
    lanes.store(dx + j, lanes.load(y + j) * (lanes.load(dy + j) - dot));
  });
}

template <class Arch, class T>
void log_softmax_backward_row(T* dx, const T* dy, const T* y, std::int64_t cols) {
  using B = xsimd::batch<T, Arch>;
  const B sum(static_cast<T>(sum_row<Arch, T>(
      cols, [&](std::int64_t j, const auto& lanes) { return lanes.load(dy + j); })));
  const std::int64_t next = next_row<T>(cols);
  for_registers<Arch, T>(cols, [&](std::int64_t j, const auto& lanes) {
    fetch(dy + next + j);
    fetch(y + next + j);
    fetch_ahead_to_write(dx + j);
    const B probability = math::exp_of_negative(lanes.load(y + j));
    lanes.store(dx + j, lanes.load(dy + j) - probability * sum);
  });
}

// Rows of 1, 2, 4, … columns, of which a register holds several: what is done to one is done to
// all, in the order in which it would be done to one alone. False for others.
template <class Arch, class T, int width = static_cast<int>(xsimd::batch<T, Arch>::size) / 2,
          class Step>
[[gnu::always_inline]] inline bool rows_by_register(std::int64_t rows, std::int64_t cols,
                                                    const Step& step) {
  if (cols != width) {
    if constexpr (width > 1) return rows_by_register<Arch, T, width / 2>(rows, cols, step);
    return false;
  }
  for_registers<Arch, T>(rows * cols, [&](std::int64_t j, const auto& lanes) {
    step.template operator()<width>(j, lanes);
  });
  return true;
}
template <class Arch, class T>
bool softmax_by_register(T* y, const T* x, std::int64_t rows, std::int64_t cols) {
  using B = xsimd::batch<T, Arch>;
  return rows_by_register<Arch, T>(rows, cols, [&]<int width>(std::int64_t j, const auto& lanes) {
    const B v = lanes.load(x + j);
    const B e = math::exp_of_negative(v - max_group<width>(v));
    lanes.store(y + j, divide(e, sum_group<width>(e)));
  });
}
template <class Arch, class T>
bool softmax_backward_by_register(T* dx, const T* dy, const T* y, std::int64_t rows,
                                  std::int64_t cols) {
  using B = xsimd::batch<T, Arch>;
  return rows_by_register<Arch, T>(rows, cols, [&]<int width>(std::int64_t j, const auto& lanes) {
    const B g = lanes.load(dy + j), p = lanes.load(y + j);
    lanes.store(dx + j, p * (g - sum_group<width>(g * p)));
  });
}

// The rows of a kernel, shared between threads; by_register first, where there is one.
template <class Arch, class T, void (*row)(T*, const T*, std::int64_t),
          bool (*by_register)(T*, const T*, std::int64_t, std::int64_t) = nullptr>
void each_row(T* y, const T* x, std::int64_t rows, std::int64_t cols) {
  parallel_for(0, rows, chunk_rows<Arch>(cols), [=](std::int64_t begin, std::int64_t end) {
    if constexpr (by_register != nullptr) {
      if (by_register(y + begin * cols, x + begin * cols, end - begin, cols)) return;
    }
    for (std::int64_t i = begin; i < end; ++i) row(y + i * cols, x + i * cols, cols);
  });
}
template <class Arch, class T, void (*row)(T*, const T*, const T*, std::int64_t),
          bool (*by_register)(T*, const T*, const T*, std::int64_t, std::int64_t) = nullptr>
void each_row_backward(T* dx, const T* dy, const T* y, std::int64_t rows, std::int64_t cols) {
  parallel_for(0, rows, chunk_rows<Arch>(cols), [=](std::int64_t begin, std::int64_t end) {
    if constexpr (by_register != nullptr) {
      const std::int64_t at = begin * cols;
      if (by_register(dx + at, dy + at, y + at, end - begin, cols)) return;
    }
    for (std::int64_t i = begin; i < end; ++i) {
      row(dx + i * cols, dy + i * cols, y + i * cols, cols);
    }
  });
}
template <class Arch, class T>
void logsumexp(T* out, const T* x, std::int64_t rows, std::int64_t cols) {
  parallel_for(0, rows, chunk_rows<Arch>(cols), [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) out[i] = logsumexp_row<Arch>(x + i * cols, cols);
  });
}

template <class Arch, class T>
void fill_softmax_of(KernelsOf<T>& table) {
  table.softmax = &each_row<Arch, T, &softmax_row<Arch, T>, &softmax_by_register<Arch, T>>;
  table.log_softmax = &each_row<Arch, T, &log_softmax_row<Arch, T>>;
  table.logsumexp = &logsumexp<Arch, T>;
  table.softmax_backward = &each_row_backward<Arch, T, &softmax_backward_row<Arch, T>,
                                              &softmax_backward_by_register<Arch, T>>;
  table.log_softmax_backward = &each_row_backward<Arch, T, &log_softmax_backward_row<Arch, T>>;
}

/// Fills in this instruction set's softmax family.
template <class Arch>
void fill_softmax(Kernels& table) {
  fill_softmax_of<Arch>(table.f32);
  fill_softmax_of<Arch>(table.f64);
}

}  // namespace heed::simd
