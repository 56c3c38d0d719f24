// Views of a part: as_strided, select, slice, narrow, diagonal, unfold. The gradient of a part is
// zero elsewhere: all share `place`, the adjoint of as_strided.
#include <algorithm>
#include <numeric>

#include "core/factory.h"
#include "core/ops/common.h"
#include "core/ops/inplace.h"
#include "core/ops/view.h"

namespace heed {

using namespace detail;

namespace {

/// True where two positions of the geometry may share an address.
bool may_overlap(const Dims& sizes, const Dims& strides) {
  Dims order;
  for (std::int64_t d = 0; d < sizes.size(); ++d) {
    if (sizes[d] > 1) order.push_back(d);
  }
  std::sort(order.begin(), order.end(),
            [&](std::int64_t a, std::int64_t b) { return strides[a] < strides[b]; });
  std::int64_t reach = 0;  // the largest offset of the dims so far
  for (const std::int64_t d : order) {
    if (strides[d] <= reach) return true;
    reach += (sizes[d] - 1) * strides[d];
  }
  return false;
}

void add_one_by_one(const Tensor& base, const Tensor& values, const Dims& strides,
                    std::int64_t offset) {
  dispatch_floating(base.dtype(), "as_strided", [&]<class T>() {
    T* to = base.data<T>() + offset;
    const T* from = values.data<T>();
    const LoopNest<2> nest(values.sizes(), {values.strides(), strides});
    nest.for_rows(0, nest.rows(), [&](const std::array<std::int64_t, 2>& at) {
      for (std::int64_t i = 0; i < nest.inner_size(); ++i) {
        to[at[1] + i * nest.inner_stride(1)] += from[at[0] + i * nest.inner_stride(0)];
      }
    });
  });
}

}  // namespace

// ---- y = zeros with x at a geometry;  dx = dy read at that geometry

struct PlaceBackward final : Node {
  Dims sizes, strides;
  std::int64_t offset;
  PlaceBackward(const Dims& sizes_, const Dims& strides_, std::int64_t offset_)
      : sizes(sizes_), strides(strides_), offset(offset_) {}
  const char* name() const override { return "AsStridedScatterBackward0"; }
  Grads backward(const Tensor& dy) override {
    return as_strided(contiguous(dy), sizes, strides, contiguous(dy).storage_offset() + offset);
  }
};

namespace detail {

Tensor place(const Tensor& values, const Dims& base_sizes, const Dims& strides,
             std::int64_t offset) {
  const Tensor base = zeros(base_sizes, {.dtype = values.dtype()});
  if (values.numel() > 0) {
    if (may_overlap(values.sizes(), strides)) {
      add_one_by_one(base, values, strides, offset);
    } else {
      copy_values(make_alias(base, values.sizes(), strides, offset), values);
    }
  }
  return record<PlaceBackward>(base, inputs(values), values.sizes(), strides, offset);
}

}  // namespace detail

// ---- y = a part of x, given by strides over x read as contiguous;  dx = dy placed in zeros

struct PartBackward final : Node {
  Dims base_sizes, strides;
  std::int64_t offset;
  const char* label;
  PartBackward(const Dims& base_sizes_, const Dims& strides_, std::int64_t offset_,
               const char* label_)
      : Node(Accumulates{}),
        base_sizes(base_sizes_),
        strides(strides_),
        offset(offset_),
        label(label_) {}
  const char* name() const override { return label; }
  Grads backward(const Tensor& dy) override { return place(dy, base_sizes, strides, offset); }
  bool accumulate(int /*i*/, const Tensor& dy, const Tensor& grad) override {
    if (dy.dtype() != grad.dtype()) return false;
    if (may_overlap(dy.sizes(), strides)) {
      add_one_by_one(grad, dy, strides, offset);
    } else if (dy.numel() > 0) {
      detail::add_in_place(make_alias(grad, dy.sizes(), strides, grad.storage_offset() + offset),
                           dy);
    }
    return true;
  }
};

namespace {

/// One geometry, once over the strides of x and once over contiguous ones.
struct Part {
  Dims sizes, strides, dense;
  std::int64_t offset = 0, dense_offset = 0;
  explicit Part(const Tensor& x)
      : sizes(x.sizes()), strides(x.strides()), dense(contiguous_strides(x.sizes())) {}

  void advance(std::int64_t dim, std::int64_t by) {
    offset += by * strides[dim];
    dense_offset += by * dense[dim];
  }
  void erase(std::int64_t dim) {
    sizes.erase(dim);
    strides.erase(dim);
    dense.erase(dim);
  }
  Tensor view_of(const Tensor& x, const char* label) const {
    return record<PartBackward>(make_view(x, sizes, strides, x.storage_offset() + offset),
                                inputs(x), x.sizes(), dense, dense_offset, label);
  }
};

}  // namespace

Tensor as_strided(const Tensor& x, const Dims& sizes, const Dims& strides,
                  std::optional<std::int64_t> offset_) {
  HEED_CHECK(sizes.size() == strides.size(), "as_strided: mismatch in length of strides ", strides,
             " and shape ", sizes);
  const std::int64_t offset = offset_.value_or(x.storage_offset());
  std::int64_t reach = offset;
  const std::int64_t numel = checked_numel(sizes);
  for (std::int64_t d = 0; d < sizes.size(); ++d) {
    HEED_CHECK(
        strides[d] >= 0,
        "as_strided: Negative strides are not supported at the moment, got strides: ", strides);
    std::int64_t step = 0;
    HEED_CHECK(sizes[d] == 0 || (!__builtin_mul_overflow(sizes[d] - 1, strides[d], &step) &&
                                 !__builtin_add_overflow(reach, step, &reach)),
               "as_strided: size ", sizes, " with strides ", strides, " overflows");
  }
  const auto elements =
      static_cast<std::int64_t>(x.checked().storage->bytes / element_size(x.dtype()));
  HEED_CHECK(offset >= 0 && (numel == 0 || reach < elements), "setStorage: sizes ", sizes,
             ", strides ", strides, ", storage offset ", offset,
             " are out of bounds for storage of ", elements, " elements");
  HEED_CHECK(x.is_contiguous() || !autograd::recording(x),
             "as_strided of a non-contiguous tensor is not differentiable here (size ", x.sizes(),
             ", stride ", x.strides(), "); call contiguous() first");
  const std::int64_t within = offset - x.storage_offset();
  HEED_CHECK(!autograd::recording(x) ||
                 (within >= 0 && (numel == 0 || reach - x.storage_offset() < x.numel())),
             "as_strided outside of the tensor's own elements is not differentiable (size ",
             x.sizes(), ", wanted ", sizes, " with strides ", strides, ")");
  return record<PartBackward>(make_view(x, sizes, strides, offset), inputs(x), x.sizes(), strides,
                              within, "AsStridedBackward0");
}

Tensor select(const Tensor& x, std::int64_t dim, std::int64_t index) {
  HEED_CHECK(x.dim() > 0, "select() cannot be applied to a 0-dim tensor.");
  dim = wrap_dim(dim, x.dim());
  const std::int64_t size = x.sizes()[dim];
  HEED_CHECK(-size <= index && index < size, "index ", index, " is out of bounds for dimension ",
             dim, " with size ", size);
  Part part(x);
  part.advance(dim, index < 0 ? index + size : index);
  part.erase(dim);
  return part.view_of(x, "SelectBackward0");
}

Tensor Tensor::operator[](std::int64_t index) const {
  HEED_CHECK(dim() > 0,
             "invalid index of a 0-dim tensor. Use `tensor.item()` to convert it to a number");
  return heed::select(*this, 0, index);
}

Tensor slice(const Tensor& x, std::int64_t dim, std::optional<std::int64_t> start_,
             std::optional<std::int64_t> end_, std::int64_t step) {
  HEED_CHECK(x.dim() > 0, "slice() cannot be applied to a 0-dim tensor.");
  HEED_CHECK(step > 0, "slice step must be positive, got ", step);
  dim = wrap_dim(dim, x.dim());
  const std::int64_t size = x.sizes()[dim];
  const auto clamped = [size](std::int64_t bound) {
    if (bound < 0) bound += size;
    return std::clamp<std::int64_t>(bound, 0, size);
  };
  const std::int64_t start = clamped(start_.value_or(0));
  const std::int64_t end = std::max(start, clamped(end_.value_or(size)));
  Part part(x);
  part.advance(dim, start);
  part.sizes[dim] = (end - start + step - 1) / step;
  part.strides[dim] *= step;
  part.dense[dim] *= step;
  return part.view_of(x, "SliceBackward0");
}

Tensor narrow(const Tensor& x, std::int64_t dim, std::int64_t start, std::int64_t length) {
  HEED_CHECK(x.dim() > 0, "narrow() cannot be applied to a 0-dim tensor.");
  const std::int64_t size = x.size(dim);
  HEED_CHECK(-size <= start && start <= size, "start (", start,
             ") is out of range for a dimension of size ", size);
  if (start < 0) start += size;
  HEED_CHECK(length >= 0, "narrow(): length must be non-negative.");
  HEED_CHECK(start <= size - length, "start (", start, ") + length (", length,
             ") exceeds dimension size (", size, ").");
  return slice(x, dim, start, start + length);
}

Tensor diagonal(const Tensor& x, std::int64_t offset, std::int64_t dim1, std::int64_t dim2) {
  const std::int64_t a = wrap_dim(dim1, x.dim()), b = wrap_dim(dim2, x.dim());
  HEED_CHECK(a != b, "diagonal dimensions cannot be identical ", dim1, ", ", dim2);
  Part part(x);
  const std::int64_t length =
      std::max<std::int64_t>(0, offset >= 0 ? std::min(x.sizes()[a], x.sizes()[b] - offset)
                                            : std::min(x.sizes()[a] + offset, x.sizes()[b]));
  if (length > 0) part.advance(offset >= 0 ? b : a, std::abs(offset));
  const std::int64_t stride = part.strides[a] + part.strides[b];
  const std::int64_t dense = part.dense[a] + part.dense[b];
  part.erase(std::max(a, b));
  part.erase(std::min(a, b));
  part.sizes.push_back(length);
  part.strides.push_back(stride);
  part.dense.push_back(dense);
  return part.view_of(x, "DiagonalBackward0");
}

Tensor unfold(const Tensor& x, std::int64_t dim, std::int64_t size, std::int64_t step) {
  dim = wrap_dim(dim, x.dim());
  const std::int64_t extent = x.dim() == 0 ? 1 : x.sizes()[dim];
  HEED_CHECK(size >= 0, "size is ", size, " but must be >= 0");
  HEED_CHECK(size <= extent, "maximum size for tensor at dimension ", dim, " is ", extent,
             " but size is ", size);
  HEED_CHECK(step > 0, "step is ", step, " but must be > 0");
  Part part(x);
  if (x.dim() == 0) {
    part.sizes.push_back(size);
    part.strides.push_back(1);
    part.dense.push_back(1);
    return part.view_of(x, "UnfoldBackward0");
  }
  part.sizes[dim] = (extent - size) / step + 1;
  const std::int64_t stride = part.strides[dim], dense = part.dense[dim];
  part.strides[dim] *= step;
  part.dense[dim] *= step;
  part.sizes.push_back(size);
  part.strides.push_back(stride);
  part.dense.push_back(dense);
  return part.view_of(x, "UnfoldBackward0");
}

}  // namespace heed
