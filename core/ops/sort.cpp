// Orders along a dim: sort, argsort and the k largest.
#include <algorithm>
#include <vector>

#include "core/factory.h"
#include "core/ops/common.h"
#include "core/ops/reduce.h"
#include "core/parallel.h"

namespace heed {

using namespace detail;

namespace {

// An element and the place it comes from: sorted side by side, so that a comparison does not leave
// the cache.
template <class T>
struct Placed {
  T value;
  std::int64_t place;
};

// Ties by place: the order is stable, also where only a part is sorted.
template <bool kDescending, class T>
bool comes_first(const Placed<T>& a, const Placed<T>& b) {
  if (a.value != b.value) return kDescending ? a.value > b.value : a.value < b.value;
  return a.place < b.place;
}

// Brings the first k of n in order to the front.
template <bool kDescending, class T>
void order_row(Placed<T>* row, std::int64_t n, std::int64_t k) {
  // NaN is the largest, and among NaNs the order is that of their places.
  Placed<T>* const end = row + n;
  const auto is_nan = [](const Placed<T>& x) { return x.value != x.value; };
  const auto is_number = [](const Placed<T>& x) { return x.value == x.value; };
  Placed<T>* first = row;
  Placed<T>* last = end;
  if (std::any_of(row, end, is_nan)) {
    if (kDescending) {
      first = std::stable_partition(row, end, is_nan);
    } else {
      last = std::stable_partition(row, end, is_number);
    }
  }
  Placed<T>* const needed = row + k;
  if (needed < last && needed > first) {
    std::nth_element(first, needed, last, comes_first<kDescending, T>);
    last = needed;
  }
  if (needed > first) std::sort(first, last, comes_first<kDescending, T>);
}

// The first k places of each row along dim.
template <class T>
void order_rows(const Tensor& x, std::int64_t dim, std::int64_t k, bool descending,
                const Tensor& values, const Tensor& indices) {
  const Tensor from = detail::plain_contiguous(x);
  const std::int64_t n = x.dim() == 0 ? 1 : x.sizes()[dim];
  std::int64_t inner = 1;
  for (std::int64_t d = dim + 1; d < x.dim(); ++d) inner *= x.sizes()[d];
  const std::int64_t rows = n == 0 ? 0 : x.numel() / n;
  const T* in = from.data<T>();
  parallel_for(0, rows, std::max<std::int64_t>(1, 1024 / std::max<std::int64_t>(n, 1)),
               [&](std::int64_t begin, std::int64_t end) {
                 std::vector<Placed<T>> row(static_cast<std::size_t>(n));
                 for (std::int64_t r = begin; r < end; ++r) {
                   const std::int64_t start = r / inner * n * inner + r % inner;
                   for (std::int64_t i = 0; i < n; ++i) {
                     row[static_cast<std::size_t>(i)] = {in[start + i * inner], i};
                   }
                   if (descending) {
                     order_row<true>(row.data(), n, k);
                   } else {
                     order_row<false>(row.data(), n, k);
                   }
                   const std::int64_t out = r / inner * k * inner + r % inner;
                   for (std::int64_t i = 0; i < k; ++i) {
                     const Placed<T>& one = row[static_cast<std::size_t>(i)];
                     values.data<T>()[out + i * inner] = one.value;
                     indices.data<std::int64_t>()[out + i * inner] = one.place;
                   }
                 }
               });
}

// y = x[indices];  dx[indices] = dy
struct OrderBackward : Node {
  SavedTensor indices;
  std::int64_t dim;
  OrderBackward(const Tensor& indices_, std::int64_t dim_) : indices(this, indices_), dim(dim_) {}
  Grads backward(const Tensor& dy) override {
    if (dy.dim() == 0) return dy;
    return scatter_add(zeros(edge(0).sizes(), {.dtype = edge(0).dtype()}), dim, indices.get(), dy);
  }
  std::string detail() const override { return "dim=" + std::to_string(dim); }
};
struct SortBackward0 final : OrderBackward {
  using OrderBackward::OrderBackward;
  const char* name() const override { return "SortBackward0"; }
};
struct TopkBackward0 final : OrderBackward {
  using OrderBackward::OrderBackward;
  const char* name() const override { return "TopkBackward0"; }
};

template <class Backward>
ValuesIndices order(const Tensor& x, std::int64_t dim, std::int64_t k, bool descending) {
  Dims sizes = x.sizes();
  if (x.dim() > 0) sizes[dim] = k;
  const Tensor values = detail::make_tensor(sizes, x.dtype());
  const Tensor indices = detail::make_tensor(sizes, int64);
  detail::dispatch(x.dtype(),
                   [&]<class T>() { order_rows<T>(x, dim, k, descending, values, indices); });
  return {record<Backward>(values, inputs(x), indices, dim), indices};
}

}  // namespace

ValuesIndices sort(const Tensor& x, std::int64_t dim, bool descending) {
  dim = wrap_dim(dim, x.dim());
  return order<SortBackward0>(x, dim, x.dim() == 0 ? 1 : x.sizes()[dim], descending);
}

Tensor argsort(const Tensor& x, std::int64_t dim, bool descending) {
  return sort(x.detach(), dim, descending).indices;
}

ValuesIndices topk(const Tensor& x, std::int64_t k, std::int64_t dim, bool largest, bool) {
  dim = wrap_dim(dim, x.dim());
  const std::int64_t n = x.dim() == 0 ? 1 : x.sizes()[dim];
  HEED_CHECK(k >= 0 && k <= n, "selected index k out of range (k = ", k, ", input of size ",
             x.sizes(), ", dim ", dim, ")");
  return order<TopkBackward0>(x, dim, k, largest);
}

}  // namespace heed
