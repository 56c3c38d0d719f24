// The matrix products and attention for one instruction set and element type: translation units of
// their own, since their many register tiles take the compiler longest.
#pragma once

#include "core/simd/attention_kernels.h"
#include "core/simd/gemm_kernels.h"
#include "core/simd/tables.h"

namespace heed::simd {

template <class Arch, class T>
void fill_products(KernelsOf<T>& table) {
  fill_attention<Arch>(table);
  fill_gemm<Arch>(table);
}

}  // namespace heed::simd
