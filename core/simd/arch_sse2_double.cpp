// The kernels for SSE2, which every 64-bit x86 has.
#include "core/simd/products.h"

namespace heed::simd {

void fill_sse2_double(Kernels& table) { fill_products<xsimd::sse2>(table.f64); }

}  // namespace heed::simd
