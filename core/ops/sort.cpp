// Orders along a dim: sort, argsort and the k largest.
#include <algorithm>
#include <numeric>
#include <vector>

#include "core/autograd/node.h"
#include "core/factory.h"
#include "core/ops/dispatch.h"
#include "core/ops/ops.h"
#include "core/ops/reduce.h"

namespace heed {

using autograd::Grads;
using autograd::inputs;
using autograd::Node;
using autograd::record;
using autograd::SavedTensor;

namespace {

// Ascending with NaN last.
template <class T>
bool before(T a, T b) {
  return a < b || (b != b && a == a);
}

// The first k places of each row in order; the rows lie along dim of sizes.
template <class T>
void order_rows(const Tensor& x, std::int64_t dim, std::int64_t k, bool descending,
                const Tensor& values, const Tensor& indices) {
  const Tensor from = detail::plain_contiguous(x);
  const std::int64_t n = x.dim() == 0 ? 1 : x.sizes()[dim];
  std::int64_t inner = 1;
  for (std::int64_t d = dim + 1; d < x.dim(); ++d) inner *= x.sizes()[d];
  const std::int64_t rows = n == 0 ? 0 : x.numel() / n;
  std::vector<std::int64_t> order(static_cast<std::size_t>(n));
  for (std::int64_t r = 0; r < rows; ++r) {
    const T* row = from.data<T>() + (r / inner) * n * inner + r % inner;
    const std::int64_t out = (r / inner) * k * inner + r % inner;
    std::iota(order.begin(), order.end(), 0);
    // Ties by index: the order is stable, also where only a part is sorted.
    const auto comes_first = [&](std::int64_t i, std::int64_t j) {
      const T a = row[i * inner], b = row[j * inner];
      if (descending ? before(b, a) : before(a, b)) return true;
      if (descending ? before(a, b) : before(b, a)) return false;
      return i < j;
    };
    if (k < n) {
      std::partial_sort(order.begin(), order.begin() + k, order.end(), comes_first);
    } else {
      std::sort(order.begin(), order.end(), comes_first);
    }
    for (std::int64_t i = 0; i < k; ++i) {
      const std::int64_t at = order[static_cast<std::size_t>(i)];
      values.data<T>()[out + i * inner] = row[at * inner];
      indices.data<std::int64_t>()[out + i * inner] = at;
    }
  }
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
