// Comparisons and logic: bool results, without gradients.
#include <cmath>

#include "core/autograd/grad_mode.h"
#include "core/ops/common.h"
#include "core/ops/dispatch.h"
#include "core/ops/loops.h"
#include "core/ops/ops.h"
#include "core/simd/kernels.h"

namespace heed {

using simd::CompareOp;

namespace {

template <class T>
bool compare_one(CompareOp op, T a, T b) {
  switch (op) {
    case CompareOp::Eq: return a == b;
    case CompareOp::Ne: return a != b;
    case CompareOp::Lt: return a < b;
    case CompareOp::Le: return a <= b;
    case CompareOp::Gt: return a > b;
    case CompareOp::Ge: return a >= b;
    case CompareOp::kCount: break;
  }
  return false;
}

Tensor result_like(const Tensor& a, const Tensor& b) {
  if (a.sizes() == b.sizes()) return detail::make_tensor(a.sizes(), DType::Bool);
  return detail::make_tensor(broadcast_shapes(a.sizes(), b.sizes()), DType::Bool);
}

Tensor in_type(const Tensor& x, DType dtype) {
  return x.dtype() == dtype ? x : to(x.detach(), dtype);
}

Tensor compare(const Tensor& a_in, const Tensor& b_in, CompareOp op) {
  const Tensor out = result_like(a_in, b_in);
  const DType dtype = detail::result_type(a_in, b_in);
  const Tensor a = in_type(a_in, dtype), b = in_type(b_in, dtype);
  detail::dispatch(dtype, [&]<class T>() {
    if constexpr (std::is_floating_point_v<T>) {
      const auto kernel = simd::kernels().of<T>().compare[static_cast<int>(op)];
      detail::elementwise<bool, T, T>(
          out,
          [kernel](bool* o, std::int64_t n, const T* x, const T* y, std::int64_t x_step,
                   std::int64_t y_step) { kernel(o, x, x_step, y, y_step, n); },
          a, b);
    } else {
      detail::elementwise<bool, T, T>(
          out,
          [op](bool* o, std::int64_t n, const T* x, const T* y, std::int64_t x_step,
               std::int64_t y_step) {
            for (std::int64_t i = 0; i < n; ++i) {
              o[i] = compare_one(op, x[i * x_step], y[i * y_step]);
            }
          },
          a, b);
    }
  });
  return out;
}

Tensor compare(const Tensor& a, Scalar b, CompareOp op) {
  const DType dtype = b.promote_with(a.dtype());
  const Tensor number = detail::make_tensor({}, dtype);
  detail::dispatch(dtype, [&]<class T>() { *number.data<T>() = b.to<T>(); });
  return compare(a, number, op);
}

// f(x) for each element as bool.
template <class F>
Tensor test_each(const Tensor& x, F&& f) {
  const Tensor out = detail::make_tensor(x.sizes(), DType::Bool);
  detail::dispatch(x.dtype(), [&]<class T>() {
    detail::elementwise<bool, T>(
        out,
        [&f](bool* o, std::int64_t n, const T* in, std::int64_t step) {
          for (std::int64_t i = 0; i < n; ++i) o[i] = f(in[i * step]);
        },
        x);
  });
  return out;
}

template <class F>
Tensor logical(const Tensor& a_in, const Tensor& b_in, F&& f) {
  const Tensor out = result_like(a_in, b_in);
  const auto truth = [](const Tensor& x) {
    if (x.dtype() == DType::Bool) return x;
    return test_each(x, [](auto value) { return value != decltype(value){0}; });
  };
  const Tensor a = truth(a_in), b = truth(b_in);
  detail::elementwise<bool, bool, bool>(
      out,
      [&f](bool* o, std::int64_t n, const bool* x, const bool* y, std::int64_t x_step,
           std::int64_t y_step) {
        for (std::int64_t i = 0; i < n; ++i) o[i] = f(x[i * x_step], y[i * y_step]);
      },
      a, b);
  return out;
}

}  // namespace

#define HEED_COMPARISON(name, symbol, op)                                         \
  Tensor name(const Tensor& a, const Tensor& b) { return compare(a, b, op); }     \
  Tensor name(const Tensor& a, Scalar b) { return compare(a, b, op); }            \
  Tensor operator symbol(const Tensor& a, const Tensor& b) { return name(a, b); } \
  Tensor operator symbol(const Tensor& a, Scalar b) { return name(a, b); }
HEED_COMPARISON(eq, ==, CompareOp::Eq)
HEED_COMPARISON(ne, !=, CompareOp::Ne)
HEED_COMPARISON(lt, <, CompareOp::Lt)
HEED_COMPARISON(le, <=, CompareOp::Le)
HEED_COMPARISON(gt, >, CompareOp::Gt)
HEED_COMPARISON(ge, >=, CompareOp::Ge)
#undef HEED_COMPARISON

Tensor logical_and(const Tensor& a, const Tensor& b) {
  return logical(a, b, [](bool x, bool y) { return x && y; });
}
Tensor logical_or(const Tensor& a, const Tensor& b) {
  return logical(a, b, [](bool x, bool y) { return x || y; });
}
Tensor logical_xor(const Tensor& a, const Tensor& b) {
  return logical(a, b, [](bool x, bool y) { return x != y; });
}
Tensor logical_not(const Tensor& x) {
  return test_each(x, [](auto value) { return value == decltype(value){0}; });
}
Tensor operator&(const Tensor& a, const Tensor& b) { return logical_and(a, b); }
Tensor operator|(const Tensor& a, const Tensor& b) { return logical_or(a, b); }
Tensor operator^(const Tensor& a, const Tensor& b) { return logical_xor(a, b); }
Tensor operator!(const Tensor& x) { return logical_not(x); }

Tensor isnan(const Tensor& x) {
  return test_each(x, [](auto value) { return value != value; });
}
Tensor isinf(const Tensor& x) {
  return test_each(x, [](auto value) { return std::isinf(static_cast<double>(value)); });
}
Tensor isfinite(const Tensor& x) {
  return test_each(x, [](auto value) { return std::isfinite(static_cast<double>(value)); });
}

bool equal(const Tensor& a, const Tensor& b) {
  if (a.sizes() != b.sizes()) return false;
  return all(eq(a, b)).item<bool>();
}

bool allclose(const Tensor& a, const Tensor& b, double rtol, double atol, bool equal_nan) {
  const NoGradGuard plain;
  const DType dtype = promote(a.dtype(), b.dtype());
  const Tensor x = to(a, is_floating_point(dtype) ? dtype : float64);
  const Tensor y = to(b, x.dtype());
  // Infinities of one sign are equal; their difference is NaN and compares false.
  Tensor close =
      logical_or(eq(x, y), logical_and(isfinite(y), le(abs(x - y), abs(y) * rtol + atol)));
  if (equal_nan) close = logical_or(close, logical_and(isnan(x), isnan(y)));
  return all(close).item<bool>();
}

}  // namespace heed
