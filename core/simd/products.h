// The matrix products and attention for one instruction set: half of its translation units, since
// their many register tiles take the compiler longest.
#pragma once

#include "core/simd/attention_kernels.h"
#include "core/simd/gemm_kernels.h"
#include "core/simd/tables.h"

namespace heed::simd {

template <class Arch>
void fill_products(Kernels& table) {
  fill_attention<Arch>(table);
  fill_gemm<Arch>(table);
}

}  // namespace heed::simd
