#include "core/simd/prefetch.h"

namespace heed::simd {

#if defined(__x86_64__) || defined(__i386__)
const bool kCoreFetches = [] {
  __builtin_cpu_init();
  return __builtin_cpu_is("amd") != 0;
}();
#else
const bool kCoreFetches = false;
#endif

}  // namespace heed::simd
