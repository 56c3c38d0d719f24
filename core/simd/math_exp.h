// exp and its kin on registers: exp, expm1, tanh, sigmoid, silu, gelu_tanh.
//
// The functions live in a namespace of their own and are called by it: xsimd has functions of the
// same names, which argument-dependent look-up would find.
//
// All of them come from one reduction: x = n ln 2 + r with n whole and |r| <= ln 2 / 2, so that
// exp(x) = 2^n (1 + p(r)). p is exp(r) - 1, a short polynomial. The factor 2^n is applied last:
// where the result is subnormal it is rounded once, and nothing is flushed to zero.
//
// Works for float on sets with fused multiply-add, and for double on all. The float versions of
// this file are within 2 ulp of the true value for every float; tests/core/simd measures it.
#pragma once

#include "core/simd/registers.h"

namespace heed::simd::math {

template <class B>
struct Reduced {
  B n, r;
};

template <class B>
Reduced<B> reduce_exp(B x) {
  // Adding and subtracting 1.5 * 2^(mantissa bits) rounds to a whole number.
  const B n = multiply_add(x, constant<B>(1.4426950408889634), constant<B>(Bits<B>::round)) -
              constant<B>(Bits<B>::round);
  // ln 2 in two parts; n times the first is exact: fused for float; for double it ends in zeros.
  constexpr bool single = sizeof(typename B::value_type) == sizeof(float);
  constexpr double high = single ? 0.693147182464599609375 : 6.93147180369123816490e-01;
  constexpr double low = single ? -1.90465429995776e-09 : 1.90821492927058770002e-10;
  return {n, multiply_add(n, constant<B>(-low), multiply_add(n, constant<B>(-high), x))};
}

/// exp(r) - 1 for |r| <= ln 2 / 2. float: a minimax fit, relative error of exp 2^-28. double:
/// Taylor's series, whose next term is below 2^-57.
template <class B>
B expm1_reduced(B r) {
  if constexpr (sizeof(typename B::value_type) == sizeof(float)) {
    const B q = horner(r, 0.4999999334622214, 0.16666519127926277, 0.04166840576587305,
                       0.008368898874218638, 0.0013814219772914573);
    return multiply_add(r * r, q, r);
  } else {
    const B q = horner(r, 1. / 2, 1. / 6, 1. / 24, 1. / 120, 1. / 720, 1. / 5040, 1. / 40320,
                       1. / 362880, 1. / 3628800, 1. / 39916800, 1. / 479001600, 1. / 6227020800);
    return multiply_add(r * r, q, r);
  }
}

/// x held where exp(x) is neither 0 nor infinite in a way that the scaling by 2^n could not give.
/// NaN stays NaN.
template <class B>
B hold_for_exp(B x) {
  constexpr bool single = sizeof(typename B::value_type) == sizeof(float);
  return max_keep_nan(min_keep_nan(x, constant<B>(single ? 89. : 710.)),
                      constant<B>(single ? -104. : -746.));
}

template <class B>
B exp(B x) {
  const Reduced<B> e = reduce_exp(hold_for_exp(x));
  return scale(constant<B>(1) + expm1_reduced(e.r), e.n);
}

/// exp(x) for x <= 0 whose result may be rounded to 0 where it is subnormal: the terms of softmax.
template <class B>
B exp_of_negative(B x) {
  constexpr bool single = sizeof(typename B::value_type) == sizeof(float);
  if constexpr (kHasScale<B>) {
    const Reduced<B> e = reduce_exp(max_keep_nan(x, constant<B>(single ? -104. : -746.)));
    return scale(constant<B>(1) + expm1_reduced(e.r), e.n);
  } else {
    const B least = constant<B>(single ? -87. : -708.);
    const Reduced<B> e = reduce_exp(max_keep_nan(x, least));
    const B y = (constant<B>(1) + expm1_reduced(e.r)) * power_of_two(e.n);
    return xsimd::select(x < least, constant<B>(0), y);
  }
}

/// exp(x) - 1 = 2^n (p + (1 - 2^-n)): nothing cancels where n is 0.
template <class B>
B expm1(B x) {
  constexpr bool single = sizeof(typename B::value_type) == sizeof(float);
  const B held = max_keep_nan(min_keep_nan(x, constant<B>(single ? 89. : 710.)),
                              constant<B>(single ? -30. : -60.));
  const Reduced<B> e = reduce_exp(held);
  const B least = constant<B>(single ? -126. : -1022.);
  const B rest = constant<B>(1) - power_of_two(xsimd::max(negate(e.n), least));
  return copy_sign(scale(expm1_reduced(e.r) + rest, e.n), x);
}

/// double: tanh|x| = m / (m + 2), m = exp(2|x|) - 1. float: 1 - 2 / (exp(2|x|) + 1) where that does
/// not cancel, and an odd polynomial near 0 (a minimax fit, relative error 2^-29.8 on [-0.55,
/// 0.55]). Beyond the number where x is held the result rounds to 1.
template <class B>
B tanh(B x) {
  constexpr bool single = sizeof(typename B::value_type) == sizeof(float);
  const B size = min_keep_nan(xsimd::abs(x), constant<B>(single ? 9.1 : 20.));
  const Reduced<B> e = reduce_exp(size * constant<B>(2));
  const B s = power_of_two(e.n), p = expm1_reduced(e.r);
  if constexpr (single) {
    const B square = size * size;
    const B rest = horner(square, -0.3333331754995763, 0.13332586146565634, -0.0538523106671932,
                          0.02107168190174495, -0.0062742432569247155);
    const B near = multiply_add(x * square, rest, x);
    const B far = constant<B>(1) - divide(constant<B>(2), multiply_add(s, p, s + constant<B>(1)));
    return copy_sign(xsimd::select(size < constant<B>(0.55), near, far), x);
  } else {
    const B m = multiply_add(s, p, s - constant<B>(1));
    return copy_sign(divide(m, m + constant<B>(2)), x);
  }
}

/// sigmoid(x) = 1 / (1 + exp(-x)) = 2^-n / (2^-n + 1 + p), where exp(-x) = 2^n (1 + p). The
/// denominator comes out with hardly more than one rounding, and the factor 2^-n is kept apart to
/// be applied last.
template <class B>
struct SigmoidParts {
  B denominator, exponent;  // sigmoid = 2^exponent / denominator
};

/// For sigmoid(-x); `low` is what was rounded off x.
template <class B>
SigmoidParts<B> sigmoid_parts(B x, B low) {
  constexpr bool single = sizeof(typename B::value_type) == sizeof(float);
  const B held = max_keep_nan(min_keep_nan(x, constant<B>(single ? 110. : 780.)),
                              constant<B>(single ? -30. : -50.));
  Reduced<B> e = reduce_exp(held);
  e.r += low;
  const B exponent = constant<B>(0) - e.n;
  B power;
  if constexpr (kHasScale<B>) {
    power = scale(constant<B>(1), exponent);
  } else {  // beside 1, a power below the normal numbers is nothing
    power = power_of_two(xsimd::max(exponent, constant<B>(single ? -126. : -1022.)));
  }
  const B sum = constant<B>(1) + power;
  const B lost = power - (sum - constant<B>(1));  // by the sum, where the power is below 1
  return {sum + (expm1_reduced(e.r) + lost), exponent};
}

template <class B>
B sigmoid(B x) {
  const SigmoidParts<B> s = sigmoid_parts(negate(x), constant<B>(0));
  return scale(divide(constant<B>(1), s.denominator), s.exponent);
}

/// x sigmoid(x). -inf gives NaN, as -inf * 0 does.
template <class B>
B silu(B x) {
  constexpr bool single = sizeof(typename B::value_type) == sizeof(float);
  const SigmoidParts<B> s = sigmoid_parts(negate(x), constant<B>(0));
  const B held = max_keep_nan(x, constant<B>(single ? -110. : -780.));
  const B y = scale(divide(held, s.denominator), s.exponent);
  return xsimd::select(x == constant<B>(-kInfinity), x - x, y);
}

/// sigmoid(x) and 1 - sigmoid(x), for slopes: right to a few units of the last place of 1.
template <class B>
struct Gate {
  B open, closed;
};
template <class B>
Gate<B> gate_of(B x) {
  const B z = math::exp_of_negative(negate(xsimd::abs(x)));
  const B large = divide(constant<B>(1), constant<B>(1) + z), small = z * large;
  const auto right = x > constant<B>(0);
  return {xsimd::select(right, large, small), xsimd::select(right, small, large)};
}

/// silu'(x) = s (1 + x (1 - s)), s = sigmoid(x)
template <class B>
B silu_slope(B x) {
  const Gate<B> s = gate_of(x);
  return s.open * multiply_add(x, s.closed, constant<B>(1));
}

// The argument of gelu_tanh's gate, 2 u = x (c1 + c3 x^2), c1 = 2 sqrt(2/pi), c3 = 0.044715 c1.
inline constexpr double kGateLinear = 1.5957691216057308;
inline constexpr double kGateCubic = 0.07135481627260025;

/// 2 u to twice the working precision: high + low. The relative error of exp(2 u) is the absolute
/// error of 2 u, which may be -100. x is held where x^3 would overflow.
template <class B>
struct Pair {
  B high, low;
};
template <class B>
Pair<B> gelu_tanh_gate(B x) {
  if constexpr (sizeof(typename B::value_type) == sizeof(double)) {
    // Here 100 units of the last place are of no matter.
    return {x * multiply_add(x * x, constant<B>(kGateCubic), constant<B>(kGateLinear)),
            constant<B>(0)};
  } else {
    constexpr double c1 = static_cast<float>(kGateLinear), c1_low = kGateLinear - c1;
    constexpr double c3 = static_cast<float>(kGateCubic), c3_low = kGateCubic - c3;
    const B square = x * x, square_low = multiply_add(x, x, -square);
    const B cubic = square * constant<B>(c3);
    B low = multiply_add(square, constant<B>(c3), -cubic);
    low = multiply_add(square_low, constant<B>(c3), low);
    low = multiply_add(square, constant<B>(c3_low), low);
    const B sum = cubic + constant<B>(c1);  // Knuth's exact sum
    const B part = sum - cubic;
    low += (cubic - (sum - part)) + (constant<B>(c1) - part) + constant<B>(c1_low);
    const B high = x * sum;
    return {high, multiply_add(x, low, multiply_add(x, sum, -high))};
  }
}

template <class B>
B hold_for_gate(B x) {  // |2 u| > 3000 at 35: 0 or 1 even in double
  return max_keep_nan(min_keep_nan(x, constant<B>(35)), constant<B>(-35));
}

/// x sigmoid(2 u). -inf gives NaN.
template <class B>
B gelu_tanh(B x) {
  const Pair<B> gate = gelu_tanh_gate(negate(hold_for_gate(x)));
  const SigmoidParts<B> s = sigmoid_parts(gate.high, gate.low);
  const B y = scale(divide(max_keep_nan(x, constant<B>(-35)), s.denominator), s.exponent);
  return xsimd::select(x == constant<B>(-kInfinity), x - x, y);
}

/// s + x s (1 - s) 2 u', s = sigmoid(2 u)
template <class B>
B gelu_tanh_slope(B x) {
  const B held = hold_for_gate(x);
  const B square = held * held;
  const Gate<B> s =
      gate_of(held * multiply_add(square, constant<B>(kGateCubic), constant<B>(kGateLinear)));
  const B slope = multiply_add(square, constant<B>(3 * kGateCubic), constant<B>(kGateLinear));
  return multiply_add(x, slope * (s.open * s.closed), s.open);
}

}  // namespace heed::simd::math
