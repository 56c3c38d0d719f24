// What the engine tells the node whose backward it is calling, one a thread.
#pragma once

#include <cstdint>

namespace heed::autograd {

struct EngineState {
  /// Inputs of the running node whose gradient was already added where it belongs.
  std::uint64_t mask = 0;
  bool is_masked(int i) const { return i < 64 && (mask >> i & 1) != 0; }
};

inline constinit thread_local EngineState engine_state;

}  // namespace heed::autograd
