// Tensors with given, constant and evenly spaced values; random ones are in random_ops.cpp.
#include "core/factory.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/ops/common.h"
#include "core/ops/dispatch.h"

namespace heed {
namespace {

using detail::dispatch;

// Checked before anything is allocated or drawn.
DType result_dtype(const TensorOptions& options, DType otherwise) {
  const DType dtype = options.dtype.value_or(otherwise);
  HEED_CHECK(!options.requires_grad || is_floating_point(dtype),
             "Only Tensors of floating point dtype can require gradients, but the dtype is ",
             dtype_name(dtype));
  return dtype;
}

Tensor finish(Tensor x, const TensorOptions& options) {
  if (options.requires_grad) x.requires_grad_();
  return x;
}

template <class T>
void fill_contiguous(const Tensor& x, T value) {
  detail::fill_values(x.data<T>(), value, x.numel());
}

// The shape that nested braces spell, by their first elements.
Dims shape_of(const NestedValues& values) {
  Dims sizes;
  for (const NestedValues* at = &values; at->is_list(); at = &(*at)[0]) {
    sizes.push_back(at->size());
    if (at->size() == 0) break;
  }
  return sizes;
}

void infer_dtype(const NestedValues& values, DType& dtype) {
  if (!values.is_list()) {
    dtype = promote(dtype, values.dtype());
    return;
  }
  for (std::int64_t i = 0; i < values.size(); ++i) infer_dtype(values[i], dtype);
}

template <class T>
void read_values(const NestedValues& values, const Dims& sizes, std::int64_t depth, T*& out) {
  if (depth == sizes.size()) {
    HEED_CHECK(!values.is_list(), "expected a number at depth ", depth, " of the nested values of ",
               "shape ", sizes, ", but got a list of ", values.size());
    *out++ = values.value().to<T>();
    return;
  }
  HEED_CHECK(values.is_list(), "expected sequence of length ", sizes[depth], " at dim ", depth,
             " (got a number)");
  HEED_CHECK(values.size() == sizes[depth], "expected sequence of length ", sizes[depth],
             " at dim ", depth, " (got ", values.size(), ")");
  for (std::int64_t i = 0; i < values.size(); ++i) read_values(values[i], sizes, depth + 1, out);
}

// How many of start, start + step, … come before end.
template <class T>
std::int64_t arange_length(Scalar start, Scalar end, Scalar step) {
  if constexpr (std::is_same_v<T, std::int64_t>) {
    const auto first = static_cast<double>(start.to_int64());
    const auto stride = static_cast<double>(step.to_int64());
    // Doubles are exact up to 2^53, far more elements than memory holds.
    return static_cast<std::int64_t>(
        std::ceil((static_cast<double>(end.to_int64()) - first) / stride));
  } else {
    return static_cast<std::int64_t>(
        std::ceil((end.to_double() - start.to_double()) / step.to_double()));
  }
}

// PyTorch's vector width: it computes the first element of each vector from the start and the
// others from that first one, and the elements left over one by one. The last bit of a value tells
// the two apart, so the same is done here, for the width of its AVX2 build.
template <class T>
constexpr std::int64_t kLanes = 32 / static_cast<std::int64_t>(sizeof(T));

template <class T>
void fill_arange(T* out, std::int64_t n, Scalar start, Scalar step) {
  if constexpr (std::is_same_v<T, std::int64_t>) {
    for (std::int64_t i = 0; i < n; ++i) out[i] = start.to_int64() + i * step.to_int64();
  } else {
    const double first = start.to_double(), stride = step.to_double();
    const auto at = [&](std::int64_t i) {
      return static_cast<T>(std::fma(stride, static_cast<double>(i), first));
    };
    const std::int64_t whole = n - n % (2 * kLanes<T>);
    for (std::int64_t i = 0; i < whole; i += kLanes<T>) {
      const double base = at(i);
      for (std::int64_t lane = 0; lane < kLanes<T>; ++lane) {
        out[i + lane] = static_cast<T>(std::fma(stride, static_cast<double>(lane), base));
      }
    }
    for (std::int64_t i = whole; i < n; ++i) out[i] = at(i);
  }
}

// The first half is counted from the start and the second from the end, so that both are exact.
template <class T>
void fill_linspace(T* out, std::int64_t n, T start, T end) {
  using Step = std::conditional_t<std::is_floating_point_v<T>, T, double>;
  const Step step = (static_cast<Step>(end) - static_cast<Step>(start)) / static_cast<Step>(n - 1);
  const auto at = [&](std::int64_t i) {
    if (i < n / 2) return std::fma(step, static_cast<Step>(i), static_cast<Step>(start));
    return std::fma(-step, static_cast<Step>(n - 1 - i), static_cast<Step>(end));
  };
  std::int64_t i = 0;
  if constexpr (std::is_floating_point_v<T>) {
    for (const std::int64_t whole = n - n % (2 * kLanes<T>); i < whole; i += kLanes<T>) {
      const T base = at(i);
      for (std::int64_t lane = 0; lane < kLanes<T>; ++lane) {
        out[i + lane] = base + step * static_cast<T>(lane);
      }
    }
  }
  for (; i < n; ++i) out[i] = static_cast<T>(at(i));
}

}  // namespace

Tensor tensor(const NestedValues& values, const TensorOptions& options) {
  const Dims sizes = shape_of(values);
  DType natural = DType::Bool;
  infer_dtype(values, natural);
  if (checked_numel(sizes) == 0) natural = DType::Float32;
  const Tensor x = detail::make_tensor(sizes, result_dtype(options, natural));
  dispatch(x.dtype(), [&]<class T>() {
    T* out = x.data<T>();
    read_values(values, sizes, 0, out);
  });
  return finish(x, options);
}

Tensor tensor_from(const void* data, DType dtype, const Dims& sizes, const TensorOptions& options) {
  const DType target = result_dtype(options, dtype);
  const Tensor x = detail::make_tensor(sizes, target);
  if (x.numel() == 0) return finish(x, options);
  HEED_CHECK(data != nullptr, "tensor_from: no memory was given for a tensor of size ", sizes);
  dispatch(target, [&]<class To>() {
    dispatch(dtype, [&]<class From>() {
      const From* from = static_cast<const From*>(data);
      To* out = x.data<To>();
      if constexpr (std::is_same_v<To, From>) {
        std::memcpy(out, from, static_cast<std::size_t>(x.numel()) * sizeof(To));
      } else {
        for (std::int64_t i = 0; i < x.numel(); ++i) {
          if constexpr (std::is_same_v<To, bool>) {
            out[i] = from[i] != From{};
          } else {
            out[i] = static_cast<To>(from[i]);
          }
        }
      }
    });
  });
  return finish(x, options);
}

Tensor from_blob(void* data, const Dims& sizes, DType dtype) {
  const std::int64_t numel = checked_numel(sizes);
  HEED_CHECK(data != nullptr || numel == 0, "from_blob: no memory was given for a tensor of size ",
             sizes);
  std::size_t bytes = 0;
  HEED_CHECK(!__builtin_mul_overflow(static_cast<std::size_t>(numel), element_size(dtype), &bytes),
             "Storage size calculation overflowed with sizes=", sizes);
  return detail::make_tensor_on(Storage::external(
                                    data, bytes, [](void*) noexcept {}, nullptr),
                                sizes, numel, dtype);
}

Tensor empty(const Dims& sizes, const TensorOptions& options) {
  return finish(detail::make_tensor(sizes, result_dtype(options, DType::Float32)), options);
}

Tensor zeros(const Dims& sizes, const TensorOptions& options) { return full(sizes, 0.0, options); }

Tensor ones(const Dims& sizes, const TensorOptions& options) { return full(sizes, 1.0, options); }

Tensor full(const Dims& sizes, Scalar value, const TensorOptions& options) {
  const Tensor x =
      detail::make_tensor(sizes, result_dtype(options, value.promote_with(DType::Bool)));
  dispatch(x.dtype(), [&]<class T>() { fill_contiguous<T>(x, value.to<T>()); });
  return finish(x, options);
}

Tensor eye(std::int64_t n, const TensorOptions& options) { return eye(n, n, options); }

Tensor eye(std::int64_t n, std::int64_t m, const TensorOptions& options) {
  HEED_CHECK(n >= 0, "n must be greater or equal to 0, got ", n);
  HEED_CHECK(m >= 0, "m must be greater or equal to 0, got ", m);
  const Tensor x = detail::make_tensor({n, m}, result_dtype(options, DType::Float32));
  dispatch(x.dtype(), [&]<class T>() {
    fill_contiguous<T>(x, T{});
    T* data = x.data<T>();
    for (std::int64_t i = 0; i < std::min(n, m); ++i) data[i * m + i] = T{1};
  });
  return finish(x, options);
}

Tensor arange(Scalar end, const TensorOptions& options) { return arange(0, end, 1, options); }

Tensor arange(Scalar start, Scalar end, const TensorOptions& options) {
  return arange(start, end, 1, options);
}

Tensor arange(Scalar start, Scalar end, Scalar step, const TensorOptions& options) {
  const bool real = start.is_real() || end.is_real() || step.is_real();
  const DType dtype = result_dtype(options, real ? DType::Float32 : DType::Int64);
  HEED_CHECK(dtype != DType::Bool, "\"arange_cpu\" not implemented for 'Bool'");
  const double first = start.to_double(), last = end.to_double();
  HEED_CHECK(std::isfinite(first) && std::isfinite(last), "unsupported range: ", first, " -> ",
             last);
  const bool whole = dtype == DType::Int64;
  const double by = whole ? static_cast<double>(step.to_int64()) : step.to_double();
  HEED_CHECK(by != 0 && !std::isnan(by), "step must be nonzero");
  HEED_CHECK(by > 0 ? last >= first : last <= first,
             "upper bound and larger bound inconsistent with step sign (from ", first, " to ", last,
             " by ", by, ")");
  const double count = (last - first) / by;
  HEED_CHECK(count < static_cast<double>(std::numeric_limits<std::int64_t>::max()),
             "invalid size, possible overflow? (from ", first, " to ", last, " by ", by, ")");
  Tensor x;
  dispatch(dtype, [&]<class T>() {
    if constexpr (!std::is_same_v<T, bool>) {
      const std::int64_t n = arange_length<T>(start, end, step);
      x = detail::make_tensor({n}, dtype);
      fill_arange<T>(x.data<T>(), n, start, step);
    }
  });
  return finish(x, options);
}

Tensor linspace(double start, double end, std::int64_t steps, const TensorOptions& options) {
  const DType dtype = result_dtype(options, DType::Float32);
  HEED_CHECK(steps >= 0, "number of steps must be non-negative, but got ", steps);
  HEED_CHECK(dtype != DType::Bool, "\"linspace_cpu\" not implemented for 'Bool'");
  const Tensor x = detail::make_tensor({steps}, dtype);
  dispatch(dtype, [&]<class T>() {
    if constexpr (!std::is_same_v<T, bool>) {
      if (steps == 1) {
        *x.data<T>() = static_cast<T>(start);
      } else {
        fill_linspace<T>(x.data<T>(), steps, static_cast<T>(start), static_cast<T>(end));
      }
    }
  });
  return finish(x, options);
}

Tensor empty_like(const Tensor& x, const TensorOptions& options) {
  return finish(detail::make_tensor(x.sizes(), result_dtype(options, x.dtype())), options);
}

Tensor zeros_like(const Tensor& x, const TensorOptions& options) {
  return full_like(x, 0, options);
}

Tensor ones_like(const Tensor& x, const TensorOptions& options) { return full_like(x, 1, options); }

Tensor full_like(const Tensor& x, Scalar value, const TensorOptions& options) {
  const Tensor y = detail::make_tensor(x.sizes(), result_dtype(options, x.dtype()));
  dispatch(y.dtype(), [&]<class T>() { fill_contiguous<T>(y, value.to<T>()); });
  return finish(y, options);
}

}  // namespace heed
