#include "core/ops/take.h"

#include <algorithm>
#include <cstring>

#include "core/ops/common.h"
#include "core/ops/reduce.h"
#include "core/parallel.h"

namespace heed::detail {

namespace {

constexpr std::int64_t kGrain = 32768;

template <class T>
void take_values(T* y, const T* x, const std::int64_t* places, std::int64_t n_places,
                 const TakeGeometry& g) {
  const std::int64_t rows = g.outer * n_places;
  parallel_for(0, rows, std::max<std::int64_t>(1, kGrain / std::max<std::int64_t>(g.inner, 1)),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t r = begin; r < end; ++r) {
                   const std::int64_t o = r / n_places, place = places[r % n_places];
                   const T* from = x + (o * g.count + place) * g.inner;
                   if (g.inner == 1) {
                     y[r] = *from;
                   } else {
                     std::copy(from, from + g.inner, y + r * g.inner);
                   }
                 }
               });
}

// Split over columns: each element is the work of one thread, which adds in order of places.
template <class T>
void put_values(T* x, const T* y, const std::int64_t* places, std::int64_t n_places,
                const TakeGeometry& g) {
  std::fill(x, x + g.outer * g.count * g.inner, T{});
  constexpr std::int64_t kColumns = 256;
  const auto add_columns = [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t o = 0; o < g.outer; ++o) {
      for (std::int64_t i = 0; i < n_places; ++i) {
        if (places[i] == g.ignored) continue;
        const T* from = y + (o * n_places + i) * g.inner;
        T* to = x + (o * g.count + places[i]) * g.inner;
        for (std::int64_t a = begin; a < end; ++a) to[a] = static_cast<T>(to[a] + from[a]);
      }
    }
  };
  const bool small = g.outer * n_places * g.inner <= kGrain;
  parallel_for(0, g.inner, small ? std::max<std::int64_t>(g.inner, 1) : kColumns, add_columns);
}

struct TakeNode : Node {
  SavedTensor places;
  TakeGeometry geometry;
  TakeNode(const Tensor& places_, const TakeGeometry& geometry_)
      : places(this, places_), geometry(geometry_) {}
  const char* name() const override { return geometry.name; }
};
struct TakeBackward final : TakeNode {
  using TakeNode::TakeNode;
  Grads backward(const Tensor& dy) override { return put(dy, places.get(), geometry); }
};
struct PutBackward final : TakeNode {
  using TakeNode::TakeNode;
  Grads backward(const Tensor& dx) override {
    const Tensor at = places.get();
    const Tensor dy = take(dx, at, geometry);
    if (geometry.ignored < 0) return dy;
    // Ignored places took nothing from y.
    Dims mask_sizes = Dims::filled(dy.dim(), 1);
    for (std::int64_t d = 0; d + 1 < dy.dim(); ++d) mask_sizes[d] = dy.sizes()[d];
    return masked_fill(dy, reshape(eq(at, geometry.ignored), mask_sizes), 0);
  }
};

}  // namespace

Tensor take(const Tensor& x, const Tensor& places, const TakeGeometry& geometry) {
  const Tensor from = plain_contiguous(x);
  const Tensor y = make_tensor(geometry.y_sizes, x.dtype());
  if (y.numel() > 0) {
    dispatch(x.dtype(), [&]<class T>() {
      take_values(y.data<T>(), from.data<T>(), places.data<std::int64_t>(), places.numel(),
                  geometry);
    });
  }
  return record<TakeBackward>(y, inputs(x), places, geometry);
}

Tensor put(const Tensor& y, const Tensor& places, const TakeGeometry& geometry) {
  const Tensor from = plain_contiguous(y);
  const Tensor x = make_tensor(geometry.x_sizes, y.dtype());
  dispatch(y.dtype(), [&]<class T>() {
    put_values(x.data<T>(), from.data<T>(), places.data<std::int64_t>(), places.numel(), geometry);
  });
  return record<PutBackward>(x, inputs(y), places, geometry);
}

Tensor checked_places(const Tensor& index, std::int64_t dim, std::int64_t size) {
  const Tensor from = plain_contiguous(index);
  const Tensor places = make_tensor({index.numel()}, DType::Int64);
  const auto* in = from.data<std::int64_t>();
  auto* out = places.data<std::int64_t>();
  for (std::int64_t i = 0; i < index.numel(); ++i) {
    HEED_CHECK(-size <= in[i] && in[i] < size, "index ", in[i], " is out of bounds for dimension ",
               dim, " with size ", size);
    out[i] = in[i] < 0 ? in[i] + size : in[i];
  }
  return places;
}

}  // namespace heed::detail
