// where and masked_fill: elements chosen by a mask; and conversion between types.
#include "core/factory.h"
#include "core/ops/common.h"
#include "core/ops/inplace.h"

namespace heed {

using namespace detail;

namespace {

void check_mask(const Tensor& mask, const char* op) {
  HEED_CHECK(mask.dtype() == DType::Bool, op,
             " expected condition to be a boolean tensor, but got a ", "tensor with dtype ",
             scalar_type_name(mask.dtype()));
}

Tensor where_values(const Tensor& condition, const Tensor& a, const Tensor& b) {
  const Dims sizes = broadcast_shapes(condition.sizes(), broadcast_shapes(a.sizes(), b.sizes()));
  Tensor y = make_tensor(sizes, a.dtype());
  dispatch(a.dtype(), [&]<class T>() {
    elementwise<T, bool, T, T>(
        y,
        [](T* o, std::int64_t n, const bool* m, const T* x, const T* z, std::int64_t sm,
           std::int64_t sx, std::int64_t sz) {
          if constexpr (std::is_floating_point_v<T>) {
            if (sm == 1) return simd::kernels().of<T>().where(o, m, x, sx, z, sz, n);
          }
          for (std::int64_t i = 0; i < n; ++i) o[i] = m[i * sm] ? x[i * sx] : z[i * sz];
        },
        condition, a, b);
  });
  return y;
}

}  // namespace

// ---- y = condition ? a : b;  da = condition ? dy : 0,  db = condition ? 0 : dy

struct WhereBackward final : Node {
  SavedTensor condition;
  explicit WhereBackward(const Tensor& condition_) : condition(this, condition_) {}
  const char* name() const override { return "WhereBackward0"; }
  Grads backward(const Tensor& dy) override {
    return {needs(0) ? where(condition, dy, Scalar(0.0)) : Tensor(),
            needs(1) ? where(condition, Scalar(0.0), dy) : Tensor()};
  }
};

Tensor where(const Tensor& condition, const Tensor& a_, const Tensor& b_) {
  check_mask(condition, "where");
  const DType type = result_type(a_, b_);
  const Tensor a = as_type(a_, type), b = as_type(b_, type);
  return record<WhereBackward>(where_values(condition, a, b), inputs(a, b), condition);
}

Tensor where(const Tensor& condition, const Tensor& a, Scalar b) {
  return where(condition, a, scalar_tensor(b, b.promote_with(a.dtype())));
}

Tensor where(const Tensor& condition, Scalar a, const Tensor& b) {
  return where(condition, scalar_tensor(a, a.promote_with(b.dtype())), b);
}

// ---- y = mask ? value : x;  dx = mask ? 0 : dy

struct MaskedFillBackward final : Node {
  SavedTensor mask;
  explicit MaskedFillBackward(const Tensor& mask_) : mask(this, mask_) {}
  const char* name() const override { return "MaskedFillBackward0"; }
  Grads backward(const Tensor& dy) override { return masked_fill(dy, mask, 0); }
};

Tensor masked_fill(const Tensor& x, const Tensor& mask, Scalar value) {
  HEED_CHECK(mask.dtype() == DType::Bool,
             "masked_fill_ only supports boolean masks, but got mask with dtype ",
             dtype_name(mask.dtype()));
  HEED_CHECK(x.is_floating_point() || !value.is_real(), "value cannot be converted to type ",
             dtype_name(x.dtype()), " without overflow");
  Tensor y = where_values(mask, scalar_tensor(value, x.dtype()), x);
  return record<MaskedFillBackward>(std::move(y), inputs(x), mask);
}

// ---- the same values in another type;  dx = dy in the type of x (the engine converts)

struct ToCopyBackward final : Node {
  const char* name() const override { return "ToCopyBackward0"; }
  Grads backward(const Tensor& dy) override { return dy; }
};

Tensor to(const Tensor& x, DType dtype) {
  if (x.dtype() == dtype) return x;
  Tensor y = make_tensor(x.sizes(), dtype);
  copy_values(y, x);
  if (!is_floating_point(dtype)) return y;
  return record<ToCopyBackward>(std::move(y), inputs(x));
}

}  // namespace heed
