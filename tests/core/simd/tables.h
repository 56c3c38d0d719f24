// What the tests of kernels share: the tables to test, and data that begins at any address.
#pragma once

#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "core/simd/kernels.h"

namespace heed::simd::test {

/// Every table this CPU and build have, but the plain one.
inline std::vector<const Kernels*> wide_tables() {
  std::vector<const Kernels*> all;
  for (const char* isa : {"sse2", "avx2", "avx512", "neon"}) {
    if (const Kernels* table = kernels_for(isa)) all.push_back(table);
  }
  return all;
}

inline const Kernels& plain() { return *kernels_for("plain"); }

/// n numbers from -range to range, `shift` elements behind a vector's beginning; the element before
/// and the one after them hold a mark.
template <class T>
struct Array {
  static constexpr T kMark = T(-77.25);
  std::vector<T> all;
  std::int64_t shift, n;

  explicit Array(std::int64_t size, std::int64_t at = 1)
      : all(static_cast<std::size_t>(size + at + 1), kMark), shift(at), n(size) {}
  Array(std::mt19937& random, std::int64_t size, double range, std::int64_t at = 1)
      : Array(size, at) {
    std::uniform_real_distribution<double> draw(-range, range);
    for (std::int64_t i = 0; i < n; ++i) (*this)[i] = static_cast<T>(draw(random));
  }
  T* data() { return all.data() + shift; }
  const T* data() const { return all.data() + shift; }
  T& operator[](std::int64_t i) { return all[static_cast<std::size_t>(shift + i)]; }
  T operator[](std::int64_t i) const { return all[static_cast<std::size_t>(shift + i)]; }
  bool marks_stand() const {
    return (shift == 0 || all[static_cast<std::size_t>(shift - 1)] == kMark) && all.back() == kMark;
  }
};

template <class T>
bool same(T a, T b) {
  return a == b || (a != a && b != b);
}

/// The largest difference over the largest magnitude expected, at least `scale`; infinite where one
/// is NaN and the other not, or they are different infinities.
template <class T>
double relative_error(const Array<T>& got, const Array<T>& expected, double scale = 1e-300) {
  double worst = 0;
  for (std::int64_t i = 0; i < got.n; ++i) {
    if (same(got[i], expected[i])) {
      if (std::isfinite(expected[i])) {
        scale = std::max(scale, std::fabs(static_cast<double>(expected[i])));
      }
      continue;
    }
    const double difference =
        std::fabs(static_cast<double>(got[i]) - static_cast<double>(expected[i]));
    if (!(difference < HUGE_VAL)) return HUGE_VAL;
    scale = std::max(scale, std::fabs(static_cast<double>(expected[i])));
    worst = std::max(worst, difference);
  }
  return worst / scale;
}

}  // namespace heed::simd::test
