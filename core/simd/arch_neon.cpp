// The kernels for NEON on 64-bit ARM, part of its base.
#include "core/simd/products.h"

namespace heed::simd {

void fill_neon(Kernels& table) {
  table.isa = "neon";
  fill_products<xsimd::neon64>(table.f32);
  fill_neon_double(table);
  fill_neon_rows(table);
}

}  // namespace heed::simd
