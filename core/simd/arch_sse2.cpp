// The kernels for SSE2, which every 64-bit x86 has.
#include "core/simd/products.h"

namespace heed::simd {

void fill_sse2(Kernels& table) {
  table.isa = "sse2";
  fill_products<xsimd::sse2>(table.f32);
  fill_sse2_double(table);
  fill_sse2_rows(table);
}

}  // namespace heed::simd
