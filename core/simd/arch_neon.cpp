// The kernels for NEON on 64-bit ARM, part of its base.
#include "core/simd/families.h"

namespace heed::simd {

void fill_neon(Kernels& table) {
  table.isa = "neon";
  fill_families<xsimd::neon64>(table);
}

}  // namespace heed::simd
