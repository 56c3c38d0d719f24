// The negative log-likelihood of class indices.
#include "core/ops/nll_loss.h"

#include <algorithm>
#include <limits>

#include "core/ops/common.h"
#include "core/ops/reduce.h"

namespace heed {

using namespace detail;

namespace detail {

std::int64_t class_dim(const Tensor& input) { return input.dim() > 1 ? 1 : 0; }

void check_targets(const Tensor& input, const Tensor& target, const Tensor& weight,
                   std::int64_t ignore_index) {
  HEED_CHECK(input.dim() > 0, "Expected a loss input with classes, but got size []");
  const std::int64_t classes = input.sizes()[class_dim(input)];
  HEED_CHECK(target.dtype() == int64, "expected scalar type Long but found ",
             scalar_type_name(target.dtype()), " (target of size ", target.sizes(), ")");
  if (input.dim() <= 2) {
    HEED_CHECK(target.dim() <= 1,
               "0D or 1D target tensor expected, multi-target not supported "
               "(input of size ",
               input.sizes(), ", target of size ", target.sizes(), ")");
  }
  Dims expected = input.sizes();
  expected.erase(class_dim(input));
  if (target.sizes() != expected) {
    const auto batch = [](const Tensor& t, bool has_batch) {
      return has_batch && t.dim() > 0 ? t.sizes()[0] : 1;
    };
    const std::int64_t n = batch(input, input.dim() > 1), m = batch(target, true);
    HEED_CHECK(n == m, "Expected input batch_size (", n, ") to match target batch_size (", m, ").");
    fail("Expected target size ", expected, ", got ", target.sizes());
  }
  HEED_CHECK(!weight.defined() || (weight.dim() == 1 && weight.numel() == classes),
             "weight tensor should be defined either for all ", classes,
             " classes or no classes but got weight tensor of shape: ", weight.sizes());
  HEED_CHECK(!weight.defined() || weight.dtype() == input.dtype(), "expected scalar type ",
             scalar_type_name(input.dtype()), " but found ", scalar_type_name(weight.dtype()));
  const Tensor at = plain_contiguous(target);
  const auto* t = at.data<std::int64_t>();
  for (std::int64_t i = 0; i < at.numel(); ++i) {
    HEED_CHECK(t[i] == ignore_index || (0 <= t[i] && t[i] < classes), "Target ", t[i],
               " is out of bounds. (", classes, " classes)");
  }
}

Tensor class_rows(const Tensor& input) {
  const std::int64_t classes = input.sizes()[class_dim(input)];
  if (input.dim() == 2) return input;
  if (input.dim() == 1) return unsqueeze(input, 0);
  const std::int64_t rows = classes == 0 ? 0 : input.numel() / classes;
  return reshape(movedim(input, 1, -1), {rows, classes});
}

Tensor flat_targets(const Tensor& target) {
  const Tensor t = plain_contiguous(target);
  return t.dim() == 1 ? t : reshape(t, {t.numel()});
}

}  // namespace detail

namespace {

// What is common to nll_loss and its adjoint: for each row r of (rows, C) its target t and the
// factor -w[t] (0 where ignored), all of them over the sum of weights for a mean.
struct Likelihood {
  Tensor target;   // (rows) int64
  Tensor factors;  // (rows)
  Reduction reduction;
  std::int64_t classes;
  const char* name;  // of nll_loss's backward
};

Tensor pick(const Tensor& x, const Likelihood& nll);
Tensor spread(const Tensor& dy, const Likelihood& nll);

struct LikelihoodNode : Node {
  SavedTensor target, factors;
  Reduction reduction;
  std::int64_t classes;
  const char* base_name;
  explicit LikelihoodNode(const Likelihood& nll)
      : target(this, nll.target),
        factors(this, nll.factors),
        reduction(nll.reduction),
        classes(nll.classes),
        base_name(nll.name) {}
  Likelihood likelihood() const {
    return {target.get(), factors.get(), reduction, classes, base_name};
  }
};

// y_r = f_r x[r][t_r], then perhaps summed;  dx[r][t_r] = f_r dy_r
struct PickBackward final : LikelihoodNode {
  using LikelihoodNode::LikelihoodNode;
  const char* name() const override { return base_name; }
  Grads backward(const Tensor& dy) override { return spread(dy, likelihood()); }
};
struct SpreadBackward final : LikelihoodNode {
  using LikelihoodNode::LikelihoodNode;
  const char* name() const override { return "NllLossBackwardBackward0"; }
  Grads backward(const Tensor& ddx) override { return pick(ddx, likelihood()); }
};

Tensor pick(const Tensor& x, const Likelihood& nll) {
  const Tensor from = detail::plain_contiguous(x);
  const std::int64_t rows = nll.target.numel();
  const bool reduced = nll.reduction != Reduction::None;
  const Tensor y =
      reduced ? detail::make_tensor({}, x.dtype()) : detail::make_tensor({rows}, x.dtype());
  detail::dispatch_floating(x.dtype(), "nll_loss", [&]<class T>() {
    const auto* t = nll.target.data<std::int64_t>();
    const T* f = nll.factors.data<T>();
    const T* in = from.data<T>();
    double total = 0;
    for (std::int64_t r = 0; r < rows; ++r) {
      // An ignored row's target is no class, and its values must not matter, not even as NaN.
      const bool counts = t[r] >= 0 && t[r] < nll.classes && f[r] != T{0};
      const T loss = counts ? f[r] * in[r * nll.classes + t[r]] : T{0};
      if (reduced) {
        total += static_cast<double>(loss);
      } else {
        y.data<T>()[r] = loss;
      }
    }
    if (reduced) *y.data<T>() = static_cast<T>(total);
  });
  return record<PickBackward>(y, inputs(x), nll);
}

Tensor spread(const Tensor& dy, const Likelihood& nll) {
  const Tensor from = detail::plain_contiguous(dy);
  const std::int64_t rows = nll.target.numel();
  const Tensor dx = detail::make_tensor({rows, nll.classes}, dy.dtype());
  const std::int64_t step = nll.reduction == Reduction::None ? 1 : 0;
  detail::dispatch_floating(dy.dtype(), "nll_loss", [&]<class T>() {
    const auto* t = nll.target.data<std::int64_t>();
    const T* f = nll.factors.data<T>();
    T* out = dx.data<T>();
    std::fill(out, out + dx.numel(), T{0});
    for (std::int64_t r = 0; r < rows; ++r) {
      if (t[r] < 0 || t[r] >= nll.classes) continue;
      out[r * nll.classes + t[r]] = f[r] * from.data<T>()[r * step];
    }
  });
  return record<SpreadBackward>(dx, inputs(dy), nll);
}

// The factors -w[t] of rows, and for a mean over their sum. `nothing`: what a mean over no rows is.
Likelihood likelihood_of(const Tensor& input, const Tensor& target, const NllLossOptions& options,
                         bool& empty_mean) {
  const std::int64_t rows = target.numel();
  const std::int64_t classes = input.sizes()[detail::class_dim(input)];
  Likelihood nll{detail::flat_targets(target), detail::make_tensor({rows}, input.dtype()),
                 options.reduction, classes,
                 input.dim() > 2 ? "NllLoss2DBackward0" : "NllLossBackward0"};
  const Tensor w = options.weight.defined() ? detail::plain_contiguous(options.weight) : Tensor();
  detail::dispatch_floating(input.dtype(), "nll_loss", [&]<class T>() {
    const auto* t = nll.target.data<std::int64_t>();
    T* f = nll.factors.data<T>();
    double total = 0;
    for (std::int64_t r = 0; r < rows; ++r) {
      const bool ignored = t[r] == options.ignore_index;
      f[r] = ignored ? T{0} : w.defined() ? w.data<T>()[t[r]] : T{1};
      total += static_cast<double>(f[r]);
      f[r] = -f[r];
    }
    empty_mean = options.reduction == Reduction::Mean && total == 0;
    if (options.reduction != Reduction::Mean || total == 0) return;
    for (std::int64_t r = 0; r < rows; ++r)
      f[r] = static_cast<T>(static_cast<double>(f[r]) / total);
  });
  return nll;
}

}  // namespace

Tensor nll_loss(const Tensor& input, const Tensor& target, const NllLossOptions& options) {
  detail::check_targets(input, target, options.weight, options.ignore_index);
  bool empty_mean = false;
  const Likelihood nll = likelihood_of(input, target, options, empty_mean);
  const Tensor y = pick(detail::class_rows(input), nll);
  if (options.reduction == Reduction::None) return reshape(y, target.sizes());
  // The mean over nothing is 0 / 0.
  return empty_mean ? y * std::numeric_limits<double>::quiet_NaN() : y;
}

}  // namespace heed
