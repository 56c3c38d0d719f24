#include "core/simd/caches.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <utility>

#include "core/simd/processor.h"

namespace heed::simd {

namespace {

// On AMD's processors glibc counts the third levels of all groups of cores (320 and 508 MiB, of
// which a core sees 32), so the kernel is asked first. Where it does not tell, as in a virtual
// machine that hides them from it, a core of AMD's counts on 32 MiB at most.
Caches reported() {
  auto bytes = detail::caches_under("/sys/devices/system/cpu/cpu0/cache");
#if defined(_SC_LEVEL1_DCACHE_SIZE)
  constexpr int names[] = {_SC_LEVEL1_DCACHE_SIZE, _SC_LEVEL2_CACHE_SIZE, _SC_LEVEL3_CACHE_SIZE};
  constexpr std::int64_t kCoreGroup = std::int64_t{32} << 20;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] > 0) continue;
    bytes[i] = sysconf(names[i]);
    if (i == 2 && is_amd()) bytes[i] = std::min(bytes[i], kCoreGroup);
  }
#endif
  return detail::sane_caches(bytes[0], bytes[1], bytes[2]);
}

Caches& sizes() {
  static Caches here = reported();
  return here;
}

}  // namespace

namespace detail {

std::array<std::int64_t, 3> caches_under(const char* folder) {
  std::array<std::int64_t, 3> bytes{};
  for (int i = 0;; ++i) {
    const std::string cache = std::string(folder) + "/index" + std::to_string(i);
    std::size_t level = 0;
    std::string type, unit;
    std::int64_t size = 0;
    if (!(std::ifstream(cache + "/level") >> level)) return bytes;
    std::ifstream(cache + "/type") >> type;
    std::ifstream(cache + "/size") >> size >> unit;
    if (type == "Instruction" || level < 1 || level > bytes.size()) continue;
    bytes[level - 1] = size * (unit == "K" ? 1024 : unit == "M" ? 1024 * 1024 : 1);
  }
}

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
