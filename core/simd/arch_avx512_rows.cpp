// The kernels for AVX-512 (F, CD, DQ, BW, VL).
#include "core/simd/rows.h"

namespace heed::simd {

void fill_avx512_rows(Kernels& table) { fill_rows<xsimd::avx512bw>(table); }

}  // namespace heed::simd
