// All families of kernels for one instruction set. Included by the arch_*.cpp only.
#pragma once

#include "core/simd/attention_kernels.h"
#include "core/simd/gemm_kernels.h"
#include "core/simd/tables.h"

namespace heed::simd {

template <class Arch>
void fill_families(Kernels& table) {
  fill_attention<Arch>(table);
  fill_gemm<Arch>(table);
}

}  // namespace heed::simd
