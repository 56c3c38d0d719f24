// The kernels for AVX2 with fused multiply-add.
#include "core/simd/products.h"

namespace heed::simd {

void fill_avx2_double(Kernels& table) { fill_products<xsimd::fma3<xsimd::avx2>>(table.f64); }

}  // namespace heed::simd
