// The kernels for SSE2, which every 64-bit x86 has.
#include "core/simd/rows.h"

namespace heed::simd {

void fill_sse2_rows(Kernels& table) { fill_rows<xsimd::sse2>(table); }

}  // namespace heed::simd
