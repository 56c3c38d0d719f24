// The vocabulary in which the mathematics of kernels is written: constants, polynomials, powers of
// two, NaN-keeping minima, conversions between float and double. Built on the vector extensions
// that g++ and clang++ share, where xsimd 8.1 has nothing or something slow.
#pragma once

#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>

#include "core/simd/lanes.h"

namespace heed::simd {

inline constexpr double kInfinity = std::numeric_limits<double>::infinity();
inline constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

template <class B>
B constant(double c) {
  return B(static_cast<typename B::value_type>(c));
}

/// The layout of a lane's bits.
template <class B, class T = typename B::value_type>
struct Bits;
template <class B>
struct Bits<B, float> {
  using Register = typename B::register_type;
  typedef std::int32_t Signed __attribute__((vector_size(sizeof(Register))));
  typedef std::uint32_t Unsigned __attribute__((vector_size(sizeof(Register))));
  static constexpr int mantissa = 23, bias = 127;
  static constexpr double round = 12582912.0;  // 1.5 * 2^23
  static constexpr double whole = 8388608.0;   // 2^23
  static constexpr std::uint32_t whole_bits = 0x4b000000u;
  static constexpr std::uint32_t sqrt_half_bits = 0x3f3504f3u;
};
template <class B>
struct Bits<B, double> {
  using Register = typename B::register_type;
  typedef std::int64_t Signed __attribute__((vector_size(sizeof(Register))));
  typedef std::uint64_t Unsigned __attribute__((vector_size(sizeof(Register))));
  static constexpr int mantissa = 52, bias = 1023;
  static constexpr double round = 6755399441055744.0;  // 1.5 * 2^52
  static constexpr double whole = 4503599627370496.0;  // 2^52
  static constexpr std::uint64_t whole_bits = 0x4330000000000000u;
  static constexpr std::uint64_t sqrt_half_bits = 0x3fe6a09e667f3bcdu;
};

/// c0 + c1 x + c2 x^2 + …
template <class B>
B horner(B, double c) {
  return constant<B>(c);
}
template <class B, class... Rest>
B horner(B x, double c, Rest... rest) {
  return multiply_add(x, horner(x, rest...), constant<B>(c));
}

/// 2^n for whole n with 2^n a normal number: n + bias, added to 1.5 * 2^mantissa, stands in the low
/// bits, from where a shift takes it to the exponent.
template <class B>
B power_of_two(B n) {
  using L = Bits<B>;
  const auto bits =
      reinterpret_cast<typename L::Unsigned>((n + constant<B>(L::round + L::bias)).data);
  return B(reinterpret_cast<typename B::register_type>(bits << L::mantissa));
}

/// Sets that multiply by a power of two in one instruction.
template <class B>
inline constexpr bool kHasScale = kWideMask<typename B::arch_type>;

/// v * 2^n for whole n, |n| < 2 bias, rounded once.
template <class B>
B scale(B v, B n) {
#ifdef __AVX512F__
  if constexpr (kHasScale<B>) {
    if constexpr (sizeof(typename B::value_type) == sizeof(float)) {
      return B(_mm512_scalef_ps(v.data, n.data));
    } else {
      return B(_mm512_scalef_pd(v.data, n.data));
    }
  }
#endif
  const B round = constant<B>(Bits<B>::round);
  const B half = (n * constant<B>(0.5) + round) - round;
  return v * power_of_two(half) * power_of_two(n - half);
}

/// The smaller or larger of x and a number; NaN in x stays. (The instruction gives its second
/// operand where either is NaN.)
template <class B>
B min_keep_nan(B x, B number) {
  return xsimd::min(number, x);
}
template <class B>
B max_keep_nan(B x, B number) {
  return xsimd::max(number, x);
}

template <class B>
B negate(B x) {
  return x ^ constant<B>(-0.0);
}

/// |magnitude| with the sign of x.
template <class B>
B copy_sign(B magnitude, B x) {
  return xsimd::abs(magnitude) | (x & constant<B>(-0.0));
}

// Not x != x, which xsimd 8.1 gives false for NaN on AVX-512.
template <class B>
auto is_nan(B x) {
  return !(x == x);
}

namespace detail {
template <int Offset, class Wide, class Register, int... I>
Wide widen(Register x, std::integer_sequence<int, I...>) {
  return __builtin_convertvector(__builtin_shufflevector(x, x, (Offset + I)...), Wide);
}
template <class Narrow, class Register, int... I>
Narrow narrow(Register low, Register high, std::integer_sequence<int, I...>) {
  typedef float Half __attribute__((vector_size(sizeof(Narrow) / 2)));
  return __builtin_shufflevector(__builtin_convertvector(low, Half),
                                 __builtin_convertvector(high, Half), I...);
}
}  // namespace detail

/// The first or second half of a float register as doubles, and the way back.
template <class Arch>
xsimd::batch<double, Arch> widen_low(xsimd::batch<float, Arch> x) {
#ifdef __AVX512F__
  if constexpr (kWideMask<Arch>) return _mm512_cvtps_pd(_mm512_castps512_ps256(x.data));
#endif
  using Wide = typename xsimd::batch<double, Arch>::register_type;
  constexpr int half = static_cast<int>(xsimd::batch<double, Arch>::size);
  return detail::widen<0, Wide>(x.data, std::make_integer_sequence<int, half>{});
}
template <class Arch>
xsimd::batch<double, Arch> widen_high(xsimd::batch<float, Arch> x) {
#ifdef __AVX512F__
  if constexpr (kWideMask<Arch>) return _mm512_cvtps_pd(_mm512_extractf32x8_ps(x.data, 1));
#endif
  using Wide = typename xsimd::batch<double, Arch>::register_type;
  constexpr int half = static_cast<int>(xsimd::batch<double, Arch>::size);
  return detail::widen<half, Wide>(x.data, std::make_integer_sequence<int, half>{});
}
template <class Arch>
xsimd::batch<float, Arch> narrow(xsimd::batch<double, Arch> low, xsimd::batch<double, Arch> high) {
#ifdef __AVX512F__
  if constexpr (kWideMask<Arch>) {
    return _mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps(low.data)),
                              _mm512_cvtpd_ps(high.data), 1);
  }
#endif
  using Narrow = typename xsimd::batch<float, Arch>::register_type;
  constexpr int lanes = static_cast<int>(xsimd::batch<float, Arch>::size);
  return detail::narrow<Narrow>(low.data, high.data, std::make_integer_sequence<int, lanes>{});
}

/// f of float lanes, computed in double and rounded once.
template <class Arch, class F>
xsimd::batch<float, Arch> in_double(F f, xsimd::batch<float, Arch> x) {
  return narrow<Arch>(f(widen_low(x)), f(widen_high(x)));
}
template <class Arch, class F>
xsimd::batch<float, Arch> in_double(F f, xsimd::batch<float, Arch> x, xsimd::batch<float, Arch> y) {
  return narrow<Arch>(f(widen_low(x), widen_low(y)), f(widen_high(x), widen_high(y)));
}

}  // namespace heed::simd
