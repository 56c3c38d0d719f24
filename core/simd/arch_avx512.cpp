// The kernels for AVX-512 (F, CD, DQ, BW, VL).
#include "core/simd/families.h"

namespace heed::simd {

void fill_avx512(Kernels& table) {
  table.isa = "avx512";
  fill_families<xsimd::avx512bw>(table);
}

}  // namespace heed::simd
