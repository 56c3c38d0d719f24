// The kernels for AVX2 with fused multiply-add.
#include "core/simd/products.h"

namespace heed::simd {

void fill_avx2(Kernels& table) {
  table.isa = "avx2";
  fill_products<xsimd::fma3<xsimd::avx2>>(table.f32);
  fill_avx2_double(table);
  fill_avx2_rows(table);
}

}  // namespace heed::simd
