// log, log1p, softplus and pow on registers.
//
// x = 2^n m with m in [sqrt(1/2), sqrt(2)), so that log x = n ln 2 + log m, and near 1, where log m
// is all there is, nothing cancels.
#pragma once

#include "core/simd/math_exp.h"
#include "core/simd/registers.h"

namespace heed::simd::math {

/// log(1 + f) - f for 1 + f in [sqrt(1/2), sqrt(2)).
template <class B>
B log1p_rest(B f) {
  if constexpr (sizeof(typename B::value_type) == sizeof(float)) {
    // -f^2/2 + f^3 P(f), P a minimax fit; relative error of the logarithm 2^-30.
    const B p = horner(f, 0.33333312602801607, -0.25000009603665674, 0.20002118732286828,
                       -0.16667995666571953, 0.14219550906269124, -0.12405591424663809,
                       0.1188817461919655, -0.11675641268372589, 0.06746601241723059);
    return f * f * multiply_add(f, p, constant<B>(-0.5));
  } else {
    // log(1 + f) = 2 atanh(s), s = f / (2 + f), |s| < 0.172: its series to s^23. As s f = f - 2 s,
    // log(1 + f) - f = s (2 (s^2/3 + s^4/5 + …) - f).
    const B s = divide(f, f + constant<B>(2));
    const B z = s * s;
    const B series = z * horner(z, 2. / 3, 2. / 5, 2. / 7, 2. / 9, 2. / 11, 2. / 13, 2. / 15,
                                2. / 17, 2. / 19, 2. / 21, 2. / 23);
    return s * (series - f);
  }
}

/// The logarithm of a positive number, which may be subnormal or infinite.
template <class B>
B log_of_positive(B x) {
  using L = Bits<B>;
  using Unsigned = typename L::Unsigned;
  const B least = constant<B>(std::numeric_limits<typename B::value_type>::min());
  const auto subnormal = x < least;
  const B normal = xsimd::select(subnormal, x * constant<B>(L::whole), x);
  // Counting the exponent from sqrt(1/2) up puts m around 1.
  using Word = std::remove_cvref_t<decltype(L::whole_bits)>;
  constexpr Word one = static_cast<Word>(L::bias) << L::mantissa;
  constexpr Word low = (static_cast<Word>(1) << L::mantissa) - 1;
  const Unsigned t = reinterpret_cast<Unsigned>(normal.data) - L::sqrt_half_bits + one;
  const B m(reinterpret_cast<typename B::register_type>((t & low) + L::sqrt_half_bits));
  B n = B(reinterpret_cast<typename B::register_type>((t >> L::mantissa) | L::whole_bits)) -
        constant<B>(L::whole + L::bias);
  n = xsimd::select(subnormal, n - constant<B>(L::mantissa), n);
  const B f = m - constant<B>(1);
  constexpr bool single = sizeof(typename B::value_type) == sizeof(float);
  constexpr double high = single ? 0.693145751953125 : 6.93147180369123816490e-01;
  constexpr double rest = single ? 1.428606820309417e-06 : 1.90821492927058770002e-10;
  const B small = multiply_add(n, constant<B>(rest), log1p_rest(f));
  const B y = multiply_add(n, constant<B>(high), f + small);
  return xsimd::select(x == constant<B>(kInfinity), x, y);
}

template <class B>
B log(B x) {
  const B outside = xsimd::select(x == constant<B>(0), constant<B>(-kInfinity), constant<B>(kNaN));
  return xsimd::select(x > constant<B>(0), log_of_positive(x), outside);
}

/// log(u) + (x - (u - 1)) / u, u = 1 + x rounded: the second term gives back what rounding took.
template <class B>
B log1p(B x) {
  const B u = constant<B>(1) + x;
  const B lost = divide(x - (u - constant<B>(1)), u);
  const B y = math::log(u) + xsimd::select(xsimd::abs(lost) < constant<B>(1), lost, constant<B>(0));
  return xsimd::select(x == constant<B>(0), x, y);  // keeps -0
}

/// log(1 + exp(x)); double: above 20 x itself, as PyTorch. float: max(x, 0) + log(1 + z) with
/// z = exp(-|x|) in [0, 1], and log(1 + z) = log(2) + log(1 + (z - 1) / 2) where z is large.
template <class B>
B softplus(B x) {
  if constexpr (sizeof(typename B::value_type) == sizeof(float)) {
    const B z = math::exp(negate(xsimd::abs(x)));
    const auto large = z > constant<B>(0.41421356);
    const B f = xsimd::select(large, multiply_add(z, constant<B>(0.5), constant<B>(-0.5)), z);
    const B part = xsimd::select(large, constant<B>(0.6931471805599453), constant<B>(0));
    // NaN is the second operand of max in z's place, too.
    return xsimd::max(constant<B>(0), x) + (part + (f + log1p_rest(f)));
  } else {
    const B e = math::exp(min_keep_nan(x, constant<B>(30)));
    return xsimd::select(x > constant<B>(20), x, math::log1p(e));
  }
}

/// a^b by exp(b log|a|): computed in double this is right to float32's last bit. Signs and limits
/// as C's pow has them: 1 for b = 0 or a = 1; a negative a needs a whole b.
template <class B>
B pow(B a, B b) {
  const B one = constant<B>(1), size = xsimd::abs(a);
  B y = math::exp(b * math::log(size));
  y = xsimd::select(size == one, one, y);  // also 1^inf
  const B round = constant<B>(Bits<B>::round);
  // Above 2^25 every float is even; and rounding by addition would fail above 2^51.
  const auto large = xsimd::abs(b) >= constant<B>(33554432);
  const auto whole = large | (((b + round) - round) == b);
  const B half = b * constant<B>(0.5);
  const auto odd = whole & !large & (((half + round) - round) != half);
  const B sign = constant<B>(-0.0);
  y = xsimd::select(odd, y | (a & sign), y);
  y = xsimd::select((a < constant<B>(0)) & (a > constant<B>(-kInfinity)) & !whole,
                    constant<B>(kNaN), y);
  y = xsimd::select(is_nan(a) | is_nan(b), constant<B>(kNaN), y);
  return xsimd::select((a == one) | (b == constant<B>(0)), one, y);
}

}  // namespace heed::simd::math
