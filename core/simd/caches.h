// The data caches of this machine, from which the matrix product takes the sizes of its blocks.
#pragma once

#include <cstdint>

namespace heed::simd {

/// Bytes of the first, second and third level, as the system reports them; those of a common core
/// where it does not, and within sane bounds where what it says is not.
struct Caches {
  std::int64_t first, second, third;
};

/// Read once. A plain function, so that kernels compiled for a wider instruction set may call it
/// (see kernels.h).
const Caches& caches();

namespace detail {
/// What to take for reported sizes, 0 or less where unknown.
Caches sane_caches(std::int64_t first, std::int64_t second, std::int64_t third);
}  // namespace detail

}  // namespace heed::simd
