// What the families of operations share: result types, fused or composed derivatives.
#pragma once

#include "core/autograd/node.h"
#include "core/ops/dispatch.h"
#include "core/ops/loops.h"
#include "core/ops/ops.h"
#include "core/simd/caches.h"
#include "core/simd/kernels.h"

namespace heed::detail {

using autograd::Grads;
using autograd::inputs;
using autograd::Node;
using autograd::record;
using autograd::record_on;
using autograd::SavedOutput;
using autograd::SavedTensor;

/// The dtype of a op b by PyTorch's rules: within a category (bool, integer, real) a scalar tensor
/// does not widen one with dims.
DType result_type(const Tensor& a, const Tensor& b);

/// x itself when it has the dtype already.
inline Tensor as_type(const Tensor& x, DType dtype) {
  return x.dtype() == dtype ? x : to(x, dtype);
}

/// The type in which a real-valued function of x is computed.
inline DType real_type(DType dtype) { return is_floating_point(dtype) ? dtype : DType::Float32; }

/// Whether a result goes past the caches.
template <class T>
bool streams(const Tensor& out) {
  return simd::past_caches(out.numel() * std::int64_t{sizeof(T)});
}

template <class T>
void fill_values(T* out, T value, std::int64_t n) {
  if constexpr (std::is_floating_point_v<T>) {
    simd::kernels().of<T>().fill(out, value, n);
  } else {
    std::fill(out, out + n, value);
  }
}

/// The table's kernel for a result `out` that none of the inputs shares.
template <class T>
auto kernel_of(simd::UnaryOp op, const Tensor& out) {
  const auto& table = simd::kernels().of<T>();
  return (streams<T>(out) ? table.unary_streaming : table.unary)[static_cast<int>(op)];
}
template <class T>
auto kernel_of(simd::BinaryOp op, const Tensor& out) {
  const auto& table = simd::kernels().of<T>();
  return (streams<T>(out) ? table.binary_streaming : table.binary)[static_cast<int>(op)];
}

/// out = op(a, b) by `kernel`, one of the table's, broadcast to out.
template <class T>
void binary_into(const Tensor& out, typename simd::KernelsOf<T>::Binary kernel, const Tensor& a,
                 const Tensor& b) {
  elementwise<T, T, T>(
      out,
      [kernel](T* o, std::int64_t n, const T* x, const T* y, std::int64_t sx, std::int64_t sy) {
        kernel(o, x, sx, y, sy, n);
      },
      a, b);
}

/// y = op(x), x real, by the table's kernel; no autograd.
Tensor unary_kernel(simd::UnaryOp op, const Tensor& x);

/// op(a, b), same real dtype, broadcast, by the table's kernel; no autograd.
Tensor binary_kernel(simd::BinaryOp op, const Tensor& a, const Tensor& b);

/// A scalar tensor of the given dtype.
Tensor scalar_tensor(Scalar value, DType dtype);

}  // namespace heed::detail
