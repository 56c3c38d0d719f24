// Elements by an index along one dim: gather, and scatter_add, each the other's backward.
#include <algorithm>
#include <array>

#include "core/factory.h"
#include "core/ops/common.h"
#include "core/ops/inplace.h"
#include "core/ops/reduce.h"

namespace heed {

using namespace detail;

namespace {

// Calls body(index element, offset in a tensor of `strides` whose coordinate along dim is left 0)
// for the elements of `sizes` in row-major order.
template <class Body>
void for_each_place(const Dims& sizes, std::int64_t dim, const Dims& strides, Body&& body) {
  std::int64_t numel = 1;
  for (const std::int64_t size : sizes) numel *= size;
  std::array<std::int64_t, Dims::kMax> position{};
  std::int64_t offset = 0;
  for (std::int64_t i = 0; i < numel; ++i) {
    body(i, offset);
    for (std::int64_t d = sizes.size() - 1; d >= 0; --d) {
      auto& p = position[static_cast<std::size_t>(d)];
      const std::int64_t stride = d == dim ? 0 : strides[d];
      offset += stride;
      if (++p < sizes[d]) break;
      offset -= stride * sizes[d];
      p = 0;
    }
  }
}

void check_index(const Tensor& index, std::int64_t dim, std::int64_t size) {
  const auto* at = index.data<std::int64_t>();
  for (std::int64_t i = 0; i < index.numel(); ++i) {
    HEED_CHECK(0 <= at[i] && at[i] < size, "index ", at[i], " is out of bounds for dimension ", dim,
               " with size ", size);
  }
}

std::int64_t size_along(const Tensor& x, std::int64_t dim) {
  return x.dim() == 0 ? 1 : x.sizes()[dim];
}

// y[i][j] = x[index[i][j]][j];  dx = zeros with dy added at index
struct GatherBackward final : Node {
  SavedTensor index;
  std::int64_t dim;
  GatherBackward(const Tensor& index_, std::int64_t dim_) : index(this, index_), dim(dim_) {}
  const char* name() const override { return "GatherBackward0"; }
  Grads backward(const Tensor& dy) override {
    return scatter_add(zeros(edge(0).sizes(), {.dtype = edge(0).dtype()}), dim, index.get(), dy);
  }
};

// y = x with src added at index;  dx = dy, dsrc = dy gathered at index
struct ScatterAddBackward final : Node {
  SavedTensor index;
  std::int64_t dim;
  ScatterAddBackward(const Tensor& index_, std::int64_t dim_) : index(this, index_), dim(dim_) {}
  const char* name() const override { return "ScatterAddBackward0"; }
  Grads backward(const Tensor& dy) override {
    Grads grads(dy, Tensor());
    if (!needs(1)) return grads;
    const Tensor at = index.get();
    Tensor dsrc = gather(dy, dim, at);
    // src may be larger than the index: what was not read gets nothing.
    const Dims& sizes = edge(1).sizes();
    for (std::int64_t d = 0; d < sizes.size(); ++d) {
      if (sizes[d] == dsrc.sizes()[d]) continue;
      Dims rest = dsrc.sizes();
      rest[d] = sizes[d] - rest[d];
      dsrc = cat({dsrc, zeros(rest, {.dtype = dsrc.dtype()})}, d);
    }
    grads[1] = dsrc;
    return grads;
  }
};

void check_smaller(const Tensor& index, const Tensor& x, std::int64_t dim, const Tensor* src) {
  HEED_CHECK(index.dtype() == int64, src ? "scatter" : "gather",
             "(): Expected dtype int64 for index, got ", dtype_name(index.dtype()));
  if (index.numel() == 0) return;
  const auto ndim = [](const Tensor& t) { return std::max<std::int64_t>(t.dim(), 1); };
  HEED_CHECK(ndim(index) == ndim(x), "Index tensor must have the same number of dimensions as ",
             src ? "self" : "input", " tensor (index ", index.sizes(), ", input ", x.sizes(), ")");
  if (!src) {
    for (std::int64_t d = 0; d < index.dim() && d < x.dim(); ++d) {
      HEED_CHECK(d == dim || index.sizes()[d] <= x.sizes()[d], "Size does not match at dimension ",
                 d, " expected index ", index.sizes(), " to be smaller than self ", x.sizes(),
                 " apart from dimension ", dim);
    }
    return;
  }
  HEED_CHECK(ndim(index) == ndim(*src),
             "Index tensor must have the same number of dimensions as src tensor (index ",
             index.sizes(), ", src ", src->sizes(), ")");
  for (std::int64_t d = 0; d < index.dim(); ++d) {
    const std::int64_t size = index.sizes()[d];
    HEED_CHECK((d == dim || x.dim() == 0 || size <= x.sizes()[d]) &&
                   (src->dim() == 0 || size <= src->sizes()[d]),
               "Expected index ", index.sizes(), " to be smaller than self ", x.sizes(),
               " apart from dimension ", dim, " and to be smaller size than src ", src->sizes());
  }
}

// Adds src at index into y, in order of the index.
void add_at(const Tensor& y, std::int64_t dim, const Tensor& index, const Tensor& src) {
  const std::int64_t y_stride = y.dim() == 0 ? 1 : y.strides()[dim];
  // The part of src that the index covers, adjacent.
  const Tensor from = detail::plain_contiguous(
      src.sizes() == index.sizes()
          ? src
          : detail::make_alias(
                src, index.sizes(),
                src.dim() == index.dim() ? src.strides() : contiguous_strides(index.sizes()),
                src.storage_offset()));
  const Dims strides = y.dim() == index.dim() ? y.strides() : contiguous_strides(index.sizes());
  const auto* at = index.data<std::int64_t>();
  detail::dispatch(y.dtype(), [&]<class T>() {
    T* out = y.data<T>();
    const T* in = from.data<T>();
    for_each_place(index.sizes(), dim, strides, [&](std::int64_t i, std::int64_t offset) {
      T& target = out[offset + at[i] * y_stride];
      target = static_cast<T>(target + in[i]);
    });
  });
}

}  // namespace

Tensor gather(const Tensor& x, std::int64_t dim, const Tensor& index_in) {
  dim = wrap_dim(dim, x.dim());
  check_smaller(index_in, x, dim, nullptr);
  const Tensor index = detail::plain_contiguous(index_in);
  check_index(index, dim, size_along(x, dim));
  const Tensor y = detail::make_tensor(index.sizes(), x.dtype());
  const auto* at = index.data<std::int64_t>();
  const std::int64_t stride = x.dim() == 0 ? 1 : x.strides()[dim];
  const Dims strides = x.dim() == index.dim() ? x.strides() : contiguous_strides(index.sizes());
  detail::dispatch(x.dtype(), [&]<class T>() {
    T* out = y.data<T>();
    const T* in = x.data<T>();
    for_each_place(index.sizes(), dim, strides, [&](std::int64_t i, std::int64_t offset) {
      out[i] = in[offset + at[i] * stride];
    });
  });
  return record<GatherBackward>(y, inputs(x), index, dim);
}

Tensor scatter_add(const Tensor& x, std::int64_t dim, const Tensor& index_in, const Tensor& src) {
  dim = wrap_dim(dim, x.dim());
  check_smaller(index_in, x, dim, &src);
  HEED_CHECK(src.dtype() == x.dtype(), "scatter(): Expected self.dtype to be equal to src.dtype (",
             dtype_name(x.dtype()), " and ", dtype_name(src.dtype()), ")");
  const Tensor index = detail::plain_contiguous(index_in);
  check_index(index, dim, size_along(x, dim));
  const Tensor y = detail::make_tensor(x.sizes(), x.dtype());
  detail::copy_values(y, x);
  if (index.numel() > 0) add_at(y, dim, index, src);
  return record<ScatterAddBackward>(y, inputs(x, src), index, dim);
}

}  // namespace heed
