// What the families of operations share: result types, fused or composed derivatives.
#pragma once

#include "core/autograd/node.h"
#include "core/ops/dispatch.h"
#include "core/ops/loops.h"
#include "core/ops/ops.h"
#include "core/simd/kernels.h"

namespace heed::detail {

using autograd::Grads;
using autograd::inputs;
using autograd::Node;
using autograd::record;
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

/// y = op(x), x real, by the table's kernel; no autograd.
Tensor unary_kernel(simd::UnaryOp op, const Tensor& x);

/// op(a, b), same real dtype, broadcast, by the table's kernel; no autograd.
Tensor binary_kernel(simd::BinaryOp op, const Tensor& a, const Tensor& b);

/// A scalar tensor of the given dtype.
Tensor scalar_tensor(Scalar value, DType dtype);

}  // namespace heed::detail
