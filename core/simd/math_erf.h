// erf and gelu on float registers.
//
// The left tail of the normal distribution is Phi(-t) = exp(-t^2/2) R(t), t >= 0, with R (Mills'
// ratio but for a factor) smooth and positive: R(t) falls like 1/t, and t R(t) hardly changes.
#pragma once

#include "core/simd/math_exp.h"
#include "core/simd/registers.h"

namespace heed::simd::math {

/// t Phi(-t) for 0.8 <= t <= 14.7.
template <class B>
B normal_tail(B t) {
  // The relative error of an exponential is the absolute error of its argument: what rounding takes
  // off t^2 is given back.
  const B square = t * t, square_low = multiply_add(t, t, negate(square));
  Reduced<B> e = reduce_exp(square * constant<B>(-0.5));
  e.r = multiply_add(square_low, constant<B>(-0.5), e.r);
  // t R(t) as a polynomial in 1 / (t + 3), around the middle of its range, where the constant
  // outweighs the rest. A minimax fit, relative error 2^-27.3.
  const B d = t + constant<B>(3), lost = (d - constant<B>(3)) - t;  // d - lost = t + 3 exactly
  const B inverse = divide(constant<B>(1), d);
  const B rest = multiply_add(lost, inverse, multiply_add(negate(d), inverse, constant<B>(1)));
  const B s = multiply_add(inverse, rest, inverse - constant<B>(0.15966883301734924));
  const B first = constant<B>(0.36891567590822183);
  const B rest_of_h =
      horner(s, -0.5917378503183848, -4.624337190509823, -18.68516457422817, -37.73747780424341,
             5.783116958233031, 183.22623891669102, 61.82920139925263, -918.9658293637456);
  // h = first + s rest_of_h, and what its rounding took, given back below.
  const B h = multiply_add(s, rest_of_h, first);
  const B low = multiply_add(s, rest_of_h, first - h);
  return scale(h + multiply_add(h, expm1_reduced(e.r), low), e.n);
}

/// x Phi(x). Near 0: x (1/2 + x S(x^2)), S a minimax fit, relative error 2^-28.7 on [-0.8, 0.8].
/// Beyond: the tail, x less the tail on the right. -inf gives NaN, as -inf * 0 does.
template <class B>
B gelu(B x) {
  const B size = xsimd::abs(x), square = x * x;
  const B near =
      x * multiply_add(x,
                       horner(square, 0.39894226709931346, -0.06649001148090372,
                              0.009970552942006557, -0.0011770413753497415, 9.959026800725043e-05),
                       constant<B>(0.5));
  const B tail = normal_tail(min_keep_nan(size, constant<B>(14.7)));
  const B far = max_keep_nan(x, constant<B>(-0.0)) - tail;
  const B y = xsimd::select(size < constant<B>(0.8), near, far);
  return xsimd::select(x == constant<B>(-kInfinity), x - x, y);
}

/// gelu'(x) = Phi(x) + x phi(x), phi(x) = exp(-x^2/2) / sqrt(2 pi), as gelu'(-t) = exp(-t^2/2)
/// (R(t) - t / sqrt(2 pi)) and gelu'(t) = 1 - gelu'(-t). R here as a quotient of polynomials, a
/// minimax fit on [0, 14.7], relative error 2^-27.3.
template <class B>
B gelu_slope(B x) {
  const B size = xsimd::abs(x), t = min_keep_nan(size, constant<B>(14.7));
  const B e = math::exp_of_negative(t * t * constant<B>(-0.5));
  const B p = horner(t, 0.5000000030308364, 0.43869577201691606, 0.1835324949656402,
                     0.040733582544932506, 0.004131236480160083);
  const B q = horner(t, 1.0, 1.675276535379887, 1.2037373763947294, 0.47025572480545763,
                     0.1021102610368687, 0.010355357760433734);
  const B left = divide(e * p, q) - size * e * constant<B>(0.3989422804014327);
  return xsimd::select(x > constant<B>(0), constant<B>(1) - left, left);
}

/// Near 0 an odd polynomial, relative error 2^-29.6 on [-1, 1]; beyond, 1 - erfc|x| with the
/// logarithm of erfc as a polynomial on [1, 4], error 2^-35 of 1. (Minimax fits.)
template <class B>
B erf(B x) {
  const B size = min_keep_nan(xsimd::abs(x), constant<B>(4));
  const B square = size * size;
  const B near =
      multiply_add(x,
                   horner(square, 1.128379165732298 - 1, -0.37612625839621094, 0.11283585269803316,
                          -0.026853816035964626, 0.005188334445707878, -0.0008010247211224054,
                          7.854024958755266e-05),
                   x);
  const B log_erfc = horner(size, 0.00018803588777334645, -1.129578406152683, -0.6332199248906859,
                            -0.10841854688086318, 0.02520823957037467, -0.0042045561777905305,
                            0.0004413353473919283, -2.168677173412884e-05);
  const B far = copy_sign(constant<B>(1) - math::exp_of_negative(log_erfc), x);
  return xsimd::select(size < constant<B>(1), near, far);
}

}  // namespace heed::simd::math
