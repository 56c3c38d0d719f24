// Elementwise iteration: any number of strided, broadcast inputs into one output, in long runs.
//
// A kernel works on runs of n elements that are adjacent (step 1) or one value repeated (step 0).
// elementwise() finds those runs: it takes the direct path where every input is contiguous or a
// single value, and otherwise merges dims that are adjacent in all operands, walks the outer ones,
// and gathers the rare operand whose inner stride is neither 0 nor 1 into a small buffer.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <tuple>
#include <utility>

#include "core/parallel.h"
#include "core/tensor.h"

namespace heed::detail {

/// Elements per chunk handed to a thread: about 30 µs of cheap arithmetic.
inline constexpr std::int64_t kElementwiseGrain = 32768;

/// A loop nest over N operands with as few dims as their strides allow. Operand 0 gives the sizes.
template <int N>
struct LoopNest {
  int ndim = 0;
  std::array<std::int64_t, Dims::kMax> sizes{};
  std::array<std::array<std::int64_t, Dims::kMax>, N> strides{};

  LoopNest(const Dims& shape, const std::array<Dims, N>& operand_strides) {
    for (std::int64_t d = 0; d < shape.size(); ++d) {
      if (shape[d] == 1) continue;
      if (ndim > 0 && merges(d, shape, operand_strides)) {
        sizes[last()] *= shape[d];
        for (int k = 0; k < N; ++k) strides[at(k)][last()] = operand_strides[at(k)][d];
        continue;
      }
      ++ndim;
      sizes[last()] = shape[d];
      for (int k = 0; k < N; ++k) strides[at(k)][last()] = operand_strides[at(k)][d];
    }
    if (ndim == 0) {
      ndim = 1;
      sizes[0] = 1;
    }
  }

  std::int64_t inner_size() const { return sizes[last()]; }
  std::int64_t inner_stride(int k) const { return strides[at(k)][last()]; }
  std::int64_t rows() const {
    std::int64_t rows = 1;
    for (int d = 0; d + 1 < ndim; ++d) rows *= sizes[at(d)];
    return rows;
  }

  /// body(offsets) for each of the rows [begin, end): where each operand's row starts.
  template <class Body>
  void for_rows(std::int64_t begin, std::int64_t end, Body&& body) const {
    std::array<std::int64_t, Dims::kMax> position{};
    std::array<std::int64_t, N> offsets{};
    std::int64_t rest = begin;
    for (int d = ndim - 2; d >= 0; --d) {
      position[at(d)] = rest % sizes[at(d)];
      rest /= sizes[at(d)];
      for (int k = 0; k < N; ++k) offsets[at(k)] += position[at(d)] * strides[at(k)][at(d)];
    }
    for (std::int64_t row = begin; row < end; ++row) {
      body(offsets);
      for (int d = ndim - 2; d >= 0; --d) {
        for (int k = 0; k < N; ++k) offsets[at(k)] += strides[at(k)][at(d)];
        if (++position[at(d)] < sizes[at(d)]) break;
        for (int k = 0; k < N; ++k) offsets[at(k)] -= sizes[at(d)] * strides[at(k)][at(d)];
        position[at(d)] = 0;
      }
    }
  }

 private:
  static constexpr std::size_t at(int i) { return static_cast<std::size_t>(i); }
  std::size_t last() const { return at(ndim - 1); }
  bool merges(std::int64_t d, const Dims& shape, const std::array<Dims, N>& operand_strides) const {
    for (int k = 0; k < N; ++k) {
      if (strides[at(k)][last()] != operand_strides[at(k)][d] * shape[d]) return false;
    }
    return true;
  }
};

/// Copies n elements `stride` apart into adjacent ones.
template <class T>
void gather_run(T* to, const T* from, std::int64_t stride, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) to[i] = from[i * stride];
}

template <class Out, class... In, class Kernel, std::size_t... I>
void elementwise_strided(const Tensor& out, Kernel& kernel, std::index_sequence<I...>,
                         const std::array<const Tensor*, sizeof...(In)>& in) {
  constexpr int kCount = 1 + sizeof...(In);
  constexpr std::int64_t kRun = 512;
  const std::array<Dims, kCount> all_strides = {
      out.strides(), broadcast_strides(in[I]->sizes(), in[I]->strides(), out.sizes())...};
  const LoopNest<kCount> nest(out.sizes(), all_strides);
  Out* const to = out.data<Out>();
  const std::tuple<const In*...> from = {in[I]->template data<In>()...};
  const std::int64_t inner = nest.inner_size();
  const auto body = [&](const std::array<std::int64_t, kCount>& offsets) {
    Out* o = to + offsets[0];
    const std::int64_t out_stride = nest.inner_stride(0);
    const bool direct = out_stride == 1 &&
                        ((nest.inner_stride(I + 1) == 0 || nest.inner_stride(I + 1) == 1) && ...);
    if (direct) {
      kernel(o, inner, std::get<I>(from) + offsets[I + 1]..., nest.inner_stride(I + 1)...);
      return;
    }
    std::tuple<std::array<In, kRun>...> buffers;
    std::array<Out, kRun> results;
    for (std::int64_t i = 0; i < inner; i += kRun) {
      const std::int64_t n = std::min(kRun, inner - i);
      const auto run = [&]<std::size_t K>() {
        using T = std::tuple_element_t<K, std::tuple<In...>>;
        const std::int64_t stride = nest.inner_stride(K + 1);
        const T* p = std::get<K>(from) + offsets[K + 1] + i * stride;
        if (stride == 0 || stride == 1) return p;
        gather_run(std::get<K>(buffers).data(), p, stride, n);
        return static_cast<const T*>(std::get<K>(buffers).data());
      };
      Out* target = out_stride == 1 ? o + i : results.data();
      kernel(target, n, run.template operator()<I>()...,
             std::int64_t{nest.inner_stride(I + 1) == 0 ? 0 : 1}...);
      if (out_stride != 1) {
        for (std::int64_t j = 0; j < n; ++j) o[(i + j) * out_stride] = results[std::size_t(j)];
      }
    }
  };
  const std::int64_t rows = nest.rows();
  parallel_for(0, rows, std::max<std::int64_t>(1, kElementwiseGrain / inner),
               [&](std::int64_t b, std::int64_t e) { nest.for_rows(b, e, body); });
}

/// Runs kernel(Out* out, n, const In*…, step…) over all elements of `out`; inputs are broadcast to
/// it; every step is 0 or 1. The element types are given, the tensors must have them.
template <class Out, class... In, class Kernel, class... Tensors>
void elementwise(const Tensor& out, Kernel&& kernel, const Tensors&... in) {
  const std::int64_t numel = out.numel();
  if (numel == 0) return;
  const auto fits = [&](const Tensor& x) {
    return x.numel() == 1 || (x.is_contiguous() && x.sizes() == out.sizes());
  };
  if (out.is_contiguous() && (fits(in) && ...)) {
    Out* const to = out.data<Out>();
    if (numel <= kElementwiseGrain) {
      kernel(to, numel, static_cast<const In*>(in.template data<In>())...,
             std::int64_t{in.numel() == 1 ? 0 : 1}...);
      return;
    }
    parallel_for(0, numel, kElementwiseGrain, [&](std::int64_t b, std::int64_t e) {
      kernel(to + b, e - b,
             static_cast<const In*>(in.template data<In>()) + (in.numel() == 1 ? 0 : b)...,
             std::int64_t{in.numel() == 1 ? 0 : 1}...);
    });
    return;
  }
  elementwise_strided<Out, In...>(out, kernel, std::index_sequence_for<In...>(),
                                  std::array<const Tensor*, sizeof...(In)>{&in...});
}

/// For kernels of one input that know no steps: a repeated value is computed once and spread.
template <class T, class Kernel>
void elementwise_unary(const Tensor& out, const Tensor& x, Kernel&& kernel) {
  elementwise<T, T>(
      out,
      [&](T* o, std::int64_t n, const T* in, std::int64_t step) {
        if (step == 1 || n == 1) return kernel(o, in, n);
        kernel(o, in, std::int64_t{1});
        std::fill(o + 1, o + n, o[0]);
      },
      x);
}

}  // namespace heed::detail
