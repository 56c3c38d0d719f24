// Losses of elements: squared and absolute differences, binary cross entropy, divergence.
#include "core/ops/loss.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "core/ops/common.h"
#include "core/ops/reduce.h"

namespace heed {

using namespace detail;

namespace detail {

Tensor reduce_loss(const Tensor& losses, Reduction reduction) {
  if (reduction == Reduction::None) return losses;
  return reduction == Reduction::Mean ? mean(losses) : sum(losses);
}

Tensor spread_loss(const Tensor& dy, std::int64_t numel, Reduction reduction) {
  return reduction == Reduction::Mean ? dy / static_cast<double>(numel) : dy;
}

}  // namespace detail

namespace {

struct Pair {
  Tensor input, target;
};

// Both in their common type and shape.
Pair broadcast_pair(const Tensor& input, const Tensor& target) {
  Pair pair{input, target};
  if (input.dtype() != target.dtype()) {
    const DType dtype = promote(input.dtype(), target.dtype());
    pair = {to(input, dtype), to(target, dtype)};
  }
  if (input.sizes() != target.sizes()) {
    const Dims sizes = broadcast_shapes(input.sizes(), target.sizes());
    pair = {expand(pair.input, sizes), expand(pair.target, sizes)};
  }
  return pair;
}

// Σ (a - b)² by pieces, so that the differences stay in the cache.
template <class T>
double squared_distance(const T* a, const T* b, std::int64_t n) {
  constexpr std::int64_t kPiece = 2048;
  const auto& kernels = simd::kernels().of<T>();
  T piece[kPiece];
  double total = 0;
  for (std::int64_t i = 0; i < n; i += kPiece) {
    const std::int64_t length = std::min(kPiece, n - i);
    kernels.binary[static_cast<int>(simd::BinaryOp::Sub)](piece, a + i, 1, b + i, 1, length);
    T part;
    kernels.reduce_rows[static_cast<int>(simd::ReduceOp::SumSquares)](&part, piece, 1, length);
    total += static_cast<double>(part);
  }
  return total;
}

// The same over threads: one partial sum a chunk, added in order.
template <class T>
double squared_distance_of(const Tensor& x, const Tensor& t) {
  const Tensor a = detail::plain_contiguous(x), b = detail::plain_contiguous(t);
  const std::int64_t n = a.numel(), grain = detail::kElementwiseGrain;
  if (n <= grain) return squared_distance(a.data<T>(), b.data<T>(), n);
  std::vector<double> partial(static_cast<std::size_t>((n + grain - 1) / grain));
  parallel_for(0, n, grain, [&](std::int64_t begin, std::int64_t end) {
    partial[static_cast<std::size_t>(begin / grain)] =
        squared_distance(a.data<T>() + begin, b.data<T>() + begin, end - begin);
  });
  return std::accumulate(partial.begin(), partial.end(), 0.0);
}

// y = mean (x - t)²;  dx = 2 (x - t) dy / n, dt = -dx
struct MseLossBackward final : Node {
  SavedTensor input, target;
  Reduction reduction;
  MseLossBackward(const Tensor& input_, const Tensor& target_, Reduction reduction_)
      : input(this, input_), target(this, target_), reduction(reduction_) {}
  const char* name() const override { return "MseLossBackward0"; }
  Grads backward(const Tensor& dy) override {
    const Tensor x = input.get(), t = target.get();
    const double scale = reduction == Reduction::Mean ? 2 / static_cast<double>(x.numel()) : 2;
    const Tensor dx = grad_enabled() ? (x - t) * (dy * scale) : fused(x, t, dy, scale);
    return {needs(0) ? dx : Tensor(), needs(1) ? neg(dx) : Tensor()};
  }

  // (x - t) dy scale in one pass.
  static Tensor fused(const Tensor& x, const Tensor& t, const Tensor& dy, double scale) {
    const Tensor dx = detail::make_tensor(x.sizes(), x.dtype());
    detail::dispatch_floating(x.dtype(), "mse_loss", [&]<class T>() {
      const auto& binary = simd::kernels().of<T>().binary;
      const auto sub = binary[static_cast<int>(simd::BinaryOp::Sub)];
      const auto mul = binary[static_cast<int>(simd::BinaryOp::Mul)];
      const T factor = static_cast<T>(scale);
      detail::elementwise<T, T, T, T>(
          dx,
          [&](T* o, std::int64_t n, const T* a, const T* b, const T* g, std::int64_t a_step,
              std::int64_t b_step, std::int64_t g_step) {
            sub(o, a, a_step, b, b_step, n);
            mul(o, o, 1, g, g_step, n);
            mul(o, o, 1, &factor, 0, n);
          },
          x, t, dy);
    });
    return dx;
  }
};

// z = |x - t|: y = z² / 2 beta below beta, else z - beta / 2;  dx = clamp((x - t) / beta, ±1) dy
struct SmoothL1LossBackward final : Node {
  SavedTensor input, target;
  Reduction reduction;
  double beta;
  SmoothL1LossBackward(const Tensor& input_, const Tensor& target_, Reduction reduction_,
                       double beta_)
      : input(this, input_), target(this, target_), reduction(reduction_), beta(beta_) {}
  const char* name() const override { return "SmoothL1LossBackward0"; }
  Grads backward(const Tensor& dy) override {
    const Tensor x = input.get();
    const Tensor dx =
        clamp((x - target.get()) / beta, -1.0, 1.0) * detail::spread_loss(dy, x.numel(), reduction);
    return {needs(0) ? dx : Tensor(), needs(1) ? neg(dx) : Tensor()};
  }
};

// log sigmoid(x) = min(x, 0) - log(1 + exp(-|x|))
Tensor log_sigmoid(const Tensor& x) { return clamp(x, {}, 0.0) - log1p(exp(neg(abs(x)))); }

// y = w [(1 - t) x + (1 + (p - 1) t) log(1 + exp(-x))], p the weight of positives.
// s = sigmoid(x):  dx = w [(p t + 1 - t) s - p t],  dt = w [log sigmoid(-x) - p log sigmoid(x)]
struct BceWithLogitsBackward final : Node {
  SavedTensor input, target, weight, pos_weight;
  Reduction reduction;
  BceWithLogitsBackward(const Tensor& input_, const Tensor& target_, const BceOptions& options)
      : input(this, input_),
        target(this, target_),
        weight(this, options.weight),
        pos_weight(this, options.pos_weight),
        reduction(options.reduction) {}
  const char* name() const override { return "BinaryCrossEntropyWithLogitsBackward0"; }
  Grads backward(const Tensor& dy) override {
    const Tensor x = input.get(), t = target.get(), w = weight.get(), p = pos_weight.get();
    Tensor g = detail::spread_loss(dy, x.numel(), reduction);
    if (w.defined()) g = g * w;
    Grads grads{Tensor(), Tensor()};
    if (needs(0)) {
      const Tensor s = sigmoid(x);
      const Tensor pt = p.defined() ? p * t : t;
      grads[0] = (p.defined() ? (pt + 1 - t) * s - pt : s - t) * g;
    }
    if (needs(1)) {
      grads[1] = (p.defined() ? log_sigmoid(neg(x)) - p * log_sigmoid(x) : neg(x)) * g;
    }
    return grads;
  }
};

}  // namespace

Tensor mse_loss(const Tensor& input, const Tensor& target, Reduction reduction) {
  const Pair pair = broadcast_pair(input, target);
  const Tensor &x = pair.input, &t = pair.target;
  Tensor y;
  if (reduction == Reduction::None) {
    const NoGradGuard plain;
    y = square(x - t);
    HEED_CHECK(x.is_floating_point(), "\"mse_loss\" not implemented for '",
               scalar_type_name(x.dtype()), "'");
  } else {
    y = detail::make_tensor({}, x.dtype());
    detail::dispatch_floating(x.dtype(), "mse_loss", [&]<class T>() {
      const double total = squared_distance_of<T>(x, t);
      const double n = reduction == Reduction::Mean ? static_cast<double>(x.numel()) : 1;
      *y.data<T>() = static_cast<T>(total / n);
    });
  }
  return record<MseLossBackward>(y, inputs(x, t), x, t, reduction);
}

Tensor l1_loss(const Tensor& input, const Tensor& target, Reduction reduction) {
  const auto [x, t] = broadcast_pair(input, target);
  return detail::reduce_loss(abs(x - t), reduction);
}

Tensor smooth_l1_loss(const Tensor& input, const Tensor& target, Reduction reduction, double beta) {
  HEED_CHECK(beta >= 0, "smooth_l1_loss does not support negative values for beta. (got ", beta,
             ")");
  if (beta == 0) return l1_loss(input, target, reduction);
  const auto [x, t] = broadcast_pair(input, target);
  Tensor y;
  {
    const NoGradGuard plain;
    const Tensor z = abs(x - t);
    y = detail::reduce_loss(where(lt(z, beta), square(z) * (0.5 / beta), z - 0.5 * beta),
                            reduction);
  }
  return record<SmoothL1LossBackward>(y, inputs(x, t), x, t, reduction, beta);
}

Tensor binary_cross_entropy_with_logits(const Tensor& input, const Tensor& target,
                                        const BceOptions& options) {
  HEED_CHECK(input.sizes() == target.sizes(), "Target size (", target.sizes(),
             ") must be the same as input size (", input.sizes(), ")");
  Tensor y;
  {
    const NoGradGuard plain;
    const Tensor& x = input;
    const Tensor& t = target;
    // log(1 + exp(-x)) from max(-x, 0), so that no exponential overflows.
    const Tensor softplus_of_minus = clamp(neg(x), 0.0) + log1p(exp(neg(abs(x))));
    Tensor losses = (1 - t) * x;
    losses = options.pos_weight.defined()
                 ? losses + ((options.pos_weight - 1) * t + 1) * softplus_of_minus
                 : losses + softplus_of_minus;
    if (options.weight.defined()) losses = losses * options.weight;
    y = detail::reduce_loss(losses, options.reduction);
  }
  return record<BceWithLogitsBackward>(y, inputs(input, target), input, target, options);
}

// Σ t (log t - x) (Kullback and Leibler 1951), x log-probabilities. 0 log 0 is 0: where t is 0, the
// logarithm is taken of 1 instead.
Tensor kl_div(const Tensor& input, const Tensor& target, const KlDivOptions& options) {
  const Tensor losses = options.log_target
                            ? exp(target) * (target - input)
                            : target * log(masked_fill(target, eq(target, 0), 1)) - target * input;
  if (!options.batch_mean) return detail::reduce_loss(losses, options.reduction);
  HEED_CHECK(input.dim() > 0, "kl_div: a mean over the batch needs a batch dim, got size []");
  return sum(losses) / static_cast<double>(input.sizes()[0]);
}

}  // namespace heed
