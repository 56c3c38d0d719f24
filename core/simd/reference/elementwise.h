// The elementwise kernels in plain loops: the oracle of elementwise_kernels.h, and a learner's
// text. Everything is computed in double and rounded once, so that the float32 results are right to
// the last bit but in the rarest of cases.
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>
#include <utility>

#include "core/simd/kernels.h"

namespace heed::simd::reference {

// Written so that exp never overflows: the left tail keeps its last, subnormal values.
inline double sigmoid(double x) {
  return x > 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x));
}

// The inner argument of gelu_tanh is u(x) = sqrt(2/pi) (x + 0.044715 x^3), and
// (1 + tanh u) / 2 = sigmoid(2 u), which does not cancel where u is negative.
inline constexpr double kGeluTanhCubic = 0.044715;
inline constexpr double kSqrtTwoOverPi = std::numbers::sqrt2 * std::numbers::inv_sqrtpi;
inline double gelu_tanh_gate(double x) {
  return sigmoid(2 * kSqrtTwoOverPi * (x + kGeluTanhCubic * x * x * x));
}

// The normal distribution's cumulative probability, by erfc so that its left tail is not 1 - 1.
inline double normal_cdf(double x) { return std::erfc(-x / std::numbers::sqrt2) / 2; }

template <UnaryOp op>
double unary_value(double x) {
  if constexpr (op == UnaryOp::Neg) return -x;
  if constexpr (op == UnaryOp::Abs) return std::fabs(x);
  if constexpr (op == UnaryOp::Sign) return (x > 0) - (x < 0);  // NaN: 0, as PyTorch
  if constexpr (op == UnaryOp::Exp) return std::exp(x);
  if constexpr (op == UnaryOp::Log) return std::log(x);
  if constexpr (op == UnaryOp::Log1p) return std::log1p(x);
  if constexpr (op == UnaryOp::Expm1) return std::expm1(x);
  if constexpr (op == UnaryOp::Sqrt) return std::sqrt(x);
  if constexpr (op == UnaryOp::Rsqrt) return 1 / std::sqrt(x);
  if constexpr (op == UnaryOp::Reciprocal) return 1 / x;
  if constexpr (op == UnaryOp::Square) return x * x;
  if constexpr (op == UnaryOp::Tanh) return std::tanh(x);
  if constexpr (op == UnaryOp::Sigmoid) return sigmoid(x);
  if constexpr (op == UnaryOp::Relu) return x <= 0 ? 0 : x;  // NaN stays
  if constexpr (op == UnaryOp::Gelu) return x * normal_cdf(x);
  if constexpr (op == UnaryOp::GeluTanh) return x * gelu_tanh_gate(x);
  if constexpr (op == UnaryOp::Silu) return x * sigmoid(x);
  // Above 20 the difference is below 1e-10 of x, and PyTorch returns x.
  if constexpr (op == UnaryOp::Softplus) return x > 20 ? x : std::log1p(std::exp(x));
  if constexpr (op == UnaryOp::Erf) return std::erf(x);
  if constexpr (op == UnaryOp::Sin) return std::sin(x);
  if constexpr (op == UnaryOp::Cos) return std::cos(x);
}

// gelu(x) = x Phi(x), so gelu'(x) = Phi(x) + x phi(x), phi the normal density.
inline double gelu_slope(double x) {
  const double density = std::exp(-x * x / 2) * std::numbers::inv_sqrtpi / std::numbers::sqrt2;
  return normal_cdf(x) + x * density;
}

// With s = sigmoid(2 u): s + x s (1 - s) 2 u'(x). Beyond 40, s is exactly 0 or 1 and the slope with
// it; u' is held there because it overflows long before x does.
inline double gelu_tanh_slope(double x) {
  const double z = x > 40 ? 40 : x < -40 ? -40 : x;
  const double s = gelu_tanh_gate(z);
  const double du = kSqrtTwoOverPi * (1 + 3 * kGeluTanhCubic * z * z);
  return s + x * (s * (1 - s) * 2 * du);
}

inline double silu_slope(double x) {
  const double s = sigmoid(x);
  return s * (1 + x * (1 - s));
}

template <BinaryOp op>
double binary_value(double a, double b) {
  if constexpr (op == BinaryOp::Add) return a + b;
  if constexpr (op == BinaryOp::Sub) return a - b;
  if constexpr (op == BinaryOp::Mul) return a * b;
  if constexpr (op == BinaryOp::Div) return a / b;
  if constexpr (op == BinaryOp::Pow) return std::pow(a, b);
  // NaN in either operand gives NaN.
  if constexpr (op == BinaryOp::Maximum) return a != a || a > b ? a : b;
  if constexpr (op == BinaryOp::Minimum) return a != a || a < b ? a : b;
  if constexpr (op == BinaryOp::TanhGrad) return a * (1 - b * b);
  if constexpr (op == BinaryOp::SigmoidGrad) return a * b * (1 - b);
  if constexpr (op == BinaryOp::ReluGrad) return b <= 0 ? 0 : a;
  if constexpr (op == BinaryOp::GeluGrad) return a * gelu_slope(b);
  if constexpr (op == BinaryOp::GeluTanhGrad) return a * gelu_tanh_slope(b);
  if constexpr (op == BinaryOp::SiluGrad) return a * silu_slope(b);
}

template <CompareOp op, class T>
bool compare_value(T a, T b) {
  if constexpr (op == CompareOp::Eq) return a == b;
  if constexpr (op == CompareOp::Ne) return a != b;
  if constexpr (op == CompareOp::Lt) return a < b;
  if constexpr (op == CompareOp::Le) return a <= b;
  if constexpr (op == CompareOp::Gt) return a > b;
  if constexpr (op == CompareOp::Ge) return a >= b;
}

template <class T, UnaryOp op>
void unary(T* out, const T* x, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    out[i] = static_cast<T>(unary_value<op>(static_cast<double>(x[i])));
  }
}

template <class T, BinaryOp op>
void binary(T* out, const T* a, std::int64_t a_step, const T* b, std::int64_t b_step,
            std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    out[i] = static_cast<T>(
        binary_value<op>(static_cast<double>(a[i * a_step]), static_cast<double>(b[i * b_step])));
  }
}

template <class T, CompareOp op>
void compare(bool* out, const T* a, std::int64_t a_step, const T* b, std::int64_t b_step,
             std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) out[i] = compare_value<op>(a[i * a_step], b[i * b_step]);
}

template <class T>
void where(T* out, const bool* mask, const T* a, std::int64_t a_step, const T* b,
           std::int64_t b_step, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) out[i] = mask[i] ? a[i * a_step] : b[i * b_step];
}

/// NaN in x stays NaN; where low > high the result is high, as PyTorch.
template <class T>
void clamp(T* out, const T* x, T low, T high, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    const T raised = x[i] < low ? low : x[i];
    out[i] = raised > high ? high : raised;
  }
}

template <class T>
void add_scaled(T* out, const T* a, const T* b, T alpha, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) out[i] = std::fma(alpha, b[i], a[i]);
}

template <class T>
void fill_elementwise(KernelsOf<T>& table) {
  [&]<int... I>(std::integer_sequence<int, I...>) {
    ((table.unary[I] = table.unary_streaming[I] = &unary<T, static_cast<UnaryOp>(I)>), ...);
  }
  (std::make_integer_sequence<int, static_cast<int>(UnaryOp::kCount)>{});
  [&]<int... I>(std::integer_sequence<int, I...>) {
    ((table.binary[I] = table.binary_streaming[I] = &binary<T, static_cast<BinaryOp>(I)>), ...);
  }
  (std::make_integer_sequence<int, static_cast<int>(BinaryOp::kCount)>{});
  [&]<int... I>(std::integer_sequence<int, I...>) {
    ((table.compare[I] = &compare<T, static_cast<CompareOp>(I)>), ...);
  }
  (std::make_integer_sequence<int, static_cast<int>(CompareOp::kCount)>{});
  table.where = &where<T>;
  table.clamp = &clamp<T>;
  table.add_scaled = &add_scaled<T>;
}

}  // namespace heed::simd::reference
