// The elementwise kernels: one loop, and for each operation its value on registers.
//
// What is not here (double's trigonometry, powers and error function) the plain twin computes with
// the C library.
#pragma once

#include <cstdint>
#include <utility>

#include "core/simd/kernels.h"
#include "core/simd/math_erf.h"
#include "core/simd/math_exp.h"
#include "core/simd/math_log.h"
#include "core/simd/math_trig.h"
#include "core/simd/prefetch.h"

namespace heed::simd {

// Whether float functions may be computed in float: their error bounds need fused multiply-add.
template <class Arch>
inline constexpr bool kHasFusedMultiplyAdd = !std::is_same_v<Arch, xsimd::sse2>;

// Where float functions are computed in double: the rarer ones, and all without multiply-add.
constexpr bool is_rare(UnaryOp op) { return op == UnaryOp::Log1p || op == UnaryOp::Expm1; }
constexpr bool is_transcendental(UnaryOp op) {
  return is_rare(op) || op == UnaryOp::Exp || op == UnaryOp::Log || op == UnaryOp::Tanh ||
         op == UnaryOp::Sigmoid || op == UnaryOp::Silu || op == UnaryOp::GeluTanh ||
         op == UnaryOp::Softplus;
}
constexpr bool is_transcendental(BinaryOp op) {
  return op == BinaryOp::GeluTanhGrad || op == BinaryOp::SiluGrad;
}
// Those that exist for float results only, and of those the ones that need multiply-add.
constexpr bool is_float_only(UnaryOp op) { return op == UnaryOp::Sin || op == UnaryOp::Cos; }
constexpr bool is_fused_float_only(UnaryOp op) { return op == UnaryOp::Gelu || op == UnaryOp::Erf; }

// Those whose arithmetic would leave the memory idle. (Of sine and cosine it was not measured.)
constexpr bool computes(UnaryOp op) { return is_transcendental(op) || is_fused_float_only(op); }
constexpr bool computes(BinaryOp op) {
  return is_transcendental(op) || op == BinaryOp::GeluGrad || op == BinaryOp::Pow;
}

template <class Arch, class T, UnaryOp op>
inline constexpr bool kHasUnary = is_fused_float_only(op)
                                      ? sizeof(T) == sizeof(float) && kHasFusedMultiplyAdd<Arch>
                                      : !is_float_only(op) || sizeof(T) == sizeof(float);
template <class Arch, class T, BinaryOp op>
inline constexpr bool kHasBinary = op == BinaryOp::GeluGrad
                                       ? sizeof(T) == sizeof(float) && kHasFusedMultiplyAdd<Arch>
                                       : op != BinaryOp::Pow || sizeof(T) == sizeof(float);

template <UnaryOp op, class B>
B unary_value(B x) {
  const B zero = constant<B>(0), one = constant<B>(1);
  if constexpr (op == UnaryOp::Neg) return negate(x);
  if constexpr (op == UnaryOp::Abs) return xsimd::abs(x);
  if constexpr (op == UnaryOp::Sign) {
    return xsimd::select(x > zero, one, xsimd::select(x < zero, -one, zero));
  }
  if constexpr (op == UnaryOp::Exp) return math::exp(x);
  if constexpr (op == UnaryOp::Log) return math::log(x);
  if constexpr (op == UnaryOp::Log1p) return math::log1p(x);
  if constexpr (op == UnaryOp::Expm1) return math::expm1(x);
  if constexpr (op == UnaryOp::Sqrt) return square_root(x);
  if constexpr (op == UnaryOp::Rsqrt) return divide(one, square_root(x));
  if constexpr (op == UnaryOp::Reciprocal) return divide(one, x);
  if constexpr (op == UnaryOp::Square) return x * x;
  if constexpr (op == UnaryOp::Tanh) return math::tanh(x);
  if constexpr (op == UnaryOp::Sigmoid) return math::sigmoid(x);
  if constexpr (op == UnaryOp::Relu) return xsimd::select(x <= zero, zero, x);
  if constexpr (op == UnaryOp::Gelu) return math::gelu(x);
  if constexpr (op == UnaryOp::GeluTanh) return math::gelu_tanh(x);
  if constexpr (op == UnaryOp::Silu) return math::silu(x);
  if constexpr (op == UnaryOp::Softplus) return math::softplus(x);
  if constexpr (op == UnaryOp::Erf) return math::erf(x);
  if constexpr (op == UnaryOp::Sin) return math::sin_or_cos(x, 0);
  if constexpr (op == UnaryOp::Cos) return math::sin_or_cos(x, 1);
}

template <BinaryOp op, class B>
B binary_value(B a, B b) {
  const B zero = constant<B>(0), one = constant<B>(1);
  if constexpr (op == BinaryOp::Add) return a + b;
  if constexpr (op == BinaryOp::Sub) return a - b;
  if constexpr (op == BinaryOp::Mul) return a * b;
  if constexpr (op == BinaryOp::Div) return divide(a, b);
  if constexpr (op == BinaryOp::Pow) return math::pow(a, b);
  if constexpr (op == BinaryOp::Maximum) return xsimd::select(is_nan(a) | (a > b), a, b);
  if constexpr (op == BinaryOp::Minimum) return xsimd::select(is_nan(a) | (a < b), a, b);
  if constexpr (op == BinaryOp::TanhGrad) return a * ((one - b) * (one + b));
  if constexpr (op == BinaryOp::SigmoidGrad) return a * b * (one - b);
  if constexpr (op == BinaryOp::ReluGrad) return xsimd::select(b <= zero, zero, a);
  if constexpr (op == BinaryOp::GeluGrad) return a * math::gelu_slope(b);
  if constexpr (op == BinaryOp::GeluTanhGrad) return a * math::gelu_tanh_slope(b);
  if constexpr (op == BinaryOp::SiluGrad) return a * math::silu_slope(b);
}

// Where the registers of a result go.
template <class Arch, bool streaming>
struct Store {
  template <class T>
  static void to(T* p, xsimd::batch<T, Arch> x) {
    if constexpr (streaming) {
      stream(p, x);
    } else {
      x.store_unaligned(p);
    }
  }
};

template <class Arch, class T, UnaryOp op, bool streaming>
void unary(T* out, const T* x, std::int64_t n) {
  using B = xsimd::batch<T, Arch>;
  constexpr std::int64_t lanes = B::size;
  const auto value = [](B v) {
    if constexpr (sizeof(T) == sizeof(float) &&
                  (is_rare(op) || (is_transcendental(op) && !kHasFusedMultiplyAdd<Arch>))) {
      return in_double<Arch>([](xsimd::batch<double, Arch> w) { return unary_value<op>(w); }, v);
    } else {
      return unary_value<op>(v);
    }
  };
  if (streaming && !can_stream<Arch>(out)) return unary<Arch, T, op, false>(out, x, n);
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    if constexpr (computes(op)) {
      fetch_ahead<true>(x + i);
      if constexpr (!streaming) fetch_ahead_to_write<true>(out + i);
    }
    Store<Arch, streaming>::to(out + i, value(B::load_unaligned(x + i)));
  }
  if (i < n) {
    const LaneMask<Arch, T> tail(n - i);
    tail.store(out + i, value(tail.load(x + i)));
  }
  if constexpr (streaming) end_stream<Arch>();
}

template <class Arch, class T, BinaryOp op>
xsimd::batch<T, Arch> binary_lanes(xsimd::batch<T, Arch> a, xsimd::batch<T, Arch> b) {
  if constexpr (sizeof(T) == sizeof(float) &&
                (op == BinaryOp::Pow || (is_transcendental(op) && !kHasFusedMultiplyAdd<Arch>))) {
    using Wide = xsimd::batch<double, Arch>;
    return in_double<Arch>([](Wide v, Wide w) { return binary_value<op>(v, w); }, a, b);
  } else {
    return binary_value<op>(a, b);
  }
}

// One of a, b, or neither, is one value repeated.
template <class Arch, class T, BinaryOp op, bool streaming, int a_step, int b_step>
void binary_loop(T* out, const T* a, const T* b, std::int64_t n) {
  using B = xsimd::batch<T, Arch>;
  constexpr std::int64_t lanes = B::size;
  const B a_value(*a), b_value(*b);
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    if constexpr (computes(op)) {
      if constexpr (a_step != 0) fetch_ahead<true>(a + i);
      if constexpr (b_step != 0) fetch_ahead<true>(b + i);
      if constexpr (!streaming) fetch_ahead_to_write<true>(out + i);
    }
    const B va = a_step == 0 ? a_value : B::load_unaligned(a + i);
    const B vb = b_step == 0 ? b_value : B::load_unaligned(b + i);
    Store<Arch, streaming>::to(out + i, binary_lanes<Arch, T, op>(va, vb));
  }
  if (i < n) {
    const LaneMask<Arch, T> tail(n - i);
    const B va = a_step == 0 ? a_value : tail.load(a + i);
    const B vb = b_step == 0 ? b_value : tail.load(b + i);
    tail.store(out + i, binary_lanes<Arch, T, op>(va, vb));
  }
}

template <class Arch, class T, BinaryOp op, bool streaming>
void binary(T* out, const T* a, std::int64_t a_step, const T* b, std::int64_t b_step,
            std::int64_t n) {
  if (n <= 0) return;
  if (streaming && !can_stream<Arch>(out)) {
    return binary<Arch, T, op, false>(out, a, a_step, b, b_step, n);
  }
  if (a_step != 0 && b_step != 0) {
    binary_loop<Arch, T, op, streaming, 1, 1>(out, a, b, n);
  } else if (a_step != 0) {
    binary_loop<Arch, T, op, streaming, 1, 0>(out, a, b, n);
  } else if (b_step != 0) {
    binary_loop<Arch, T, op, streaming, 0, 1>(out, a, b, n);
  } else {
    binary_loop<Arch, T, op, streaming, 0, 0>(out, a, b, n);
  }
  if constexpr (streaming) end_stream<Arch>();
}

template <CompareOp op, class T, class Arch>
bool compare_value(T a, T b) {
  if constexpr (op == CompareOp::Eq) return a == b;
  if constexpr (op == CompareOp::Ne) return a != b;
  if constexpr (op == CompareOp::Lt) return a < b;
  if constexpr (op == CompareOp::Le) return a <= b;
  if constexpr (op == CompareOp::Gt) return a > b;
  if constexpr (op == CompareOp::Ge) return a >= b;
}

// Results of one byte are what the compiler turns into vectors better than xsimd 8.1 does.
template <class Arch, class T, CompareOp op>
void compare(bool* __restrict out, const T* __restrict a, std::int64_t a_step,
             const T* __restrict b, std::int64_t b_step, std::int64_t n) {
  if (a_step != 0 && b_step != 0) {
    for (std::int64_t i = 0; i < n; ++i) out[i] = compare_value<op, T, Arch>(a[i], b[i]);
  } else if (a_step != 0) {
    const T value = *b;
    for (std::int64_t i = 0; i < n; ++i) out[i] = compare_value<op, T, Arch>(a[i], value);
  } else {
    const T value = *a;
    for (std::int64_t i = 0; i < n; ++i) {
      out[i] = compare_value<op, T, Arch>(value, b[i * b_step]);
    }
  }
}

template <class Arch, class T, int a_step, int b_step>
void where_loop(T* out, const bool* mask, const T* a, const T* b, std::int64_t n) {
  using B = xsimd::batch<T, Arch>;
  using Lanes = typename Bits<B>::Signed;
  constexpr std::int64_t lanes = B::size;
  typedef std::int8_t Bytes __attribute__((vector_size(B::size)));
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    Bytes bytes;
    __builtin_memcpy(&bytes, mask + i, sizeof(bytes));
    const Lanes chosen = __builtin_convertvector(-bytes, Lanes);  // all bits, or none
    const B va = a_step == 0 ? B(*a) : B::load_unaligned(a + i);
    const B vb = b_step == 0 ? B(*b) : B::load_unaligned(b + i);
    const Lanes bits =
        (reinterpret_cast<Lanes>(va.data) & chosen) | (reinterpret_cast<Lanes>(vb.data) & ~chosen);
    B(reinterpret_cast<typename B::register_type>(bits)).store_unaligned(out + i);
  }
  for (; i < n; ++i) out[i] = mask[i] ? a[i * a_step] : b[i * b_step];
}

template <class Arch, class T>
void where(T* out, const bool* mask, const T* a, std::int64_t a_step, const T* b,
           std::int64_t b_step, std::int64_t n) {
  if (n <= 0) return;
  if (a_step != 0 && b_step != 0) {
    where_loop<Arch, T, 1, 1>(out, mask, a, b, n);
  } else if (a_step != 0) {
    where_loop<Arch, T, 1, 0>(out, mask, a, b, n);
  } else if (b_step != 0) {
    where_loop<Arch, T, 0, 1>(out, mask, a, b, n);
  } else {
    where_loop<Arch, T, 0, 0>(out, mask, a, b, n);
  }
}

template <class Arch, class T>
void clamp(T* out, const T* x, T low, T high, std::int64_t n) {
  using B = xsimd::batch<T, Arch>;
  constexpr std::int64_t lanes = B::size;
  const B vlow(low), vhigh(high);
  const auto value = [&](B v) {
    const B raised = xsimd::select(v < vlow, vlow, v);
    return xsimd::select(raised > vhigh, vhigh, raised);
  };
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) value(B::load_unaligned(x + i)).store_unaligned(out + i);
  if (i < n) {
    const LaneMask<Arch, T> tail(n - i);
    tail.store(out + i, value(tail.load(x + i)));
  }
}

template <class Arch, class T>
void add_scaled(T* out, const T* a, const T* b, T alpha, std::int64_t n) {
  using B = xsimd::batch<T, Arch>;
  constexpr std::int64_t lanes = B::size;
  const B factor(alpha);
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    multiply_add(factor, B::load_unaligned(b + i), B::load_unaligned(a + i))
        .store_unaligned(out + i);
  }
  if (i < n) {
    const LaneMask<Arch, T> tail(n - i);
    tail.store(out + i, multiply_add(factor, tail.load(b + i), tail.load(a + i)));
  }
}

template <class Arch, class T>
void fill_elementwise_of(KernelsOf<T>& table) {
  [&]<int... I>(std::integer_sequence<int, I...>) {
    const auto set = [&]<UnaryOp op>() {
      if constexpr (kHasUnary<Arch, T, op>) {
        table.unary[static_cast<int>(op)] = &unary<Arch, T, op, false>;
        table.unary_streaming[static_cast<int>(op)] = &unary<Arch, T, op, true>;
      }
    };
    (set.template operator()<static_cast<UnaryOp>(I)>(), ...);
  }
  (std::make_integer_sequence<int, static_cast<int>(UnaryOp::kCount)>{});
  [&]<int... I>(std::integer_sequence<int, I...>) {
    const auto set = [&]<BinaryOp op>() {
      if constexpr (kHasBinary<Arch, T, op>) {
        table.binary[static_cast<int>(op)] = &binary<Arch, T, op, false>;
        table.binary_streaming[static_cast<int>(op)] = &binary<Arch, T, op, true>;
      }
    };
    (set.template operator()<static_cast<BinaryOp>(I)>(), ...);
  }
  (std::make_integer_sequence<int, static_cast<int>(BinaryOp::kCount)>{});
  [&]<int... I>(std::integer_sequence<int, I...>) {
    ((table.compare[I] = &compare<Arch, T, static_cast<CompareOp>(I)>), ...);
  }
  (std::make_integer_sequence<int, static_cast<int>(CompareOp::kCount)>{});
  table.where = &where<Arch, T>;
  table.clamp = &clamp<Arch, T>;
  table.add_scaled = &add_scaled<Arch, T>;
}

/// Fills in this instruction set's elementwise kernels.
template <class Arch>
void fill_elementwise(Kernels& table) {
  fill_elementwise_of<Arch>(table.f32);
  fill_elementwise_of<Arch>(table.f64);
}

}  // namespace heed::simd
