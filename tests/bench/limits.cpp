// What the machine can do at most: the two numbers that every figure is held against.
#include <chrono>
#include <cstring>
#include <vector>

#include "tests/bench/case.h"

namespace heed::bench {
namespace {

double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

#if defined(__x86_64__)
// Vector extensions instead of the kernels under test: twelve independent chains of multiply-adds
// keep both FMA units busy for their four cycles of latency.
typedef float V16 __attribute__((vector_size(64)));
typedef float V8 __attribute__((vector_size(32)));

template <class V>
[[gnu::always_inline]] inline double chains(std::int64_t rounds) {
  V a[12], x = {}, y = {};
  for (std::size_t lane = 0; lane < sizeof(V) / 4; ++lane) x[lane] = 0.999f, y[lane] = 1e-3f;
  for (V& v : a) v = y;
  for (std::int64_t r = 0; r < rounds; ++r) {
    for (V& v : a) {
      v = v * x + y;
      asm("" : "+v"(v));
    }
  }
  float sum = 0;
  for (const V& v : a) sum += v[0];
  return static_cast<double>(sum);
}

[[gnu::target("avx512f,fma"), gnu::optimize("fp-contract=fast")]] double chains_512(
    std::int64_t rounds) {
  return chains<V16>(rounds);
}
[[gnu::target("avx2,fma"), gnu::optimize("fp-contract=fast")]] double chains_256(
    std::int64_t rounds) {
  return chains<V8>(rounds);
}
#endif

}  // namespace

double fma_limit() {
#if defined(__x86_64__)
  const bool wide = __builtin_cpu_supports("avx512f");
  if (!wide && !(__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))) return 0;
  constexpr std::int64_t kRounds = 2'000'000;
  double best = 0;
  volatile double sink = 0;
  for (int i = 0; i < 7; ++i) {
    const double start = seconds();
    sink = sink + (wide ? chains_512(kRounds) : chains_256(kRounds));
    const double flops = 2.0 * 12 * (wide ? 16 : 8) * kRounds;
    best = std::max(best, flops / (seconds() - start));
  }
  return best;
#else
  return 0;
#endif
}

double copy_bandwidth() {
  constexpr std::size_t kBytes = std::size_t{256} << 20;
  std::vector<char> from(kBytes, 1), to(kBytes, 2);
  double best = 0;
  for (int i = 0; i < 5; ++i) {
    const double start = seconds();
    std::memcpy(to.data(), from.data(), kBytes);
    asm volatile("" : : "r"(to.data()) : "memory");
    best = std::max(best, 2.0 * kBytes / (seconds() - start));
  }
  return best;
}

}  // namespace heed::bench
