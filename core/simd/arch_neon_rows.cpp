// The kernels for NEON on 64-bit ARM, part of its base.
#include "core/simd/rows.h"

namespace heed::simd {

void fill_neon_rows(Kernels& table) { fill_rows<xsimd::neon64>(table); }

}  // namespace heed::simd
