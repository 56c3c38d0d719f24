#include "core/simd/caches.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

namespace heed::simd {

namespace {

std::int64_t reported([[maybe_unused]] int level) {
#if defined(_SC_LEVEL1_DCACHE_SIZE)
  constexpr int names[] = {_SC_LEVEL1_DCACHE_SIZE, _SC_LEVEL2_CACHE_SIZE, _SC_LEVEL3_CACHE_SIZE};
  return sysconf(names[level]);
#else
  return 0;
#endif
}

Caches& sizes() {
  static Caches here = detail::sane_caches(reported(0), reported(1), reported(2));
  return here;
}

}  // namespace

namespace detail {

Caches sane_caches(std::int64_t first, std::int64_t second, std::int64_t third) {
  constexpr std::int64_t kib = 1024, mib = 1024 * kib;
  const auto within = [](std::int64_t bytes, std::int64_t otherwise, std::int64_t low,
                         std::int64_t high) {
    return bytes <= 0 ? otherwise : std::clamp(bytes, low, high);
  };
  Caches sane{};
  sane.first = within(first, 32 * kib, 16 * kib, 512 * kib);
  sane.second = within(second, mib, 128 * kib, 16 * mib);
  // Shared, and in a virtual machine often that of the whole host: no more than a core may count
  // on.
  sane.third = std::max(within(third, 8 * mib, mib, 32 * mib), sane.second);
  sane.streamed = std::max(third / 16, kStreamBytes);
  return sane;
}

}  // namespace detail

const Caches& caches() { return sizes(); }

std::int64_t detail::stream_from(std::int64_t bytes) {
  return std::exchange(sizes().streamed, bytes);
}

}  // namespace heed::simd
