// The kernels for AVX-512 (F, CD, DQ, BW, VL).
#include "core/simd/products.h"

namespace heed::simd {

void fill_avx512(Kernels& table) {
  table.isa = "avx512";
  fill_products<xsimd::avx512bw>(table.f32);
  fill_avx512_double(table);
  fill_avx512_rows(table);
}

}  // namespace heed::simd
