// The kernels for AVX-512 (F, CD, DQ, BW, VL).
#include "core/simd/products.h"

namespace heed::simd {

void fill_avx512_double(Kernels& table) { fill_products<xsimd::avx512bw>(table.f64); }

}  // namespace heed::simd
