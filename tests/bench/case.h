// A comparison: the same work by heed and by a peer.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace heed::bench {

struct Case {
  std::string group;  // "matmul float32", a heading of the report
  std::string name;   // "n=64 AᵀB"
  std::string peer_name;
  double goal = 0;  // of peer's time / ours; 0: none
  std::function<void()> ours;
  std::function<void()> peer;          // empty: the peer is not on this machine
  std::function<double()> difference;  // worst relative difference of the two results
  double tolerance = 1e-5;             // of the difference
  double flops = 0;                    // of one run, for the share of the FMA limit
  double bytes = 0;                    // that one run must move, for the share of the bandwidth
  double footprint = 0;                // bytes of the different places that they are moved between
};

std::vector<Case>& cases();

inline void add(Case c) { cases().push_back(std::move(c)); }

void add_matmul_cases();
void add_notebook_cases();
void add_gpt_cases();
void add_attention_cases();
void add_rowwise_cases();
void add_optimizer_cases();
void add_graph_cases();
void add_thread_cases();

/// Runs of a side before those that are timed, at least. A third level takes in what is used again
/// and again, not what was used last: after the other side has run, 38 MB that fit it
/// take 3.1, 2.9, 2.0, 1.8 and then 1.6 ms a run (an Intel Xeon), and more runs where the other
/// side used more.
inline constexpr int kRunsBefore = 10;

/// Multiply-adds on registers only: FLOP/s of this core in float32 just now, by the widest
/// instructions of the kernel table in use; 0 where there is no such loop.
double fma_rate();
/// Bytes/s that this core reads and writes together just now, copying 3072×768 floats from some
/// arrays to others, as many as make up `footprint` bytes and two at least: so a case is held
/// against what the cache or the memory gives in which it works. The faster of memcpy and of stores
/// that pass the caches by.
double copy_rate(double footprint);

}  // namespace heed::bench
