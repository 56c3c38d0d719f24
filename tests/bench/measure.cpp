#include "tests/bench/measure.h"

#include <benchmark/benchmark.h>

#include <chrono>

namespace heed::bench {
namespace {

// Long enough for the clock, short enough that the machine is the same for both sides: its
// frequency and its neighbours change within tenths of a second.
constexpr double kSliceNs = 3e6;
constexpr double kCaseNs = 0.6e9;

double run_ns(const std::function<void()>& work, std::int64_t runs) {
  const auto start = std::chrono::steady_clock::now();
  for (std::int64_t i = 0; i < runs; ++i) {
    work();
    benchmark::ClobberMemory();
  }
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count();
}

/// How many runs make a slice.
std::int64_t runs_of(const std::function<void()>& work) {
  if (!work) return 0;
  for (std::int64_t runs = 1;; runs *= 2) {
    const double ns = run_ns(work, runs);
    if (ns >= kSliceNs / 4) {
      return std::max<std::int64_t>(
          1, static_cast<std::int64_t>(kSliceNs / ns * static_cast<double>(runs)));
    }
  }
}

double slice(const std::function<void()>& work, std::int64_t runs) {
  work();  // its operands are in the caches again, where they fit
  return run_ns(work, runs) / static_cast<double>(runs);
}

void measure(benchmark::State& state, const Case& c, Rounds& rounds) {
  const std::int64_t ours = runs_of(c.ours), peer = runs_of(c.peer);
  for (auto _ : state) {
    const double ns = slice(c.ours, ours);
    rounds.ours.push_back(ns);
    if (c.peer) rounds.peer.push_back(slice(c.peer, peer));
    if (c.flops > 0) {
      rounds.rate.push_back(fma_rate());
    } else if (c.bytes > 0) {
      rounds.rate.push_back(copy_rate());
    }
    state.SetIterationTime(ns * 1e-9);
  }
}

}  // namespace

void add_rounds(const Case& c, Rounds& rounds) {
  double slices = std::max(kSliceNs, 2 * run_ns(c.ours, 1));
  if (c.peer) slices += std::max(kSliceNs, 2 * run_ns(c.peer, 1));
  const auto count = static_cast<std::int64_t>(kCaseNs / slices);
  benchmark::RegisterBenchmark((c.group + ", " + c.name).c_str(), measure, c, std::ref(rounds))
      ->UseManualTime()
      ->Iterations(std::clamp<std::int64_t>(count, 5, 61) | 1);
}

}  // namespace heed::bench
