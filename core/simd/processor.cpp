#include "core/simd/processor.h"

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

namespace heed::simd {

bool is_amd() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_cpu_init();
  return __builtin_cpu_is("amd") != 0;
#else
  return false;
#endif
}

namespace {

bool halves_512() {
#if defined(__x86_64__) || defined(__i386__)
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (!is_amd() || __get_cpuid(1, &a, &b, &c, &d) == 0) return false;
  return ((a >> 8) & 15) + ((a >> 20) & 255) <= 25;
#else
  return false;
#endif
}

}  // namespace

const bool kHalves512 = halves_512();

}  // namespace heed::simd
