// The data caches of this machine: from them the matrix product takes the sizes of its blocks, and
// large results the way to memory.
#pragma once

#include <array>
#include <cstdint>

namespace heed::simd {

/// Bytes of the first, second and third level, as the system reports them; those of a common core
/// where it does not, and within sane bounds where what it says is not.
struct Caches {
  std::int64_t first, second, third;
  /// Results of this many bytes and more leave the caches before they are read: a sixteenth of the
  /// third level as reported, which a core shares with all of the host. (Where it holds a result, a
  /// store past it gains nothing: 9 MiB and 480 MiB of third level. With 105 MiB it does not.)
  std::int64_t streamed;
};

/// Read once. A plain function, so that kernels compiled for a wider instruction set may call it
/// (see kernels.h).
const Caches& caches();

/// The least that is streamed on any machine. (Adding tensors of 9 MiB with a third level of 32
/// MiB: 0.6 of the time, also with a sum over the result behind it; 4 MiB: even.)
inline constexpr std::int64_t kStreamBytes = std::int64_t{8} << 20;

/// Whether a result is so large that it is written past the caches.
[[gnu::always_inline]] inline bool past_caches(std::int64_t bytes) {
  return bytes >= kStreamBytes && bytes >= caches().streamed;
}

namespace detail {
/// The bytes of the three levels of data caches that Linux describes in `folder` (index0/level,
/// type, size and so on: the kernel's documentation, ABI/testing/sysfs-devices-system-cpu), 0 for
/// those that it does not.
std::array<std::int64_t, 3> caches_under(const char* folder);
/// What to take for reported sizes, 0 or less where unknown.
Caches sane_caches(std::int64_t first, std::int64_t second, std::int64_t third);
/// Sets Caches::streamed, for tests, while no kernel runs; what it was.
std::int64_t stream_from(std::int64_t bytes);
}  // namespace detail

}  // namespace heed::simd
