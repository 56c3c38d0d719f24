#include "tests/bench/measure.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>

namespace heed::bench {
namespace {

// Long enough for the clock and the caches, short enough that the machine is the same for both
// sides: its frequency and its neighbours change within tenths of a second.
constexpr double kSliceNs = 5e6;
constexpr double kCaseNs = 0.6e9;

double run_ns(const std::function<void()>& work, std::int64_t runs) {
  const auto start = std::chrono::steady_clock::now();
  for (std::int64_t i = 0; i < runs; ++i) {
    work();
    benchmark::ClobberMemory();
  }
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count();
}

/// One side's share of a round: as often as fills a slice.
class Side {
 public:
  explicit Side(const std::function<void()>& work) : work_(work) {
    if (!work_) return;
    double ns = 0;
    for (; (ns = run_ns(work_, runs_)) < kSliceNs / 4; runs_ *= 2) {
    }
    const double once = ns / static_cast<double>(runs_);
    runs_ = std::max<std::int64_t>(1, static_cast<std::int64_t>(kSliceNs / once));
    before_ = once > 4 * kSliceNs ? 1 : std::max<std::int64_t>(runs_, kRunsBefore);
    slice_ns_ = once * static_cast<double>(before_ + runs_);
  }
  explicit operator bool() const { return static_cast<bool>(work_); }
  /// About what a slice takes, 0 without work.
  double slice_ns() const { return slice_ns_; }
  /// ns a run, after some in which its operands come back to the caches, as far as they fit.
  double slice() const {
    run_ns(work_, before_);
    return run_ns(work_, runs_) / static_cast<double>(runs_);
  }

 private:
  std::function<void()> work_;
  std::int64_t runs_ = 1, before_ = 1;
  double slice_ns_ = 0;
};

void measure(benchmark::State& state, const Case& c, const Side& ours, const Side& peer,
             Rounds& rounds) {
  for (auto _ : state) {
    const double ns = ours.slice();
    rounds.ours.push_back(ns);
    if (peer) rounds.peer.push_back(peer.slice());
    if (c.flops > 0) {
      rounds.rate.push_back(fma_rate());
    } else if (c.bytes > 0) {
      rounds.rate.push_back(copy_rate(c.footprint));
    }
    state.SetIterationTime(ns * 1e-9);
  }
}

}  // namespace

void add_rounds(const Case& c, Rounds& rounds) {
  const Side ours(c.ours), peer(c.peer);
  const auto count = static_cast<std::int64_t>(kCaseNs / (ours.slice_ns() + peer.slice_ns()));
  benchmark::RegisterBenchmark((c.group + ", " + c.name).c_str(), measure, c, ours, peer,
                               std::ref(rounds))
      ->UseManualTime()
      ->Iterations(std::clamp<std::int64_t>(count, 5, 61) | 1);
}

}  // namespace heed::bench
