// What the machine can do at most: the two numbers that every figure is held against.
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "heed.h"
#include "tests/bench/case.h"

namespace heed::bench {
namespace {

double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

#if defined(__x86_64__)
// Twelve independent chains of multiply-adds keep both FMA units busy for their four cycles of
// latency. The empty asm keeps the compiler from finding a shorter way to the same sum.
[[gnu::target("avx512f")]] float chains_512(std::int64_t rounds) {
  const __m512 x = _mm512_set1_ps(0.999f), y = _mm512_set1_ps(1e-3f);
  // Different starts: equal chains would be computed once.
  __m512 a0 = y, a1 = a0 + y, a2 = a1 + y, a3 = a2 + y, a4 = a3 + y, a5 = a4 + y, a6 = a5 + y,
         a7 = a6 + y, a8 = a7 + y, a9 = a8 + y, a10 = a9 + y, a11 = a10 + y;
  for (std::int64_t r = 0; r < rounds; ++r) {
    a0 = _mm512_fmadd_ps(a0, x, y), a1 = _mm512_fmadd_ps(a1, x, y);
    a2 = _mm512_fmadd_ps(a2, x, y), a3 = _mm512_fmadd_ps(a3, x, y);
    a4 = _mm512_fmadd_ps(a4, x, y), a5 = _mm512_fmadd_ps(a5, x, y);
    a6 = _mm512_fmadd_ps(a6, x, y), a7 = _mm512_fmadd_ps(a7, x, y);
    a8 = _mm512_fmadd_ps(a8, x, y), a9 = _mm512_fmadd_ps(a9, x, y);
    a10 = _mm512_fmadd_ps(a10, x, y), a11 = _mm512_fmadd_ps(a11, x, y);
    asm volatile("" : : : "memory");
  }
  const __m512 sum = ((a0 + a1) + (a2 + a3)) + ((a4 + a5) + (a6 + a7)) + ((a8 + a9) + (a10 + a11));
  return sum[0];
}
[[gnu::target("avx2,fma")]] float chains_256(std::int64_t rounds) {
  const __m256 x = _mm256_set1_ps(0.999f), y = _mm256_set1_ps(1e-3f);
  // Different starts: equal chains would be computed once.
  __m256 a0 = y, a1 = a0 + y, a2 = a1 + y, a3 = a2 + y, a4 = a3 + y, a5 = a4 + y, a6 = a5 + y,
         a7 = a6 + y, a8 = a7 + y, a9 = a8 + y, a10 = a9 + y, a11 = a10 + y;
  for (std::int64_t r = 0; r < rounds; ++r) {
    a0 = _mm256_fmadd_ps(a0, x, y), a1 = _mm256_fmadd_ps(a1, x, y);
    a2 = _mm256_fmadd_ps(a2, x, y), a3 = _mm256_fmadd_ps(a3, x, y);
    a4 = _mm256_fmadd_ps(a4, x, y), a5 = _mm256_fmadd_ps(a5, x, y);
    a6 = _mm256_fmadd_ps(a6, x, y), a7 = _mm256_fmadd_ps(a7, x, y);
    a8 = _mm256_fmadd_ps(a8, x, y), a9 = _mm256_fmadd_ps(a9, x, y);
    a10 = _mm256_fmadd_ps(a10, x, y), a11 = _mm256_fmadd_ps(a11, x, y);
    asm volatile("" : : : "memory");
  }
  const __m256 sum = ((a0 + a1) + (a2 + a3)) + ((a4 + a5) + (a6 + a7)) + ((a8 + a9) + (a10 + a11));
  return sum[0];
}
#endif

constexpr std::int64_t kArray = std::int64_t{3072} * 768;
constexpr double kArrayBytes = 4.0 * kArray;

void copy_by_memcpy(float* to, const float* from) {
  std::memcpy(to, from, static_cast<std::size_t>(kArray) * sizeof(float));
  asm volatile("" : : "r"(to) : "memory");
}

#if defined(__x86_64__)
void copy_past_caches(float* to, const float* from) {
  for (std::int64_t i = 0; i < kArray; i += 4) _mm_stream_ps(to + i, _mm_load_ps(from + i));
  _mm_sfence();
}
#else
constexpr auto copy_past_caches = copy_by_memcpy;
#endif

}  // namespace

double fma_rate() {
#if defined(__x86_64__)
  const bool wide = std::string_view(simd_isa()) == "avx512";
  if (!wide && !(__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))) return 0;
  // As long as a side of a case is timed: a host that takes the core away for 40 µs every
  // millisecond takes it from both.
  constexpr double kSeconds = 5e-3;
  constexpr std::int64_t kRounds = 10'000;
  static volatile double sink = 0;
  std::int64_t rounds = 0;
  double spent = 0;
  for (const double start = seconds(); spent < kSeconds; spent = seconds() - start) {
    sink = sink + (wide ? chains_512(kRounds) : chains_256(kRounds));
    rounds += kRounds;
  }
  return 2.0 * 12 * (wide ? 16 : 8) * static_cast<double>(rounds) / spent;
#else
  return 0;
#endif
}

double copy_rate(double footprint) {
  static std::vector<Tensor> from, to;  // memory of the kind that the cases have
  const auto arrays = std::max<std::int64_t>(2, std::llround(footprint / kArrayBytes));
  const auto targets = static_cast<std::size_t>(arrays / 2);
  const auto sources = static_cast<std::size_t>(arrays) - targets;
  while (from.size() < sources) from.push_back(ones({kArray}));
  while (to.size() < targets) to.push_back(zeros({kArray}));
  double best = 0;
  for (const auto copy : {copy_by_memcpy, copy_past_caches}) {
    const auto turn = [&](std::size_t copies) {
      for (std::size_t i = 0; i < copies; ++i) {
        copy(to[i % targets].data<float>(), from[i % sources].data<float>());
      }
    };
    turn(kRunsBefore * sources);
    const auto copies = std::max<std::size_t>(6, sources);  // some 5 ms, or all of them
    const double start = seconds();
    turn(copies);
    best = std::max(best, static_cast<double>(copies) * 2 * kArrayBytes / (seconds() - start));
  }
  return best;
}

}  // namespace heed::bench
