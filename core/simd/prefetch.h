// Lines asked for before they are needed, so that memory works while a kernel computes.
//
// A core waits for memory where it cannot look far enough ahead: the machine's own prefetchers stop
// at the end of a page of 4 KiB, and a loop that computes fills the out-of-order window with one or
// two registers' worth of arithmetic. What is asked for may lie behind an array's end: nothing is
// read that counts. AMD's cores do fetch by themselves, and there asking costs (Zen 4, time with
// it: layer_norm 1.10 and 1.17, the backwards of softmax and log_softmax 1.09, SGD 1.06, Adam 1.13;
// softmax forward 0.95, all else even; Zen 5: layer_norm 1.06, SGD 0.95, all else even).
#pragma once

#include <cstdint>

namespace heed::simd {

/// Whether this machine's cores fetch ahead by themselves while they compute: over the ends of
/// pages, and lines that lie a row apart. Only speed depends on it.
extern const bool kCoreFetches;

/// Bytes ahead in arrays that are walked once. (An SGD step over 120 MB on an Intel Xeon: 4
/// and 8 lines ahead 0.98 of the time without, 16 lines 1.15, 32 lines 0.93, 64 lines 0.98.)
inline constexpr std::int64_t kAheadBytes = 2048;

/// Asks for the line at p to be read.
template <class T>
[[gnu::always_inline]] inline void fetch(const T* p) {
  __builtin_prefetch(p);
}
/// Asks for the line at p to be written.
template <class T>
[[gnu::always_inline]] inline void fetch_to_write(T* p) {
  __builtin_prefetch(p, 1);
}
/// The same for a place kAheadBytes behind p, where the core does not fetch by itself. `always` is
/// for loops of long arithmetic, where asking costs nothing anywhere and a test would be one more
/// thing in the way of the compiler (gelu held to AVX2: 1.2 times as long).
template <bool always = false, class T>
[[gnu::always_inline]] inline void fetch_ahead(const T* p) {
  if (always || !kCoreFetches) fetch(reinterpret_cast<const char*>(p) + kAheadBytes);
}
template <bool always = false, class T>
[[gnu::always_inline]] inline void fetch_ahead_to_write(T* p) {
  if (always || !kCoreFetches) fetch_to_write(reinterpret_cast<char*>(p) + kAheadBytes);
}

/// How many elements behind a place in a row of `cols` its like in the next row lies, for kernels
/// that find a row in the first cache after its first pass and so leave the memory idle; 0 (which
/// asks for what is there) for rows so long that the next would drive out this one, and where
/// the core fetches by itself.
template <class T>
[[gnu::always_inline]] inline std::int64_t next_row(std::int64_t cols) {
  constexpr std::int64_t kLongest = (256 * 1024) / static_cast<std::int64_t>(sizeof(T));
  return !kCoreFetches && cols <= kLongest ? cols : 0;
}

}  // namespace heed::simd
