// The kernels for AVX2 with fused multiply-add.
#include "core/simd/rows.h"

namespace heed::simd {

void fill_avx2_rows(Kernels& table) { fill_rows<xsimd::fma3<xsimd::avx2>>(table); }

}  // namespace heed::simd
