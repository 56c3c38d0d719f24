// The p-norm of vectors: of the whole tensor or over dims.
#include <algorithm>
#include <cmath>

#include "core/ops/common.h"
#include "core/ops/reduce.h"

namespace heed {

using namespace detail;

namespace {

Tensor euclidean_norm(const Tensor& x, std::uint32_t mask, bool keepdim) {
  const detail::ReducePlan plan = detail::plan_reduction(x, mask, keepdim);
  const Tensor y = detail::make_tensor(plan.sizes, x.dtype());
  detail::dispatch_floating(x.dtype(), "norm", [&]<class T>() {
    T* out = y.data<T>();
    std::fill(out, out + y.numel(), T{0});
    if (plan.n > 0) detail::reduce_floating(simd::ReduceOp::SumSquares, out, plan);
    for (std::int64_t i = 0; i < y.numel(); ++i) out[i] = std::sqrt(out[i]);
  });
  return y;
}

// Without history, from the definitions.
Tensor p_norm(const Tensor& x, double p, std::uint32_t mask, bool keepdim) {
  if (p == 2) return euclidean_norm(x, mask, keepdim);
  const NoGradGuard plain;
  const Dims dims = detail::mask_dims(mask, x.dim());
  const auto total = [&](const Tensor& t) { return dims.empty() ? sum(t) : sum(t, dims, keepdim); };
  const Tensor magnitude = abs(x);
  if (std::isinf(p)) {
    if (dims.empty()) return magnitude;
    return p > 0 ? amax(magnitude, dims, keepdim) : amin(magnitude, dims, keepdim);
  }
  if (p == 0) return total(to(ne(x, 0), x.dtype()));
  if (p == 1) return total(magnitude);
  return pow(total(pow(magnitude, p)), 1 / p);
}

// y = (sum |x|^p)^(1/p);  dx = dy sign(x) |x|^(p-1) / y^(p-1), 0 where y is 0.
// The infinity norm shares dy evenly between the largest |x|.
struct NormBackward final : Node {
  SavedTensor x;
  SavedOutput y;
  double p;
  std::uint32_t mask;
  bool keepdim;
  NormBackward(const Tensor& x_, const Tensor& y_, double p_, std::uint32_t mask_, bool keepdim_)
      : x(this, x_), y(this, y_), p(p_), mask(mask_), keepdim(keepdim_) {}
  const char* name() const override { return "NormBackward1"; }

  Grads backward(const Tensor& dy) override {
    if (p == 0) return Tensor();
    const Tensor in = x.get();
    const Tensor g = detail::restore_dims(dy, in.sizes(), mask, keepdim);
    if (p == 1) return g * sign(in);
    const Tensor norm = detail::restore_dims(y.get(), in.sizes(), mask, keepdim);
    if (p == 2) return g * masked_fill(in / norm, eq(norm, 0), 0);
    if (std::isinf(p)) return g * largest_share(in.detach(), norm.detach());
    if (p < 1) {
      const Tensor slope = masked_fill(pow(abs(in), p - 1), eq(in, 0), 0);
      return sign(in) * slope * g * pow(norm, 1 - p);
    }
    const Tensor scale = masked_fill(g / pow(norm, p - 1), eq(norm, 0), 0);
    if (p < 2) return sign(in) * pow(abs(in), p - 1) * scale;
    return in * pow(abs(in), p - 2) * scale;
  }

  Tensor largest_share(const Tensor& in, const Tensor& norm) const {
    const Tensor largest = logical_or(eq(abs(in), norm), logical_and(isnan(in), isnan(norm)));
    const Tensor equals = to(largest, in.dtype());
    const Tensor count =
        in.dim() == 0 ? equals : sum(equals, detail::mask_dims(mask, in.dim()), true);
    return sign(in) * equals / count;
  }
};

Tensor norm_over(const Tensor& x, double p, std::uint32_t mask, bool keepdim) {
  HEED_CHECK(x.is_floating_point(),
             "norm(): input dtype should be either floating point or complex. Got ",
             scalar_type_name(x.dtype()), " instead.");
  const Tensor y = p_norm(x, p, mask, keepdim);
  return record<NormBackward>(y, inputs(x), x, y, p, mask, keepdim);
}

}  // namespace

Tensor norm(const Tensor& x, double p) { return norm_over(x, p, detail::all_dims_mask(x), false); }
Tensor norm(const Tensor& x, double p, const Dims& dims, bool keepdim) {
  return norm_over(x, p, dim_mask(dims, x.dim()), keepdim);
}

}  // namespace heed
