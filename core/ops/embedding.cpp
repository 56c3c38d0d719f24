// Rows of a table by index, and its relatives: index_select and one_hot.
#include <algorithm>

#include "core/ops/ops.h"
#include "core/ops/reduce.h"
#include "core/ops/take.h"

namespace heed {

namespace {

void check_in_table(const Tensor& places, std::int64_t size) {
  const auto* at = places.data<std::int64_t>();
  for (std::int64_t i = 0; i < places.numel(); ++i) {
    HEED_CHECK(0 <= at[i] && at[i] < size, "index out of range in self (index ", at[i],
               ", but size ", size, ")");
  }
}

}  // namespace

Tensor index_select(const Tensor& x, std::int64_t dim, const Tensor& index) {
  dim = wrap_dim(dim, x.dim());
  HEED_CHECK(index.dim() <= 1, "index_select(): Index is supposed to be a vector (got size ",
             index.sizes(), ")");
  HEED_CHECK(index.dtype() == int64, "index_select(): Expected dtype int64 for index, but got ",
             dtype_name(index.dtype()));
  const Tensor places = detail::plain_contiguous(index);
  const std::int64_t size = x.dim() == 0 ? 1 : x.sizes()[dim];
  check_in_table(places, size);
  detail::TakeGeometry g{
      .count = size, .x_sizes = x.sizes(), .y_sizes = x.sizes(), .name = "IndexSelectBackward0"};
  for (std::int64_t d = 0; d < dim; ++d) g.outer *= x.sizes()[d];
  for (std::int64_t d = dim + 1; d < x.dim(); ++d) g.inner *= x.sizes()[d];
  if (x.dim() > 0) g.y_sizes[dim] = places.numel();
  return detail::take(x, places, g);
}

Tensor embedding(const Tensor& weight, const Tensor& indices,
                 std::optional<std::int64_t> padding_idx) {
  HEED_CHECK(weight.dim() == 2, "'weight' must be 2-D (got size ", weight.sizes(), ")");
  HEED_CHECK(indices.dtype() == int64,
             "Expected tensor for argument #1 'indices' to have scalar type Long; but got ",
             scalar_type_name(indices.dtype()),
             " instead (while checking arguments for embedding)");
  const std::int64_t rows = weight.sizes()[0], width = weight.sizes()[1];
  std::int64_t ignored = -1;
  if (padding_idx) {
    HEED_CHECK(-rows <= *padding_idx && *padding_idx < rows,
               "Padding_idx must be within num_embeddings, but got ", *padding_idx, " for ", rows);
    ignored = *padding_idx < 0 ? *padding_idx + rows : *padding_idx;
  }
  const Tensor places = detail::plain_contiguous(indices);
  check_in_table(places, rows);
  Dims sizes = indices.sizes();
  sizes.push_back(width);
  return detail::take(weight, places,
                      {.count = rows,
                       .inner = width,
                       .x_sizes = weight.sizes(),
                       .y_sizes = sizes,
                       .name = "EmbeddingBackward0",
                       .ignored = ignored});
}

Tensor one_hot(const Tensor& x, std::int64_t num_classes) {
  HEED_CHECK(x.dtype() == int64, "one_hot is only applicable to index tensor. (got ",
             dtype_name(x.dtype()), ")");
  HEED_CHECK(x.numel() > 0 || num_classes > 0,
             "Can not infer total number of classes from empty tensor.");
  const Tensor classes = detail::plain_contiguous(x);
  const auto* at = classes.data<std::int64_t>();
  std::int64_t largest = -1;
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    HEED_CHECK(at[i] >= 0, "Class values must be non-negative. (got ", at[i], ")");
    largest = std::max(largest, at[i]);
  }
  if (num_classes == -1) num_classes = largest + 1;
  HEED_CHECK(num_classes > 0, "num_classes should be positive (got ", num_classes, ")");
  HEED_CHECK(largest < num_classes, "Class values must be smaller than num_classes. (got ", largest,
             " with num_classes ", num_classes, ")");
  Dims sizes = x.sizes();
  sizes.push_back(num_classes);
  const Tensor y = detail::make_tensor(sizes, int64);
  auto* out = y.data<std::int64_t>();
  std::fill(out, out + y.numel(), 0);
  for (std::int64_t i = 0; i < x.numel(); ++i) out[i * num_classes + at[i]] = 1;
  return y;
}

}  // namespace heed
