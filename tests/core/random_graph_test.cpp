// Random graphs of up to 50 operations, on random shapes and strides, against finite differences
// along a random direction.
//
// HEED_TEST_SEED repeats a run, HEED_TEST_GRAPHS sets how many graphs are tried (10,000).
#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "core/autograd/engine.h"
#include "core/autograd/grad_mode.h"
#include "core/factory.h"
#include "core/ops/ops.h"
#include "core/random.h"

using namespace heed;

namespace {

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text && *text ? std::strtoull(text, nullptr, 10) : otherwise;
}

// A function of some leaves that is the same at every call: what it does is drawn from a seed, and
// depends on shapes but never on values. All its operations are smooth where they are used, and
// keep values near 1, so that finite differences are exact to many digits.
class RandomGraph {
 public:
  explicit RandomGraph(std::uint64_t seed) : seed_(seed) {
    Generator generator(seed);
    const std::int64_t leaves = 1 + generator.below(4);
    for (std::int64_t i = 0; i < leaves; ++i) {
      Dims sizes;
      const std::int64_t dims = generator.below(4);
      for (std::int64_t d = 0; d < dims; ++d) sizes.push_back(1 + generator.below(4));
      Tensor x = randn(sizes, {.dtype = float64, .generator = &generator});
      if (x.dim() > 1 && generator.below(2)) x = x.T().contiguous().T();
      if (x.dim() > 0 && generator.below(3) == 0) {
        x = flatten(stack({x, x * 0}, -1), -2, -1).slice(-1, 0, {}, 2);
      }
      values_.push_back(x);
      directions_.push_back(randn(sizes, {.dtype = float64, .generator = &generator}));
    }
  }

  /// The function at the leaves moved by `step` along the direction.
  double at(double step) {
    std::vector<Tensor> moved;
    for (std::size_t i = 0; i < values_.size(); ++i) {
      moved.push_back(values_[i] + directions_[i] * step);
    }
    const NoGradGuard guard;
    return run(moved).item();
  }

  struct Slope {
    double sum = 0, scale = 0;
  };
  /// The derivative along the direction, as backward gives it.
  Slope derivative() {
    std::vector<Tensor> leaves;
    for (const Tensor& x : values_) leaves.push_back(x.detach().requires_grad_());
    const Tensor y = run(leaves);
    const auto grads = autograd::grad({y}, leaves, {.allow_unused = true});
    Slope slope;
    for (std::size_t i = 0; i < grads.size(); ++i) {
      if (!grads[i].defined()) continue;
      const Tensor part = grads[i] * directions_[i];
      slope.sum += sum(part).item();
      slope.scale += sum(heed::abs(part)).item();
    }
    return slope;
  }

  const std::string& operations() const { return log_; }

 private:
  std::int64_t draw(std::int64_t n) {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(n));
  }
  const Tensor& pick() {
    return pool_[static_cast<std::size_t>(draw(static_cast<std::int64_t>(pool_.size())))];
  }
  const Tensor& pick_with_dims(std::int64_t least) {
    for (int i = 0; i < 8; ++i) {
      if (const Tensor& x = pick(); x.dim() >= least) return x;
    }
    return pick();
  }
  std::int64_t any_dim(const Tensor& x) {
    const std::int64_t d = draw(x.dim());
    return draw(2) ? d : d - x.dim();
  }

  Tensor run(const std::vector<Tensor>& leaves) {
    random_.seed(seed_);
    log_.clear();
    pool_ = leaves;
    const std::int64_t steps = 1 + draw(50);
    for (std::int64_t i = 0; i < steps; ++i) {
      Tensor y = step();
      if (y.numel() <= 64 && y.dim() <= 4 && y.numel() > 0) pool_.push_back(std::move(y));
    }
    Tensor total = zeros({}, {.dtype = float64});
    for (std::size_t i = 0; i < pool_.size(); ++i) {
      total = total + mean(pool_[i]) * (0.5 + static_cast<double>(draw(100)) / 100);
    }
    return total;
  }

  Tensor named(const char* name, Tensor y) {
    log_ += name;
    log_ += ' ';
    return y;
  }

  Tensor step() {
    switch (draw(6)) {
      case 0: return unary(pick());
      case 1: return binary(pick());
      case 2: return reduction(pick_with_dims(1));
      case 3: return reshaping(pick_with_dims(1));
      case 4: return indexing(pick_with_dims(1));
      default: return product(pick_with_dims(2));
    }
  }

  Tensor unary(const Tensor& x) {
    switch (draw(16)) {
      case 0: return named("neg", -x);
      case 1: return named("tanh", heed::tanh(x));
      case 2: return named("sigmoid", sigmoid(x) * 2);
      case 3: return named("sin", heed::sin(x));
      case 4: return named("cos", heed::cos(x));
      case 5: return named("exp", heed::exp(heed::tanh(x)) - 1);
      case 6: return named("log", heed::log(square(x) + 1.5));
      case 7: return named("sqrt", heed::sqrt(square(x) + 0.5));
      case 8: return named("rsqrt", rsqrt(square(x) + 0.7));
      case 9: return named("gelu", gelu(x, draw(2) ? "tanh" : "none"));
      case 10: return named("silu", silu(x));
      case 11: return named("softplus", softplus(x) - 0.7);
      case 12: return named("erf", heed::erf(x));
      case 13: return named("log1p", heed::log1p(square(heed::tanh(x))));
      case 14: return named("pow", pow(square(heed::tanh(x)) + 0.5, 1.7));
      default: return named("reciprocal", reciprocal(square(x) + 1));
    }
  }

  Tensor partner(const Tensor& x) {
    for (int i = 0; i < 6; ++i) {
      const Tensor& b = pick();
      bool fits = true;
      for (std::int64_t d = 1; d <= std::min(x.dim(), b.dim()); ++d) {
        const std::int64_t sa = x.size(-d), sb = b.size(-d);
        fits = fits && (sa == sb || sa == 1 || sb == 1);
      }
      if (fits) return b;
    }
    return x;
  }

  Tensor binary(const Tensor& x) {
    const Tensor b = partner(x);
    switch (draw(8)) {
      case 0: return named("add", x + b);
      case 1: return named("sub", sub(x, b, 0.5));
      case 2: return named("mul", heed::tanh(x) * b);
      case 3: return named("div", x / (square(b) + 1));
      case 4: return named("where", where(mask_like(x), x, heed::sin(b)));
      case 5: {
        const Tensor y = heed::sin(x) * 1;
        if (is_broadcastable_to(b.sizes(), y.sizes())) y.add_(b, 0.5);
        return named("add_", y);
      }
      case 6: {
        const Tensor y = x + 0;
        if (y.dim() > 0) {
          const Tensor row = y.select(0, draw(y.size(0)));
          row.mul_(0.5);
          if (draw(2)) row.add_(1);
        }
        return named("select.mul_", y);
      }
      default: return named("pow", pow(square(heed::tanh(x)) + 0.6, heed::tanh(b)));
    }
  }

  // True and false by place, the same at every call.
  Tensor mask_like(const Tensor& x) {
    const std::int64_t every = 2 + draw(2);
    return arange(x.numel()).view(x.sizes()) / static_cast<double>(every) ==
           to(arange(x.numel()).view(x.sizes()) / static_cast<double>(every), int64);
  }

  Tensor reduction(const Tensor& x) {
    if (x.dim() == 0) return unary(x);
    const std::int64_t d = any_dim(x);
    const bool keep = draw(2) == 0;
    switch (draw(9)) {
      case 0: return named("sum", heed::tanh(sum(x, d, keep)));
      case 1: return named("mean", mean(x, d, keep));
      case 2: return named("softmax", softmax(x, d) * 2);
      case 3: return named("log_softmax", heed::tanh(log_softmax(x, d)));
      case 4: return named("logsumexp", logsumexp(x, {d}, keep));
      case 5: return named("cumsum", heed::sin(cumsum(x, d)));
      case 6: return named("var", heed::tanh(var(x, Dims{d}, false, keep)));
      case 7:
        return named("layer_norm", layer_norm(x + 0.1 * square(x), {x.size(-1)}, {}, {}, 0.3));
      default: return named("prod", heed::tanh(prod(heed::tanh(x), d, keep)));
    }
  }

  Tensor reshaping(const Tensor& x) {
    if (x.dim() == 0) return named("unsqueeze", unsqueeze(x, 0));
    const std::int64_t d = any_dim(x);
    switch (draw(12)) {
      case 0: return named("transpose", transpose(x, d, any_dim(x)));
      case 1: return named("reshape", reshape(x, {-1}));
      case 2: return named("unsqueeze", unsqueeze(x, d));
      case 3: return named("squeeze", squeeze(x));
      case 4: {
        Dims sizes = x.sizes();
        sizes.insert(0, 2);
        return named("expand", expand(x, sizes));
      }
      case 5: return named("cat", cat({x, heed::sin(x)}, d));
      case 6: return named("stack", stack({x, heed::cos(x)}, d));
      case 7: return named("flip", flip(x, {d}));
      case 8: return named("roll", roll(x, 1 + draw(3), d));
      case 9: return named("movedim", movedim(x, d, 0));
      case 10: return named("unfold", unfold(x, d, 1 + draw(x.size(d)), 1));
      default: return named("contiguous", contiguous(x.T()));
    }
  }

  Tensor indexing(const Tensor& x) {
    if (x.dim() == 0) return unary(x);
    const std::int64_t d = any_dim(x), n = x.size(d);
    const Tensor places = tensor(std::vector<std::int64_t>{draw(n), draw(n), draw(n)});
    switch (draw(8)) {
      case 0: return named("select", select(x, d, draw(n)));
      case 1: return named("slice", slice(x, d, draw(n), {}, 1 + draw(2)));
      case 2: return named("index_select", index_select(x, d, places));
      case 3:
        return named("index", index(x, {tensor(std::vector<std::int64_t>{0, draw(x.size(0))})}));
      case 4: return named("masked_fill", masked_fill(x, mask_like(x), 0.3));
      case 5: return x.dim() < 2 ? unary(x) : named("tril", tril(x, draw(2)));
      case 6: return x.dim() < 2 ? unary(x) : named("diagonal", diagonal(x, 0, 0, 1));
      default: return named("chunk", chunk(x, 2, d).front());
    }
  }

  Tensor product(const Tensor& x) {
    if (x.dim() < 2) return unary(x);
    switch (draw(4)) {
      case 0: return named("matmul", heed::tanh(matmul(x, x.transpose(-1, -2))));
      case 1: return named("matmul", heed::tanh(matmul(x.transpose(-1, -2), heed::sin(x))));
      case 2: return named("mv", heed::tanh(matmul(x, x.flatten().slice(0, 0, x.size(-1)))));
      default:
        return named("attention",
                     scaled_dot_product_attention(x, heed::sin(x), x, {.is_causal = draw(2) == 0}));
    }
  }

  std::uint64_t seed_;
  std::mt19937_64 random_;
  std::vector<Tensor> values_, directions_, pool_;
  std::string log_;
};

}  // namespace

TEST_CASE("gradients of ten thousand random graphs agree with finite differences") {
  const std::uint64_t seed = from_environment("HEED_TEST_SEED", 20231124);
  const std::uint64_t graphs = from_environment("HEED_TEST_GRAPHS", 10000);
  MESSAGE("HEED_TEST_SEED=", seed, " HEED_TEST_GRAPHS=", graphs);
  for (std::uint64_t i = 0; i < graphs; ++i) {
    RandomGraph graph(seed + i);
    try {
      const RandomGraph::Slope analytical = graph.derivative();
      // Central differences at two distances, combined so that the error falls with h^4.
      const double h = 1e-3;
      const double wide = (graph.at(h) - graph.at(-h)) / (2 * h);
      const double narrow = (graph.at(h / 2) - graph.at(-h / 2)) / h;
      const double numerical = (4 * narrow - wide) / 3;
      // What the two distances disagree by bounds how far the function is from a cubic.
      const double trust = 1e-7 * (1 + analytical.scale) + 1e-2 * std::abs(wide - narrow);
      CHECK_MESSAGE(std::abs(analytical.sum - numerical) <= trust, "seed ", seed + i,
                    ": numerical ", numerical, ", analytical ", analytical.sum, " (",
                    graph.operations(), ")");
    } catch (const std::exception& error) {
      FAIL_CHECK("seed ", seed + i, ": ", error.what(), " (", graph.operations(), ")");
    }
  }
}
