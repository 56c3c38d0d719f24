// flip, roll, tril, triu: elements moved or cut, in new memory.
#include <numeric>

#include "core/factory.h"
#include "core/ops/common.h"
#include "core/ops/inplace.h"

namespace heed {

using namespace detail;

// ---- y = x backwards along dims;  dx = dy backwards along dims

struct FlipBackward final : Node {
  Dims dims;
  explicit FlipBackward(const Dims& dims_) : dims(dims_) {}
  const char* name() const override { return "FlipBackward0"; }
  Grads backward(const Tensor& dy) override { return flip(dy, dims); }
};

Tensor flip(const Tensor& x, const Dims& dims) {
  const std::uint32_t mask = dims.empty() ? 0 : dim_mask(dims, x.dim());
  Tensor y = make_tensor(x.sizes(), x.dtype());
  // Read from the far end with negative strides: an alias that only this copy sees.
  Dims strides = x.strides();
  std::int64_t offset = x.storage_offset();
  for (std::int64_t d = 0; d < x.dim(); ++d) {
    if (!(mask >> d & 1) || x.numel() == 0) continue;
    offset += (x.sizes()[d] - 1) * strides[d];
    strides[d] = -strides[d];
  }
  copy_values(y, make_alias(x, x.sizes(), strides, offset));
  return record<FlipBackward>(std::move(y), inputs(x), dims);
}

// ---- y[i] = x[(i - shift) mod n];  dx = dy rolled back

struct RollBackward final : Node {
  Dims shifts, dims;
  RollBackward(const Dims& shifts_, const Dims& dims_) : shifts(shifts_), dims(dims_) {
    for (std::int64_t& shift : shifts) shift = -shift;
  }
  const char* name() const override { return "RollBackward0"; }
  Grads backward(const Tensor& dy) override { return roll(dy, shifts, dims); }
};

Tensor roll(const Tensor& x, const Dims& shifts, const Dims& dims) {
  HEED_CHECK(!shifts.empty(), "`shifts` required");
  HEED_CHECK(shifts.size() == dims.size(),
             "shifts and dimensions must align. shifts: ", shifts.size(), ", dims:", dims.size());
  // Source index = (i - shift) mod n, a permutation of each dim: two copies a dim, at most.
  Tensor y = x.detach();
  for (std::int64_t k = 0; k < dims.size(); ++k) {
    const std::int64_t d = wrap_dim(dims[k], x.dim());
    if (y.numel() == 0 || y.dim() == 0) continue;
    const std::int64_t n = y.sizes()[d], shift = ((shifts[k] % n) + n) % n;
    const Tensor from = y;
    y = make_tensor(x.sizes(), x.dtype());
    Dims head = x.sizes(), tail = x.sizes();
    head[d] = n - shift;
    tail[d] = shift;
    copy_values(make_alias(y, head, y.strides(), shift * y.strides()[d]),
                make_alias(from, head, from.strides(), from.storage_offset()));
    copy_values(make_alias(y, tail, y.strides(), 0),
                make_alias(from, tail, from.strides(),
                           from.storage_offset() + (n - shift) * from.strides()[d]));
  }
  if (y.impl()->storage.get() == x.impl()->storage.get()) y = clone(y);
  return record<RollBackward>(std::move(y), inputs(x), shifts, dims);
}

Tensor roll(const Tensor& x, std::int64_t shift, std::int64_t dim) {
  return roll(x, Dims{shift}, Dims{dim});
}

Tensor roll(const Tensor& x, std::int64_t shift) {
  return view(roll(reshape(x, {x.numel()}), shift, 0), x.sizes());
}

// ---- y = x on and below (above) a diagonal, 0 elsewhere;  dx = the same part of dy

template <bool kLower>
struct TriangleBackward final : Node {
  std::int64_t diagonal;
  explicit TriangleBackward(std::int64_t diagonal_) : diagonal(diagonal_) {}
  const char* name() const override { return kLower ? "TrilBackward0" : "TriuBackward0"; }
  Grads backward(const Tensor& dy) override {
    return kLower ? tril(dy, diagonal) : triu(dy, diagonal);
  }
};

namespace {

template <bool kLower>
Tensor triangle(const Tensor& x, std::int64_t diagonal) {
  HEED_CHECK(x.dim() >= 2, kLower ? "tril" : "triu",
             ": input tensor must have at least 2 dimensions, got size ", x.sizes());
  Tensor y = make_tensor(x.sizes(), x.dtype());
  copy_values(y, x);
  const std::int64_t rows = x.size(-2), cols = x.size(-1);
  dispatch(x.dtype(), [&]<class T>() {
    T* row = y.data<T>();
    for (std::int64_t r = 0; r < (cols ? y.numel() / cols : 0); ++r, row += cols) {
      const std::int64_t edge = r % rows + diagonal;  // the column of the diagonal
      const std::int64_t first = kLower ? std::clamp<std::int64_t>(edge + 1, 0, cols) : 0;
      const std::int64_t last = kLower ? cols : std::clamp<std::int64_t>(edge, 0, cols);
      std::fill(row + first, row + last, T{0});
    }
  });
  return record<TriangleBackward<kLower>>(std::move(y), inputs(x), diagonal);
}

}  // namespace

Tensor tril(const Tensor& x, std::int64_t diagonal) { return triangle<true>(x, diagonal); }
Tensor triu(const Tensor& x, std::int64_t diagonal) { return triangle<false>(x, diagonal); }

}  // namespace heed
