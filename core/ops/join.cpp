// cat, stack, repeat and the splits: tensors joined and cut along a dim.
#include "core/factory.h"
#include "core/ops/common.h"
#include "core/ops/inplace.h"

namespace heed {

using namespace detail;

// ---- y = tensors one after another along dim;  each receives its part of dy

struct CatBackward final : Node {
  std::int64_t dim;
  std::vector<std::int64_t> lengths;
  CatBackward(std::int64_t dim_, const std::vector<std::int64_t>& lengths_)
      : dim(dim_), lengths(lengths_) {}
  const char* name() const override { return "CatBackward0"; }
  Grads backward(const Tensor& dy) override {
    std::vector<Tensor> grads(lengths.size());
    std::int64_t start = 0;
    for (std::size_t i = 0; i < lengths.size(); ++i) {
      if (needs(static_cast<int>(i))) grads[i] = slice(dy, dim, start, start + lengths[i]);
      start += lengths[i];
    }
    return grads;
  }
};

namespace {

// An old rule that PyTorch keeps: a 1-D tensor of size 0 joins anything.
bool is_skipped(const Tensor& x) { return x.dim() == 1 && x.numel() == 0; }

}  // namespace

Tensor cat(const std::vector<Tensor>& given, std::int64_t dim) {
  HEED_CHECK(!given.empty(), "torch.cat(): expected a non-empty list of Tensors");
  std::vector<Tensor> tensors;
  DType type = given[0].dtype();
  for (std::size_t i = 0; i < given.size(); ++i) {
    HEED_CHECK(given[i].dim() > 0, "zero-dimensional tensor (at position ", i,
               ") cannot be concatenated");
    type = promote(type, given[i].dtype());
    if (!is_skipped(given[i])) tensors.push_back(given[i]);
  }
  if (tensors.empty()) return zeros({0}, {.dtype = type});
  const std::int64_t ndim = tensors[0].dim();
  dim = wrap_dim(dim, ndim);
  Dims sizes = tensors[0].sizes();
  sizes[dim] = 0;
  std::vector<std::int64_t> lengths;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    Tensor& x = tensors[i];
    HEED_CHECK(x.dim() == ndim, "Tensors must have same number of dimensions: got ", ndim, " and ",
               x.dim());
    for (std::int64_t d = 0; d < ndim; ++d) {
      HEED_CHECK(d == dim || x.sizes()[d] == sizes[d],
                 "Sizes of tensors must match except in dimension ", dim, ". Expected size ",
                 sizes[d], " but got size ", x.sizes()[d], " for tensor number ", i,
                 " in the list.");
    }
    x = as_type(x, type);
    lengths.push_back(x.sizes()[dim]);
    sizes[dim] += lengths.back();
  }
  Tensor y = make_tensor(sizes, type);
  std::int64_t start = 0;
  for (const Tensor& x : tensors) {
    Dims part = sizes;
    part[dim] = x.sizes()[dim];
    copy_values(make_alias(y, part, y.strides(), start * y.strides()[dim]), x);
    start += part[dim];
  }
  return record<CatBackward>(std::move(y), tensors, dim, lengths);
}

// ---- y = tensors side by side along a new dim;  each receives its row of dy

struct StackBackward final : Node {
  std::int64_t dim;
  explicit StackBackward(std::int64_t dim_) : dim(dim_) {}
  const char* name() const override { return "StackBackward0"; }
  Grads backward(const Tensor& dy) override {
    std::vector<Tensor> grads(static_cast<std::size_t>(num_edges()));
    for (int i = 0; i < num_edges(); ++i) {
      if (needs(i)) grads[static_cast<std::size_t>(i)] = select(dy, dim, i);
    }
    return grads;
  }
};

Tensor stack(const std::vector<Tensor>& tensors, std::int64_t dim) {
  HEED_CHECK(!tensors.empty(), "stack expects a non-empty TensorList");
  dim = wrap_dim(dim, tensors[0].dim() + 1);
  std::vector<Tensor> rows;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    HEED_CHECK(tensors[i].sizes() == tensors[0].sizes(),
               "stack expects each tensor to be equal size, but got ", tensors[0].sizes(),
               " at entry 0 and ", tensors[i].sizes(), " at entry ", i);
    rows.push_back(unsqueeze(tensors[i].detach(), dim));
  }
  return record<StackBackward>(cat(rows, dim), tensors, dim);
}

// ---- y = x repeated: each dim read as (r, s), expanded along r;  dx = dy summed over each r

struct RepeatBackward final : Node {
  Dims sizes, repeats;  // of x
  RepeatBackward(const Dims& sizes_, const Dims& repeats_) : sizes(sizes_), repeats(repeats_) {}
  const char* name() const override { return "RepeatBackward0"; }
  Grads backward(const Tensor& dy) override {
    const std::int64_t extra = repeats.size() - sizes.size();
    Tensor dx = dy;
    for (std::int64_t d = 0; d < repeats.size(); ++d) {
      if (repeats[d] == 1) continue;
      Dims after = dx.sizes();
      after[d] = d < extra ? 1 : sizes[d - extra];
      std::int64_t rows = 1, rest = after[d];
      for (std::int64_t i = 0; i < d; ++i) rows *= after[i];
      for (std::int64_t i = d + 1; i < after.size(); ++i) rest *= after[i];
      dx = reshape(sum(reshape(dx, {rows, repeats[d], rest}), 1), after);
    }
    return reshape(dx, sizes);
  }
};

Tensor repeat(const Tensor& x_, const Dims& repeats) {
  const Tensor x = x_.detach();
  const std::int64_t extra = repeats.size() - x.dim();
  HEED_CHECK(extra >= 0,
             "Number of dimensions of repeat dims can not be smaller than number of "
             "dimensions of tensor: repeats ",
             repeats, ", size ", x.sizes());
  Dims target;
  for (std::int64_t d = 0; d < repeats.size(); ++d) {
    HEED_CHECK(repeats[d] >= 0, "Trying to create tensor with negative dimension ", repeats[d],
               ": repeats ", repeats);
    target.push_back(checked_numel({repeats[d], d < extra ? 1 : x.sizes()[d - extra]}));
  }
  checked_numel(target);
  Tensor y = x;
  for (std::int64_t d = 0; d < extra; ++d) y = unsqueeze(y, 0);
  // One dim at a time, the last first: cat of the same tensor stays within the dims limit.
  for (std::int64_t d = repeats.size() - 1; d >= 0; --d) {
    if (repeats[d] == 1) continue;
    Dims sizes = y.sizes();
    const std::int64_t size = sizes[d];
    // (…, size, …) → (rows, 1, rest) → (rows, r, rest) → (…, r·size, …)
    std::int64_t rows = 1, rest = 1;
    for (std::int64_t i = 0; i < d; ++i) rows *= sizes[i];
    for (std::int64_t i = d; i < sizes.size(); ++i) rest *= sizes[i];
    sizes[d] = repeats[d] * size;
    y = reshape(expand(reshape(y, {rows, 1, rest}), {rows, repeats[d], rest}), sizes);
  }
  if (!y.is_contiguous() || y.impl()->storage.get() == x.impl()->storage.get()) y = clone(y);
  return record<RepeatBackward>(std::move(y), inputs(x_), x.sizes(), repeats);
}

// ---- Splits: views, one a part

std::vector<Tensor> split(const Tensor& x, const std::vector<std::int64_t>& sizes,
                          std::int64_t dim) {
  HEED_CHECK(x.dim() > 0, "split expects at least a 1-dimensional tensor");
  dim = wrap_dim(dim, x.dim());
  std::int64_t total = 0;
  for (const std::int64_t size : sizes) {
    HEED_CHECK(size >= 0,
               "split_with_sizes expects split_sizes have only non-negative entries, but "
               "got ",
               size);
    total += size;
  }
  HEED_CHECK(total == x.sizes()[dim], "split_with_sizes expects split_sizes to sum exactly to ",
             x.sizes()[dim], " (input tensor's size at dimension ", dim, "), but they sum to ",
             total);
  std::vector<Tensor> parts;
  std::int64_t start = 0;
  for (const std::int64_t size : sizes) {
    parts.push_back(slice(x, dim, start, start + size));
    start += size;
  }
  return parts;
}

std::vector<Tensor> split(const Tensor& x, std::int64_t size, std::int64_t dim) {
  HEED_CHECK(x.dim() > 0, "split expects at least a 1-dimensional tensor");
  HEED_CHECK(size >= 0, "split expects split_size be non-negative, but got split_size=", size);
  dim = wrap_dim(dim, x.dim());
  const std::int64_t extent = x.sizes()[dim];
  HEED_CHECK(size > 0 || extent == 0,
             "split_size can only be 0 if dimension size is 0, but got "
             "dimension size of ",
             extent);
  const std::int64_t count = size == 0 ? 1 : std::max<std::int64_t>(1, (extent + size - 1) / size);
  std::vector<Tensor> parts;
  for (std::int64_t i = 0; i < count; ++i) {
    parts.push_back(slice(x, dim, i * size, std::min(extent, (i + 1) * size)));
  }
  return parts;
}

std::vector<Tensor> chunk(const Tensor& x, std::int64_t chunks, std::int64_t dim) {
  HEED_CHECK(x.dim() > 0, "chunk expects at least a 1-dimensional tensor");
  HEED_CHECK(chunks > 0, "chunk expects `chunks` to be greater than 0, got: ", chunks);
  const std::int64_t extent = x.size(dim);
  const std::int64_t size = (extent + chunks - 1) / chunks;
  if (size == 0) {
    return split(x, std::vector<std::int64_t>(static_cast<std::size_t>(chunks), 0), dim);
  }
  return split(x, size, dim);
}

}  // namespace heed
