// Both sides of a case and the machine's limit, measured in turn.
#pragma once

#include <vector>

#include "tests/bench/case.h"

namespace heed::bench {

/// What the rounds of a case gave: a round times ours, the peer and the limit one after the other.
struct Rounds {
  std::vector<double> ours, peer;  // ns a run
  std::vector<double> rate;        // of the limit: FLOP/s or bytes/s
};

/// Registers the case with Google Benchmark, which runs its rounds and fills `rounds`, to outlive
/// the run.
void add_rounds(const Case& c, Rounds& rounds);

}  // namespace heed::bench
