// The plain table: every entry's twin, compiled for the narrowest CPU of the platform.
#include "core/simd/reference/attention.h"
#include "core/simd/reference/copy.h"
#include "core/simd/reference/elementwise.h"
#include "core/simd/reference/gemm.h"
#include "core/simd/reference/loss.h"
#include "core/simd/reference/norm.h"
#include "core/simd/reference/optim.h"
#include "core/simd/reference/reduce.h"
#include "core/simd/reference/softmax.h"
#include "core/simd/tables.h"

namespace heed::simd {

namespace {
template <class T>
void fill(KernelsOf<T>& table) {
  reference::fill_elementwise(table);
  reference::fill_reduce(table);
  reference::fill_softmax(table);
  reference::fill_norm(table);
  reference::fill_loss(table);
  reference::fill_optim(table);
  reference::fill_copy(table);
}
}  // namespace

void fill_plain(Kernels& table) {
  table.isa = "plain";
  fill(table.f32);
  fill(table.f64);
  reference::fill_attention(table);
  reference::fill_gemm(table);
}

}  // namespace heed::simd
