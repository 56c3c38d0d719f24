// The kernels for NEON on 64-bit ARM, part of its base.
#include "core/simd/products.h"

namespace heed::simd {

void fill_neon_double(Kernels& table) { fill_products<xsimd::neon64>(table.f64); }

}  // namespace heed::simd
