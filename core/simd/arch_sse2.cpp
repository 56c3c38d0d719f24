// The kernels for SSE2, which every 64-bit x86 has.
#include "core/simd/families.h"

namespace heed::simd {

void fill_sse2(Kernels& table) {
  table.isa = "sse2";
  fill_families<xsimd::sse2>(table);
}

}  // namespace heed::simd
