// Which table to use: the widest that was built and that the CPU can run.
#include "core/simd/kernels.h"

#include <cstdlib>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/simd/tables.h"

namespace heed::simd {

namespace {

struct Set {
  const char* name;
  void (*fill)(Kernels& table);  // null where this build has none
  bool (*runs_here)();
};

bool always() { return true; }

#if defined(HEED_HAVE_AVX2) || defined(HEED_HAVE_AVX512)
// __builtin_cpu_supports asks the CPU and whether the operating system saves the registers.
bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
#endif
#ifdef HEED_HAVE_AVX512
bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl");
}
#endif

void nothing(Kernels& table) { table.isa = "plain"; }

// Widest first; the last runs everywhere.
constexpr Set kSets[] = {
#ifdef HEED_HAVE_AVX512
    {"avx512", &fill_avx512, &has_avx512},
#else
    {"avx512", nullptr, &always},
#endif
#ifdef HEED_HAVE_AVX2
    {"avx2", &fill_avx2, &has_avx2},
#else
    {"avx2", nullptr, &always},
#endif
#ifdef HEED_HAVE_SSE2
    {"sse2", &fill_sse2, &always},
#else
    {"sse2", nullptr, &always},
#endif
#ifdef HEED_HAVE_NEON
    {"neon", &fill_neon, &always},
#else
    {"neon", nullptr, &always},
#endif
    {"plain", &nothing, &always},
};
constexpr int kSetCount = sizeof(kSets) / sizeof(kSets[0]);

bool available(const Set& set) { return set.fill != nullptr && set.runs_here(); }

// Every table this CPU can run. All are filled at once: it takes a microsecond.
struct Tables {
  Kernels of_set[kSetCount] = {};
  Tables() {
    for (int i = 0; i < kSetCount; ++i) {
      if (!available(kSets[i])) continue;
      fill_plain(of_set[i]);
      kSets[i].fill(of_set[i]);
    }
  }
};

const Tables& tables() {
  static const Tables all;
  return all;
}

std::string names(bool only_available) {
  std::string list;
  for (const Set& set : kSets) {
    if (only_available && !available(set)) continue;
    list += list.empty() ? "" : ", ";
    list += set.name;
  }
  return list;
}

const Kernels& choose() {
  const char* wish = std::getenv("HEED_ISA");
  const bool any = wish == nullptr || *wish == '\0';
  for (int i = 0; i < kSetCount; ++i) {
    const bool wanted = any || std::string_view(wish) == kSets[i].name;
    if (!wanted) continue;
    if (available(kSets[i])) return tables().of_set[i];
    HEED_CHECK(
        any, "HEED_ISA=", wish, " is not to be had here: ",
        kSets[i].fill == nullptr ? "this build has no kernels for it" : "this CPU does not have it",
        ". Available: ", names(true), ".");
  }
  heed::detail::fail("HEED_ISA=", wish, " names no instruction set; it may be one of ",
                     names(false), ".");
}

}  // namespace

namespace detail {

constinit std::atomic<const Kernels*> chosen_kernels = nullptr;

const Kernels& choose_kernels() {
  const Kernels& chosen = choose();
  chosen_kernels.store(&chosen, std::memory_order_release);
  return chosen;
}

}  // namespace detail

const Kernels* kernels_for(const char* isa) {
  for (int i = 0; i < kSetCount; ++i) {
    if (std::string_view(isa) == kSets[i].name && available(kSets[i])) return &tables().of_set[i];
  }
  return nullptr;
}

}  // namespace heed::simd

const char* heed::simd_isa() { return simd::kernels().isa; }
