// The kernels for AVX2 with fused multiply-add.
#include "core/simd/families.h"

namespace heed::simd {

void fill_avx2(Kernels& table) {
  table.isa = "avx2";
  fill_families<xsimd::fma3<xsimd::avx2>>(table);
}

}  // namespace heed::simd
