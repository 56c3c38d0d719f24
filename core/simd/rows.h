// Everything but products and attention for one instruction set: elements and rows of them.
#pragma once

#include "core/simd/copy_kernels.h"
#include "core/simd/elementwise_kernels.h"
#include "core/simd/gate_kernels.h"
#include "core/simd/loss_kernels.h"
#include "core/simd/norm_kernels.h"
#include "core/simd/optim_kernels.h"
#include "core/simd/reduce_kernels.h"
#include "core/simd/softmax_kernels.h"
#include "core/simd/tables.h"

namespace heed::simd {

template <class Arch>
void fill_rows(Kernels& table) {
  fill_copy<Arch>(table);
  fill_elementwise<Arch>(table);
  fill_gates<Arch>(table);
  fill_loss<Arch>(table);
  fill_norm<Arch>(table);
  fill_optim<Arch>(table);
  fill_reduce<Arch>(table);
  fill_softmax<Arch>(table);
}

}  // namespace heed::simd
