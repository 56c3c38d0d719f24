// Sums, means and products.
#include "core/ops/reduce.h"

#include <algorithm>
#include <cstdint>
#include <limits>

#include "core/factory.h"
#include "core/ops/common.h"

namespace heed {

using namespace detail;
using simd::ReduceOp;

namespace {

// The sum or product of integers and truth values is an int64.
Tensor reduce_whole(const Tensor& x, std::uint32_t mask, bool keepdim, ReduceOp op) {
  const ReducePlan plan = detail::plan_reduction(to(x, int64), mask, keepdim);
  const Tensor y = detail::make_tensor(plan.sizes, int64);
  const auto* from = plan.x.data<std::int64_t>();
  // Unsigned inside: an overflow wraps, as PyTorch's does.
  if (op == ReduceOp::Sum) {
    detail::fold(y.data<std::int64_t>(), from, plan, std::int64_t{0}, [](auto a, auto b) {
      return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) +
                                       static_cast<std::uint64_t>(b));
    });
  } else {
    detail::fold(y.data<std::int64_t>(), from, plan, std::int64_t{1}, [](auto a, auto b) {
      return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) *
                                       static_cast<std::uint64_t>(b));
    });
  }
  return y;
}

template <class T>
void reduce_or_fill(const ReducePlan& plan, ReduceOp op, T* y) {
  if (plan.n > 0) return detail::reduce_floating(op, y, plan);
  std::fill(y, y + plan.count(), op == ReduceOp::Prod ? T{1} : T{0});
}

Tensor reduce(const Tensor& x, std::uint32_t mask, bool keepdim, ReduceOp op) {
  if (!x.is_floating_point()) return reduce_whole(x, mask, keepdim, op);
  const ReducePlan plan = detail::plan_reduction(x, mask, keepdim);
  const Tensor y = detail::make_tensor(plan.sizes, x.dtype());
  if (x.dtype() == float32) {
    reduce_or_fill(plan, op, y.data<float>());
  } else {
    reduce_or_fill(plan, op, y.data<double>());
  }
  return y;
}

// y = sum x;  dx = dy everywhere.
struct SumBackward : Node {
  std::uint32_t mask;
  bool keepdim;
  SumBackward(std::uint32_t mask_, bool keepdim_) : mask(mask_), keepdim(keepdim_) {}
  Grads backward(const Tensor& dy) override {
    const Dims& sizes = edge(0).sizes();
    return expand(detail::restore_dims(dy, sizes, mask, keepdim), sizes);
  }
};
struct SumBackward0 final : SumBackward {
  using SumBackward::SumBackward;
  const char* name() const override { return "SumBackward0"; }
};
struct SumBackward1 final : SumBackward {
  using SumBackward::SumBackward;
  const char* name() const override { return "SumBackward1"; }
};

// y = sum x / n;  dx = dy / n everywhere.
struct MeanBackward : Node {
  std::uint32_t mask;
  bool keepdim;
  MeanBackward(std::uint32_t mask_, bool keepdim_) : mask(mask_), keepdim(keepdim_) {}
  Grads backward(const Tensor& dy) override {
    const Dims& sizes = edge(0).sizes();
    const auto n = static_cast<double>(detail::reduced_count(sizes, mask));
    return expand(detail::restore_dims(dy / n, sizes, mask, keepdim), sizes);
  }
};
struct MeanBackward0 final : MeanBackward {
  using MeanBackward::MeanBackward;
  const char* name() const override { return "MeanBackward0"; }
};
struct MeanBackward1 final : MeanBackward {
  using MeanBackward::MeanBackward;
  const char* name() const override { return "MeanBackward1"; }
};

Tensor mean_of(const Tensor& x, std::uint32_t mask, bool keepdim) {
  HEED_CHECK(x.is_floating_point(),
             "mean(): could not infer output dtype. Input dtype must be either a floating point or "
             "complex dtype. Got: ",
             scalar_type_name(x.dtype()));
  const Tensor y = reduce(x, mask, keepdim, ReduceOp::Sum);
  const std::int64_t n = detail::reduced_count(x.sizes(), mask);
  detail::dispatch_floating(x.dtype(), "mean", [&]<class T>() {
    T* values = y.data<T>();
    for (std::int64_t i = 0; i < y.numel(); ++i) values[i] /= static_cast<T>(n);
  });
  return y;
}

// The products of all the others in each row (rows, n), by products from either side.
template <class T>
void products_of_others(T* out, const T* x, std::int64_t rows, std::int64_t n) {
  for (std::int64_t r = 0; r < rows; ++r, out += n, x += n) {
    T before = 1, behind = 1;
    for (std::int64_t i = 0; i < n; ++i) {
      out[i] = before;
      before *= x[i];
    }
    for (std::int64_t i = n - 1; i >= 0; --i) {
      out[i] *= behind;
      behind *= x[i];
    }
  }
}

// For x (…, n): the product of the others beside each element, also where some are 0. Recorded, it
// is the product along rows of the (n, n) matrix of x with ones on the diagonal.
Tensor prod_of_others(const Tensor& x) {
  const std::int64_t n = x.size(-1);
  if (autograd::recording(x)) {
    Dims square = x.sizes();
    square.push_back(n);
    const Tensor diagonal = eye(n, {.dtype = boolean});
    return prod(masked_fill(expand(unsqueeze(x, -2), square), diagonal, 1), -1);
  }
  const Tensor from = detail::plain_contiguous(x);
  Tensor out = detail::make_tensor(x.sizes(), x.dtype());
  detail::dispatch_floating(x.dtype(), "prod", [&]<class T>() {
    products_of_others(out.data<T>(), from.data<T>(), x.numel() / std::max<std::int64_t>(n, 1), n);
  });
  return out;
}

// y = prod x;  dx = dy y / x, or where x has zeros dy times the product of the others.
struct ProdBackward : Node {
  SavedTensor x;
  SavedOutput y;
  std::optional<std::int64_t> dim;
  bool keepdim;
  ProdBackward(const Tensor& x_, const Tensor& y_, std::optional<std::int64_t> dim_, bool keepdim_)
      : x(this, x_), y(this, y_), dim(dim_), keepdim(keepdim_) {}
  Grads backward(const Tensor& dy) override {
    const Tensor in = x.get();
    if (in.dim() == 0) return dy;
    const std::uint32_t mask = dim ? one_dim_mask(in, *dim) : all_dims_mask(in);
    const Tensor g = detail::restore_dims(dy, in.sizes(), mask, keepdim);
    if (!any(eq(in, 0)).item<bool>()) {
      return g * detail::restore_dims(y.get(), in.sizes(), mask, keepdim) / in;
    }
    if (!dim) return g * reshape(prod_of_others(flatten(in)), in.sizes());
    return g * transpose(prod_of_others(transpose(in, *dim, -1)), *dim, -1);
  }
};
struct ProdBackward0 final : ProdBackward {
  using ProdBackward::ProdBackward;
  const char* name() const override { return "ProdBackward0"; }
};
struct ProdBackward1 final : ProdBackward {
  using ProdBackward::ProdBackward;
  const char* name() const override { return "ProdBackward1"; }
};

Tensor sum_over(const Tensor& x, std::uint32_t mask, bool keepdim) {
  return record<SumBackward1>(reduce(x, mask, keepdim, ReduceOp::Sum), inputs(x), mask, keepdim);
}
Tensor mean_over(const Tensor& x, std::uint32_t mask, bool keepdim) {
  return record<MeanBackward1>(mean_of(x, mask, keepdim), inputs(x), mask, keepdim);
}

}  // namespace

Tensor sum(const Tensor& x) {
  const std::uint32_t mask = all_dims_mask(x);
  return record<SumBackward0>(reduce(x, mask, false, ReduceOp::Sum), inputs(x), mask, false);
}
Tensor sum(const Tensor& x, std::int64_t dim, bool keepdim) {
  return sum_over(x, one_dim_mask(x, dim), keepdim);
}
Tensor sum(const Tensor& x, const Dims& dims, bool keepdim) {
  return sum_over(x, dim_mask(dims, x.dim()), keepdim);
}

Tensor mean(const Tensor& x) {
  const std::uint32_t mask = all_dims_mask(x);
  return record<MeanBackward0>(mean_of(x, mask, false), inputs(x), mask, false);
}
Tensor mean(const Tensor& x, std::int64_t dim, bool keepdim) {
  return mean_over(x, one_dim_mask(x, dim), keepdim);
}
Tensor mean(const Tensor& x, const Dims& dims, bool keepdim) {
  return mean_over(x, dim_mask(dims, x.dim()), keepdim);
}

Tensor prod(const Tensor& x) {
  const Tensor y = reduce(x, all_dims_mask(x), false, ReduceOp::Prod);
  return record<ProdBackward0>(y, inputs(x), x, y, std::optional<std::int64_t>(), false);
}
Tensor prod(const Tensor& x, std::int64_t dim, bool keepdim) {
  const Tensor y = reduce(x, one_dim_mask(x, dim), keepdim, ReduceOp::Prod);
  const std::optional<std::int64_t> along = wrap_dim(dim, x.dim());
  return record<ProdBackward1>(y, inputs(x), x, y, along, keepdim);
}

}  // namespace heed
