// x[indices…]: NumPy's indexing. Integers, ranges, None and Ellipsis make a view; what index
// tensors remain is one take or put (take.h) on it.
#include <algorithm>
#include <string>
#include <vector>

#include "core/factory.h"
#include "core/ops/common.h"
#include "core/ops/inplace.h"
#include "core/ops/reduce.h"
#include "core/ops/take.h"

namespace heed {

using namespace detail;

namespace {

using Kind = TensorIndex::Kind;

// What is left of x[…] when the views have been taken: index tensors for some dims of the view.
struct Indexing {
  Tensor view;
  std::vector<Tensor> tensors;  // one a dim of the view; undefined: the whole dim

  bool only_views() const {
    return std::none_of(tensors.begin(), tensors.end(),
                        [](const Tensor& t) { return t.defined(); });
  }
};

bool is_mask(const TensorIndex& index) {
  return index.kind == Kind::Tensor && index.tensor.dtype() == DType::Bool;
}
bool is_number(const TensorIndex& index) {
  return index.kind == Kind::Tensor && index.tensor.dtype() == int64 && index.tensor.dim() == 0;
}

// The dims of x that an index uses up.
std::int64_t dims_used(const TensorIndex& index) {
  if (index.kind == Kind::None || index.kind == Kind::Ellipsis) return 0;
  return is_mask(index) ? index.tensor.dim() : 1;
}

std::int64_t dims_of_ellipsis(const Tensor& x, const std::vector<TensorIndex>& indices) {
  std::int64_t used = 0, ellipses = 0;
  for (const TensorIndex& index : indices) {
    used += dims_used(index);
    ellipses += index.kind == Kind::Ellipsis;
  }
  HEED_CHECK(ellipses <= 1, "an index can only have a single ellipsis ('...')");
  HEED_CHECK(used <= x.dim(), "too many indices for tensor of dimension ", x.dim(), " (", used,
             " indices, size ", x.sizes(), ")");
  return x.dim() - used;
}

Tensor select_checked(const Tensor& x, std::int64_t dim, std::int64_t at, std::int64_t x_dim) {
  const std::int64_t size = x.sizes()[dim];
  HEED_CHECK(-size <= at && at < size, "index ", at, " is out of bounds for dimension ", x_dim,
             " with size ", size);
  return select(x, dim, at);
}

// A mask stands for the columns of its nonzero(): one index tensor for each of its dims.
void add_mask(Indexing& out, const Tensor& mask, std::int64_t dim, std::int64_t position,
              std::int64_t x_dim) {
  if (mask.dim() == 0) {
    out.view = unsqueeze(out.view, dim);
    out.tensors.push_back(zeros({mask.item<bool>() ? 1 : 0}, {.dtype = int64}));
    return;
  }
  for (std::int64_t d = 0; d < mask.dim(); ++d) {
    HEED_CHECK(mask.sizes()[d] == out.view.sizes()[dim + d], "The shape of the mask ", mask.sizes(),
               " at index ", d, " does not match the shape of the indexed tensor ",
               out.view.sizes(), " at index ", x_dim + d, " (index number ", position, ")");
  }
  const Tensor places = nonzero(mask);
  for (std::int64_t d = 0; d < mask.dim(); ++d) {
    out.tensors.push_back(contiguous(select(places, 1, d)));
  }
}

Indexing take_views(const Tensor& x, const std::vector<TensorIndex>& indices) {
  const std::int64_t ellipsis = dims_of_ellipsis(x, indices);
  Indexing out{x, {}};
  std::int64_t dim = 0, x_dim = 0;  // the next dim of the view, and of x
  std::int64_t position = 0;
  const auto whole = [&](std::int64_t count) {
    out.tensors.resize(out.tensors.size() + static_cast<std::size_t>(count));
    dim += count;
    x_dim += count;
  };
  for (const TensorIndex& index : indices) {
    switch (index.kind) {
      case Kind::Integer: out.view = select_checked(out.view, dim, index.integer, x_dim++); break;
      case Kind::Slice:
        out.view = slice(out.view, dim, index.slice.start, index.slice.end, index.slice.step);
        whole(1);
        break;
      case Kind::None:
        out.view = unsqueeze(out.view, dim++);
        out.tensors.emplace_back();
        break;
      case Kind::Ellipsis: whole(ellipsis); break;
      case Kind::Tensor:
        if (is_number(index)) {
          out.view = select_checked(out.view, dim, index.tensor.item<std::int64_t>(), x_dim++);
        } else if (is_mask(index)) {
          add_mask(out, index.tensor, dim, position, x_dim);
          dim = static_cast<std::int64_t>(out.tensors.size());
          x_dim += index.tensor.dim();
        } else {
          HEED_CHECK(index.tensor.dtype() == int64,
                     "tensors used as indices must be long, byte or bool tensors (got ",
                     dtype_name(index.tensor.dtype()), ")");
          out.tensors.push_back(index.tensor);
          ++dim;
          ++x_dim;
        }
        break;
    }
    ++position;
  }
  out.tensors.resize(static_cast<std::size_t>(out.view.dim()));
  return out;
}

bool broadcast_together(const Dims& a, const Dims& b) {
  for (std::int64_t i = 1; i <= std::min(a.size(), b.size()); ++i) {
    const std::int64_t x = a[a.size() - i], y = b[b.size() - i];
    if (x != y && x != 1 && y != 1) return false;
  }
  return true;
}

// The shape that index tensors are broadcast to.
Dims common_shape(const std::vector<Tensor>& tensors) {
  Dims shape;
  for (const Tensor& t : tensors) {
    if (!t.defined()) continue;
    if (!broadcast_together(shape, t.sizes())) {
      std::string shapes;
      for (const Tensor& one : tensors) {
        if (one.defined()) shapes += (shapes.empty() ? "" : ", ") + detail::concat(one.sizes());
      }
      detail::fail("shape mismatch: indexing tensors could not be broadcast together with shapes ",
                   shapes);
    }
    shape = broadcast_shapes(shape, t.sizes());
  }
  return shape;
}

// One take: the indexed dims of `x` lie side by side and count as one.
struct Taking {
  Tensor x;
  Tensor places;
  detail::TakeGeometry geometry;
};

Taking to_taking(const Indexing& indexing) {
  std::int64_t first = -1, last = -1;
  const auto ndim = indexing.view.dim();
  const auto indexed = [&](std::int64_t d) {
    return indexing.tensors[static_cast<std::size_t>(d)].defined();
  };
  Dims indexed_dims;
  for (std::int64_t d = 0; d < ndim; ++d) {
    if (!indexed(d)) continue;
    if (first < 0) first = d;
    last = d;
    indexed_dims.push_back(d);
  }
  Taking out{indexing.view, {}, {}};
  if (last - first + 1 != indexed_dims.size()) {  // apart: NumPy puts what they select in front
    Dims to_front = indexed_dims;
    for (std::int64_t d = 0; d < ndim; ++d) {
      if (!indexed(d)) to_front.push_back(d);
    }
    out.x = permute(out.x, to_front);
    first = 0;
  }
  const Dims shape = common_shape(indexing.tensors);
  detail::TakeGeometry& g = out.geometry;
  g.name = "IndexBackward0";
  g.x_sizes = out.x.sizes();
  for (std::int64_t d = 0; d < first; ++d) {
    g.outer *= out.x.sizes()[d];
    g.y_sizes.push_back(out.x.sizes()[d]);
  }
  for (const std::int64_t size : shape) g.y_sizes.push_back(size);
  for (std::int64_t d = first + indexed_dims.size(); d < ndim; ++d) {
    g.inner *= out.x.sizes()[d];
    g.y_sizes.push_back(out.x.sizes()[d]);
  }
  for (const std::int64_t d : indexed_dims) {
    const std::int64_t size = indexing.view.sizes()[d];
    g.count *= size;
    const Tensor& index = indexing.tensors[static_cast<std::size_t>(d)];
    const Tensor places = detail::checked_places(
        detail::make_alias(index, shape, broadcast_strides(index.sizes(), index.strides(), shape),
                           index.storage_offset()),
        d, size);
    if (!out.places.defined()) {
      out.places = places;
      continue;
    }
    auto* at = out.places.data<std::int64_t>();
    const auto* next = places.data<std::int64_t>();
    for (std::int64_t i = 0; i < places.numel(); ++i) at[i] = at[i] * size + next[i];
  }
  return out;
}

template <class T>
void write_rows(T* y, const T* v, const Tensor& places, const detail::TakeGeometry& g) {
  const auto* at = places.data<std::int64_t>();
  const std::int64_t n = places.numel();
  for (std::int64_t o = 0; o < g.outer; ++o) {
    for (std::int64_t i = 0; i < n; ++i) {
      const T* from = v + (o * n + i) * g.inner;
      std::copy(from, from + g.inner, y + (o * g.count + at[i]) * g.inner);
    }
  }
}

// y = x, contiguous, overwritten at places by value (of y_sizes); the last of equal places stays.
Tensor replace(const Tensor& x, const Tensor& value, const Tensor& places,
               const detail::TakeGeometry& geometry);

// dx = dy with zeros at places;  dvalue = dy at places
struct IndexPutBackward final : Node {
  SavedTensor places;
  detail::TakeGeometry geometry;
  IndexPutBackward(const Tensor& places_, const detail::TakeGeometry& geometry_)
      : places(this, places_), geometry(geometry_) {}
  const char* name() const override { return "IndexPutBackward0"; }
  Grads backward(const Tensor& dy) override {
    const Tensor at = places.get();
    Grads grads{Tensor(), Tensor()};
    if (needs(0)) {
      grads[0] = replace(dy, zeros(geometry.y_sizes, {.dtype = dy.dtype()}), at, geometry);
    }
    if (needs(1)) grads[1] = detail::take(dy, at, geometry);
    return grads;
  }
};

void write(const Tensor& y, const Tensor& value, const Tensor& places,
           const detail::TakeGeometry& geometry) {
  const Tensor from = detail::plain_contiguous(value);
  detail::dispatch(y.dtype(),
                   [&]<class T>() { write_rows(y.data<T>(), from.data<T>(), places, geometry); });
}

Tensor replace(const Tensor& x, const Tensor& value, const Tensor& places,
               const detail::TakeGeometry& geometry) {
  const Tensor y = detail::make_tensor(x.sizes(), x.dtype());
  detail::copy_values(y, x);
  write(y, value, places, geometry);
  return record<IndexPutBackward>(y, inputs(x, value), places, geometry);
}

// The value in the type and shape of what it replaces; leading dims of size 1 do not count.
Tensor fitted(Tensor value, const Dims& sizes, DType dtype) {
  const Dims given = value.sizes();
  while (value.dim() > sizes.size() && value.sizes()[0] == 1) value = select(value, 0, 0);
  HEED_CHECK(is_broadcastable_to(value.sizes(), sizes), "shape mismatch: value tensor of shape ",
             given, " cannot be broadcast to indexing result of shape ", sizes);
  if (value.dtype() != dtype) value = to(value, dtype);
  return value.sizes() == sizes ? value : expand(value, sizes);
}

}  // namespace

Tensor index(const Tensor& x, const std::vector<TensorIndex>& indices) {
  const Indexing indexing = take_views(x, indices);
  if (indexing.only_views()) return indexing.view.is(x) ? view(x, x.sizes()) : indexing.view;
  const Taking taking = to_taking(indexing);
  return detail::take(taking.x, taking.places, taking.geometry);
}

void index_put_(const Tensor& x, const std::vector<TensorIndex>& indices, const Tensor& value) {
  const Indexing indexing = take_views(x, indices);
  if (indexing.only_views()) {
    indexing.view.copy_(fitted(value, indexing.view.sizes(), x.dtype()));
    return;
  }
  const Taking taking = to_taking(indexing);
  detail::check_writable(taking.x);
  const Tensor new_rows = fitted(value, taking.geometry.y_sizes, x.dtype());
  if (!autograd::recording(taking.x, new_rows) && taking.x.is_contiguous()) {
    write(taking.x, new_rows, taking.places, taking.geometry);
    detail::bump_version(x);
    return;
  }
  detail::assign(taking.x, replace(taking.x, new_rows, taking.places, taking.geometry));
}

}  // namespace heed
