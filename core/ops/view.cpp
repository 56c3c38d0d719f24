// Views: the same bytes under another geometry. Nothing is copied; each gradient is the inverse
// view.
#include "core/ops/view.h"

#include "core/factory.h"
#include "core/ops/common.h"
#include "core/ops/inplace.h"

namespace heed {

using namespace detail;

namespace detail {

Tensor make_view(const Tensor& x, const Dims& sizes, const Dims& strides, std::int64_t offset) {
  Tensor y = make_alias(x, sizes, strides, offset);
  const TensorImpl& from = *x.impl();
  y.impl()->base = from.base ? from.base : x.ref();
  y.impl()->history = y.impl()->base->history;
  return y;
}

Dims infer_sizes(const Dims& sizes, std::int64_t numel) {
  Dims out = sizes;
  std::int64_t known = 1, unknown = -1;
  const auto invalid = [&] { fail("shape '", sizes, "' is invalid for input of size ", numel); };
  for (std::int64_t d = 0; d < sizes.size(); ++d) {
    if (sizes[d] == -1) {
      HEED_CHECK(unknown < 0, "only one dimension can be inferred (shape ", sizes, ")");
      unknown = d;
    } else {
      HEED_CHECK(sizes[d] >= 0, "invalid shape dimension ", sizes[d], " (shape ", sizes, ")");
      if (__builtin_mul_overflow(known, sizes[d], &known)) invalid();
    }
  }
  if (unknown >= 0) {
    HEED_CHECK(known != 0 || numel != 0, "cannot reshape tensor of 0 elements into shape ", sizes,
               " because the unspecified dimension size -1 can be any value and is ambiguous");
    if (known == 0 || numel % known != 0) invalid();
    out[unknown] = numel / known;
  } else if (known != numel) {
    invalid();
  }
  return out;
}

// From the last dim to the first: dims that are adjacent in memory form a chunk, and the new dims
// must cut each chunk exactly.
std::optional<Dims> view_strides(const Dims& sizes, const Dims& strides, const Dims& to) {
  if (is_contiguous(sizes, strides)) return contiguous_strides(to);
  Dims out = to;
  std::int64_t d = to.size() - 1;
  std::int64_t chunk = 1, chunk_stride = strides.empty() ? 1 : strides.back(), covered = 1;
  for (std::int64_t s = sizes.size() - 1; s >= 0; --s) {
    chunk *= sizes[s];
    const bool ends = s == 0 || (sizes[s - 1] != 1 && strides[s - 1] != chunk * chunk_stride);
    if (!ends) continue;
    while (d >= 0 && (covered < chunk || to[d] == 1)) {
      out[d] = covered * chunk_stride;
      covered *= to[d];
      --d;
    }
    if (covered != chunk) return std::nullopt;
    if (s > 0) {
      chunk_stride = strides[s - 1];
      chunk = covered = 1;
    }
  }
  if (d != -1) return std::nullopt;
  return out;
}

}  // namespace detail

namespace {

// Views that only rename the dims: the gradient is read in the old shape.
struct ReshapeBackward final : Node {
  Dims sizes;
  const char* label;
  ReshapeBackward(const Dims& sizes_, const char* label_) : sizes(sizes_), label(label_) {}
  const char* name() const override { return label; }
  Grads backward(const Tensor& dy) override { return reshape(dy, sizes); }
};

Tensor reshape_view(const Tensor& x, const Dims& sizes, const Dims& strides, const char* label) {
  return record<ReshapeBackward>(make_view(x, sizes, strides, x.storage_offset()), inputs(x),
                                 x.sizes(), label);
}

}  // namespace

// ---- view, reshape and their kin

Tensor view(const Tensor& x, const Dims& sizes_) {
  const Dims sizes = infer_sizes(sizes_, x.numel());
  const std::optional<Dims> strides = view_strides(x.sizes(), x.strides(), sizes);
  HEED_CHECK(strides,
             "view size is not compatible with input tensor's size and stride (at least one "
             "dimension spans across two contiguous subspaces). Use .reshape(...) instead. (size ",
             x.sizes(), ", stride ", x.strides(), ", wanted ", sizes, ")");
  return reshape_view(x, sizes, *strides, "ViewBackward0");
}

Tensor reshape(const Tensor& x, const Dims& sizes_) {
  const Dims sizes = infer_sizes(sizes_, x.numel());
  if (const auto strides = view_strides(x.sizes(), x.strides(), sizes)) {
    return reshape_view(x, sizes, *strides, "ReshapeAliasBackward0");
  }
  const Tensor copy = clone(x);
  return reshape_view(copy, sizes, contiguous_strides(sizes), "UnsafeViewBackward0");
}

Tensor flatten(const Tensor& x, std::int64_t start_dim, std::int64_t end_dim) {
  const std::int64_t start = wrap_dim(start_dim, x.dim()), end = wrap_dim(end_dim, x.dim());
  HEED_CHECK(start <= end, "flatten() has invalid args: start_dim cannot come after end_dim");
  if (x.dim() == 0) return reshape(x, {1});
  if (start == end) return x;
  Dims sizes;
  for (std::int64_t d = 0; d < x.dim(); ++d) {
    if (d > start && d <= end) {
      sizes.back() *= x.sizes()[d];
    } else {
      sizes.push_back(x.sizes()[d]);
    }
  }
  return reshape(x, sizes);
}

Tensor unflatten(const Tensor& x, std::int64_t dim, const Dims& sizes) {
  dim = wrap_dim(dim, x.dim());
  HEED_CHECK(!sizes.empty(), "unflatten: sizes must be non-empty");
  Dims part;
  try {
    part = infer_sizes(sizes, x.size(dim));
  } catch (const Error&) {
    fail("unflatten: Provided sizes ", sizes, " don't multiply up to the size of dim ", dim, " (",
         x.size(dim), ") in the input tensor");
  }
  Dims whole;
  for (std::int64_t d = 0; d < x.dim(); ++d) {
    if (d != dim) {
      whole.push_back(x.sizes()[d]);
    } else {
      for (const std::int64_t size : part) whole.push_back(size);
    }
  }
  return view(x, whole);
}

Tensor unsqueeze(const Tensor& x, std::int64_t dim) {
  dim = wrap_dim(dim, x.dim() + 1);
  Dims sizes = x.sizes(), strides = x.strides();
  const std::int64_t stride = dim < x.dim() ? sizes[dim] * strides[dim] : 1;
  sizes.insert(dim, 1);
  strides.insert(dim, stride);
  return reshape_view(x, sizes, strides, "UnsqueezeBackward0");
}

Tensor squeeze(const Tensor& x) {
  Dims sizes, strides;
  for (std::int64_t d = 0; d < x.dim(); ++d) {
    if (x.sizes()[d] == 1) continue;
    sizes.push_back(x.sizes()[d]);
    strides.push_back(x.strides()[d]);
  }
  return reshape_view(x, sizes, strides, "SqueezeBackward0");
}

Tensor squeeze(const Tensor& x, std::int64_t dim) {
  dim = wrap_dim(dim, x.dim());
  Dims sizes = x.sizes(), strides = x.strides();
  if (x.dim() > 0 && sizes[dim] == 1) {
    sizes.erase(dim);
    strides.erase(dim);
  }
  return reshape_view(x, sizes, strides, "SqueezeBackward1");
}

// ---- y = dims of x in another order;  dx = dy in the inverse order

struct PermuteBackward final : Node {
  Dims inverse;
  const char* label;
  PermuteBackward(const Dims& inverse_, const char* label_) : inverse(inverse_), label(label_) {}
  const char* name() const override { return label; }
  Grads backward(const Tensor& dy) override { return permute(dy, inverse); }
};

namespace {

Tensor permute_view(const Tensor& x, const Dims& order, const char* label) {
  Dims sizes = order, strides = order, inverse = order;
  for (std::int64_t d = 0; d < order.size(); ++d) {
    sizes[d] = x.sizes()[order[d]];
    strides[d] = x.strides()[order[d]];
    inverse[order[d]] = d;
  }
  return record<PermuteBackward>(make_view(x, sizes, strides, x.storage_offset()), inputs(x),
                                 inverse, label);
}

Dims identity_order(std::int64_t ndim) {
  Dims order;
  for (std::int64_t d = 0; d < ndim; ++d) order.push_back(d);
  return order;
}

}  // namespace

Tensor permute(const Tensor& x, const Dims& dims) {
  HEED_CHECK(dims.size() == x.dim(),
             "permute(sparse_coo): number of dimensions in the tensor input "
             "does not match the length of the desired ordering of dimensions i.e. input.dim() = ",
             x.dim(), " is not equal to len(dims) = ", dims.size());
  Dims order = dims;
  for (std::int64_t& d : order) d = wrap_dim(d, x.dim());
  if (x.dim() > 0) dim_mask(order, x.dim());
  return permute_view(x, order, "PermuteBackward0");
}

Tensor transpose(const Tensor& x, std::int64_t a, std::int64_t b) {
  a = wrap_dim(a, x.dim());
  b = wrap_dim(b, x.dim());
  Dims order = identity_order(x.dim());
  if (x.dim() > 0) std::swap(order[a], order[b]);
  return permute_view(x, order, "TransposeBackward0");
}

Tensor t(const Tensor& x) {
  HEED_CHECK(x.dim() <= 2, "t() expects a tensor with <= 2 dimensions, but self is ", x.dim(),
             "D (size ", x.sizes(), ")");
  Dims order = identity_order(x.dim());
  if (x.dim() == 2) std::swap(order[0], order[1]);
  return permute_view(x, order, "TBackward0");
}

Tensor Tensor::T() const {
  Dims order = identity_order(dim());
  std::reverse(order.begin(), order.end());
  return permute_view(*this, order, "PermuteBackward0");
}

Tensor Tensor::mT() const {
  HEED_CHECK(dim() >= 2, "tensor.mT is only supported on matrices or batches of matrices. Got ",
             dim(), "-D tensor of size ", sizes());
  return transpose(-2, -1);
}

Tensor movedim(const Tensor& x, std::int64_t source, std::int64_t destination) {
  return movedim(x, Dims{source}, Dims{destination});
}

Tensor movedim(const Tensor& x, const Dims& source, const Dims& destination) {
  HEED_CHECK(source.size() == destination.size(),
             "movedim: Invalid source or destination dims: source (", source,
             " dims) should contain the same number of dims as destination (", destination,
             " dims)");
  Dims from = source, order = Dims::filled(x.dim(), -1);
  Dims moved;
  for (std::int64_t i = 0; i < source.size(); ++i) {
    from[i] = wrap_dim(source[i], x.dim());
    const std::int64_t to = wrap_dim(destination[i], x.dim());
    HEED_CHECK(!moved.contains(from[i]), "movedim: repeated dim in `source` (", source, ")");
    moved.push_back(from[i]);
    if (x.dim() == 0) continue;
    HEED_CHECK(order[to] < 0, "movedim: repeated dim in `destination` (", destination, ")");
    order[to] = from[i];
  }
  if (x.dim() == 0) return x;
  std::int64_t next = 0;
  for (std::int64_t& dim : order) {
    if (dim >= 0) continue;
    while (moved.contains(next)) ++next;
    dim = next++;
  }
  return permute_view(x, order, "PermuteBackward0");
}

// ---- y = x repeated along dims without a copy;  dx = dy summed (by the engine)

struct ExpandBackward final : Node {
  const char* name() const override { return "ExpandBackward0"; }
  Grads backward(const Tensor& dy) override { return dy; }
};

Tensor expand(const Tensor& x, const Dims& sizes_) {
  Dims sizes = sizes_;
  const std::int64_t extra = sizes.size() - x.dim();
  HEED_CHECK(extra >= 0, "expand(size ", sizes_, ", input of size ", x.sizes(),
             "): the number of sizes provided (", sizes.size(),
             ") must be greater or equal to the number of dimensions in the tensor (", x.dim(),
             ")");
  for (std::int64_t d = 0; d < sizes.size(); ++d) {
    if (sizes[d] == -1) {
      HEED_CHECK(d >= extra,
                 "The expanded size of the tensor (-1) isn't allowed in a leading, "
                 "non-existing dimension ",
                 d);
      sizes[d] = x.sizes()[d - extra];
    } else if (d >= extra) {
      const std::int64_t size = x.sizes()[d - extra];
      HEED_CHECK(size == sizes[d] || size == 1, "The expanded size of the tensor (", sizes[d],
                 ") must match the existing size (", size, ") at non-singleton dimension ", d,
                 ".  Target sizes: ", sizes_, ".  Tensor sizes: ", x.sizes());
    }
  }
  checked_numel(sizes);
  return record<ExpandBackward>(
      make_view(x, sizes, broadcast_strides(x.sizes(), x.strides(), sizes), x.storage_offset()),
      inputs(x));
}

Tensor broadcast_to(const Tensor& x, const Dims& sizes) { return expand(x, sizes); }

}  // namespace heed
