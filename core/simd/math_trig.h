// sin and cos of floats, computed in double.
//
// x = n pi/2 + r, |r| <= pi/4. pi/2 stands in three parts of 33 bits, so that n times a part is
// exact while n < 2^20: together 99 bits, of which the nearest float to a multiple of pi/2 cancels
// some 50. Larger arguments are rare and left to the C library.
#pragma once

#include <cmath>

#include "core/simd/registers.h"

namespace heed::simd::math {

inline constexpr double kTrigLimit = 1e6;

/// sin(r) for n even, cos(r) for n odd, negated for n = 2, 3 mod 4, where n counts quarter turns
/// from `quarter`: 0 for sin, 1 for cos.
template <class B>
B sin_of_turns(B x, double quarter) {
  const B round = constant<B>(Bits<B>::round);
  const B n = (x * constant<B>(0.63661977236758134) + round) - round;
  B r = multiply_add(n, constant<B>(-1.57079632673412561417e+00), x);
  r = multiply_add(n, constant<B>(-6.07710050630396597660e-11), r);
  r = multiply_add(n, constant<B>(-2.02226624871116645580e-21), r);
  const B z = r * r;
  // Taylor's series; the next terms are below 2^-36 of the result.
  const B sine = r * horner(z, 1., -1. / 6, 1. / 120, -1. / 5040, 1. / 362880, -1. / 39916800);
  const B cosine =
      horner(z, 1., -1. / 2, 1. / 24, -1. / 720, 1. / 40320, -1. / 3628800, 1. / 479001600);
  const B turns = n + constant<B>(quarter);
  const B half = turns * constant<B>(0.5);
  const B even = (half - constant<B>(0.25) + round) - round;  // floor(turns / 2)
  const B quarters = even * constant<B>(0.5);
  const B halves = (quarters - constant<B>(0.25) + round) - round;
  const B y = xsimd::select(half == even, sine, cosine);
  return xsimd::select(quarters == halves, y, -y);
}

template <class Arch>
xsimd::batch<float, Arch> sin_or_cos(xsimd::batch<float, Arch> x, double quarter) {
  using B = xsimd::batch<float, Arch>;
  if (xsimd::any(!(xsimd::abs(x) < B(static_cast<float>(kTrigLimit))))) {
    alignas(64) float lanes[B::size];
    x.store_aligned(lanes);
    for (float& lane : lanes) {
      const double value = static_cast<double>(lane);
      lane = static_cast<float>(quarter > 0 ? ::cos(value) : ::sin(value));
    }
    return B::load_aligned(lanes);
  }
  using Wide = xsimd::batch<double, Arch>;
  const B y = in_double<Arch>([quarter](Wide v) { return sin_of_turns(v, quarter); }, x);
  return quarter > 0 ? y : xsimd::select(x == B(0.f), x, y);  // keeps -0
}

}  // namespace heed::simd::math
