// Cross entropy between logits and targets: class indices or probabilities.
#include <limits>

#include "core/factory.h"
#include "core/ops/common.h"
#include "core/ops/loss.h"
#include "core/ops/nll_loss.h"
#include "core/ops/reduce.h"

namespace heed {

using namespace detail;

namespace {

// The plain case in one pass, without the log-probabilities in memory: x (rows, C), t (rows).
// y_r = lse(x_r) - x_r[t_r];  dx_r = dy_r (softmax(x_r) - onehot(t_r)), 0 for ignored rows.
struct CrossEntropyBackward final : Node {
  SavedTensor logits, lse, target;
  std::int64_t ignore_index, counted;
  Reduction reduction;
  const char* base_name;
  CrossEntropyBackward(const Tensor& logits_, const Tensor& lse_, const Tensor& target_,
                       std::int64_t ignore_index_, std::int64_t counted_, Reduction reduction_,
                       const char* name_)
      : logits(this, logits_),
        lse(this, lse_),
        target(this, target_),
        ignore_index(ignore_index_),
        counted(counted_),
        reduction(reduction_),
        base_name(name_) {}
  const char* name() const override { return base_name; }

  Grads backward(const Tensor& dy) override {
    const Tensor g = detail::spread_loss(dy, counted, reduction);
    return grad_enabled() ? composed(g) : fused(g);
  }

  Grads fused(const Tensor& dy) {
    const Tensor x = detail::plain_contiguous(logits.get()), scale = detail::plain_contiguous(dy);
    const Tensor row_lse = lse.get(), t = target.get();
    Tensor dx = detail::make_tensor(x.sizes(), x.dtype());
    detail::dispatch_floating(x.dtype(), "cross_entropy", [&]<class T>() {
      if (x.numel() == 0) return;
      simd::kernels().of<T>().cross_entropy_backward(
          dx.data<T>(), x.data<T>(), row_lse.data<T>(), t.data<std::int64_t>(), scale.data<T>(),
          reduction == Reduction::None ? 1 : 0, x.sizes()[0], x.sizes()[1], ignore_index);
    });
    return dx;
  }

  Grads composed(const Tensor& dy) {
    const Tensor x = logits.get(), t = target.get();
    const Tensor counts = ne(t, ignore_index);
    const Tensor classes = where(counts, t, std::int64_t{0});
    const Tensor one_hot_rows = to(one_hot(classes, x.sizes()[1]), x.dtype());
    const Tensor scale = dy * to(counts, x.dtype());
    return (softmax(x, 1) - one_hot_rows) * unsqueeze(scale, 1);
  }
};

Tensor fused_cross_entropy(const Tensor& input, const Tensor& target_in, std::int64_t ignore_index,
                           Reduction reduction) {
  const Tensor logits = detail::class_rows(input);
  const Tensor x = detail::plain_contiguous(logits);
  const std::int64_t rows = x.sizes()[0], classes = x.sizes()[1];
  const Tensor target = detail::flat_targets(target_in);
  const Tensor losses = detail::make_tensor({rows}, x.dtype());
  const Tensor lse = detail::make_tensor({rows}, x.dtype());
  const auto* t = target.data<std::int64_t>();
  std::int64_t counted = 0;
  for (std::int64_t r = 0; r < rows; ++r) counted += t[r] != ignore_index;
  Tensor y = losses;
  detail::dispatch_floating(x.dtype(), "cross_entropy", [&]<class T>() {
    const auto& kernels = simd::kernels().of<T>();
    if (rows > 0) {
      kernels.cross_entropy(losses.data<T>(), lse.data<T>(), x.data<T>(), t, rows, classes,
                            ignore_index);
    }
    if (reduction == Reduction::None) return;
    y = detail::make_tensor({}, x.dtype());
    *y.data<T>() = T{0};
    if (rows > 0) {
      kernels.reduce_rows[static_cast<int>(simd::ReduceOp::Sum)](y.data<T>(), losses.data<T>(), 1,
                                                                 rows);
    }
    if (reduction == Reduction::Mean) *y.data<T>() /= static_cast<T>(counted);
  });
  const char* const name = input.dim() > 2 ? "NllLoss2DBackward0" : "NllLossBackward0";
  y = record<CrossEntropyBackward>(y, inputs(logits), logits, lse, target, ignore_index, counted,
                                   reduction, name);
  return reduction == Reduction::None ? reshape(y, target_in.sizes()) : y;
}

// The weights of classes, shaped to broadcast along the class dim of input.
Tensor weights_along_classes(const Tensor& weight, const Tensor& input) {
  Dims sizes = Dims::filled(input.dim(), 1);
  sizes[detail::class_dim(input)] = weight.numel();
  return reshape(weight, sizes);
}

// -Σ q log softmax(x) for probabilities q; the mean is over the rows of classes.
Tensor with_probabilities(const Tensor& input, Tensor target, const CrossEntropyOptions& options) {
  HEED_CHECK(target.is_floating_point(),
             "Expected floating point type for target with class probabilities, got ",
             scalar_type_name(target.dtype()));
  HEED_CHECK(options.ignore_index < 0, "ignore_index is not supported for floating point target");
  const std::int64_t dim = detail::class_dim(input);
  const std::int64_t classes = input.sizes()[dim];
  HEED_CHECK(
      !options.weight.defined() || (options.weight.dim() == 1 && options.weight.numel() == classes),
      "cross_entropy: weight tensor should be defined either for all ", classes,
      " classes or no classes but got weight tensor of shape: ", options.weight.sizes());
  if (options.label_smoothing > 0) {
    target = target * (1 - options.label_smoothing) +
             options.label_smoothing / static_cast<double>(classes);
  }
  Tensor products = log_softmax(input, dim) * target;
  if (options.weight.defined()) {
    products = products * weights_along_classes(options.weight, input);
  }
  if (options.reduction == Reduction::None) return neg(sum(products, dim));
  const Tensor total = neg(sum(products));
  if (options.reduction == Reduction::Sum) return total;
  return total / (static_cast<double>(input.numel()) / static_cast<double>(classes));
}

// Szegedy et al. 2016: (1 - s) nll + s / C times the sum of -log softmax over all classes.
Tensor with_smoothing(const Tensor& input, const Tensor& target,
                      const CrossEntropyOptions& options) {
  const std::int64_t dim = detail::class_dim(input);
  const auto classes = static_cast<double>(input.sizes()[dim]);
  const Tensor log_p = log_softmax(input, dim);
  const Tensor nll = nll_loss(log_p, target,
                              {.weight = options.weight,
                               .ignore_index = options.ignore_index,
                               .reduction = options.reduction});
  const Tensor& w = options.weight;
  const Tensor ignored = eq(target, options.ignore_index);
  const Tensor all_classes = w.defined() ? log_p * weights_along_classes(w, input) : log_p;
  Tensor smooth = masked_fill(neg(sum(all_classes, dim)), ignored, 0);
  if (options.reduction != Reduction::None) smooth = sum(smooth);
  if (options.reduction == Reduction::Mean) {
    const Tensor counted = logical_not(ignored);
    smooth = smooth / (w.defined() ? sum(index_select(w, 0, masked_select(target, counted)))
                                   : to(sum(counted), input.dtype()));
  }
  return nll * (1 - options.label_smoothing) + smooth * (options.label_smoothing / classes);
}

}  // namespace

Tensor cross_entropy(const Tensor& input, const Tensor& target,
                     const CrossEntropyOptions& options) {
  HEED_CHECK(options.label_smoothing >= 0 && options.label_smoothing <= 1,
             "label_smoothing must be between 0.0 and 1.0. Got: ", options.label_smoothing);
  HEED_CHECK(input.dim() > 0, "cross_entropy expects an input with classes, but got size []");
  if (input.sizes() == target.sizes()) return with_probabilities(input, target, options);
  detail::check_targets(input, target, options.weight, options.ignore_index);
  if (options.label_smoothing > 0) return with_smoothing(input, target, options);
  if (!options.weight.defined()) {
    return fused_cross_entropy(input, target, options.ignore_index, options.reduction);
  }
  return nll_loss(log_softmax(input, detail::class_dim(input)), target,
                  {.weight = options.weight,
                   .ignore_index = options.ignore_index,
                   .reduction = options.reduction});
}

}  // namespace heed
