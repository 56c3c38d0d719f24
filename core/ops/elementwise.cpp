// Functions of one tensor, element by element. Each block: the formula, its derivative, the op.
//
// Where the table has a fused derivative (the *Grad entries), it serves when nothing is recorded;
// under create_graph the same formula runs in public operations.
#include <cmath>

#include "core/factory.h"
#include "core/ops/common.h"

namespace heed {

using namespace detail;
using simd::BinaryOp;
using simd::UnaryOp;

namespace detail {

Tensor unary_kernel(UnaryOp op, const Tensor& x) {
  Tensor y = make_tensor(x.sizes(), x.dtype());
  dispatch_floating(x.dtype(), "elementwise",
                    [&]<class T>() { elementwise_unary<T>(y, x, kernel_of<T>(op, y)); });
  return y;
}

}  // namespace detail

namespace {

/// Functions whose result is real whatever the input.
Tensor real_input(const Tensor& x) { return as_type(x, real_type(x.dtype())); }

/// For int64 and bool: y = f(x) by a plain loop.
template <class F>
Tensor integer_unary(const Tensor& x, F f) {
  Tensor y = make_tensor(x.sizes(), x.dtype());
  const auto run = [&]<class T>() {
    elementwise<T, T>(
        y,
        [&](T* o, std::int64_t n, const T* in, std::int64_t step) {
          for (std::int64_t i = 0; i < n; ++i) o[i] = static_cast<T>(f(in[i * step]));
        },
        x);
  };
  if (x.dtype() == DType::Int64) {
    run.template operator()<std::int64_t>();
  } else {
    run.template operator()<bool>();
  }
  return y;
}

/// Fused when nothing records, else what `composed` computes from public operations.
template <class Composed>
Tensor derivative(BinaryOp fused, const Tensor& dy, const Tensor& saved, Composed&& composed) {
  if (autograd::recording(dy, saved)) return composed();
  return binary_kernel(fused, dy, saved);
}

}  // namespace

// ---- y = -x;  dx = -dy

struct NegBackward final : Node {
  const char* name() const override { return "NegBackward0"; }
  Grads backward(const Tensor& dy) override { return neg(dy); }
};

Tensor neg(const Tensor& x) {
  HEED_CHECK(x.dtype() != DType::Bool,
             "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to "
             "invert a mask, use the `!` or `logical_not()` operator instead.");
  if (!x.is_floating_point()) {
    return integer_unary(x, [](std::int64_t v) { return -static_cast<std::uint64_t>(v); });
  }
  return record<NegBackward>(unary_kernel(UnaryOp::Neg, x), inputs(x));
}

// ---- y = |x|;  dx = dy sign(x)

struct AbsBackward final : Node {
  SavedTensor x;
  explicit AbsBackward(const Tensor& x_) : x(this, x_) {}
  const char* name() const override { return "AbsBackward0"; }
  Grads backward(const Tensor& dy) override { return mul(dy, sign(x)); }
};

Tensor abs(const Tensor& x) {
  HEED_CHECK(x.dtype() != DType::Bool, "\"abs\" not implemented for 'Bool'");
  if (!x.is_floating_point())
    return integer_unary(x, [](std::int64_t v) { return v < 0 ? -v : v; });
  return record<AbsBackward>(unary_kernel(UnaryOp::Abs, x), inputs(x), x);
}

// ---- y = sign(x);  dx = 0

struct SignBackward final : Node {
  const char* name() const override { return "SignBackward0"; }
  Grads backward(const Tensor& dy) override { return zeros_like(dy); }
};

Tensor sign(const Tensor& x) {
  if (!x.is_floating_point())
    return integer_unary(x, [](std::int64_t v) { return (v > 0) - (v < 0); });
  return record<SignBackward>(unary_kernel(UnaryOp::Sign, x), inputs(x));
}

// ---- y = exp(x);  dx = dy y

struct ExpBackward final : Node {
  SavedOutput y;
  explicit ExpBackward(const Tensor& y_) : y(this, y_) {}
  const char* name() const override { return "ExpBackward0"; }
  Grads backward(const Tensor& dy) override { return mul(dy, y); }
};

Tensor exp(const Tensor& x_) {
  const Tensor x = real_input(x_);
  const Tensor y = unary_kernel(UnaryOp::Exp, x);
  return record<ExpBackward>(y, inputs(x), y);
}

// ---- y = log(x);  dx = dy / x

struct LogBackward final : Node {
  SavedTensor x;
  explicit LogBackward(const Tensor& x_) : x(this, x_) {}
  const char* name() const override { return "LogBackward0"; }
  Grads backward(const Tensor& dy) override { return div(dy, x); }
};

Tensor log(const Tensor& x_) {
  const Tensor x = real_input(x_);
  return record<LogBackward>(unary_kernel(UnaryOp::Log, x), inputs(x), x);
}

// ---- y = log(1 + x);  dx = dy / (1 + x)

struct Log1pBackward final : Node {
  SavedTensor x;
  explicit Log1pBackward(const Tensor& x_) : x(this, x_) {}
  const char* name() const override { return "Log1PBackward0"; }
  Grads backward(const Tensor& dy) override { return div(dy, add(x, 1)); }
};

Tensor log1p(const Tensor& x_) {
  const Tensor x = real_input(x_);
  return record<Log1pBackward>(unary_kernel(UnaryOp::Log1p, x), inputs(x), x);
}

// ---- y = exp(x) - 1;  dx = dy (y + 1)

struct Expm1Backward final : Node {
  SavedOutput y;
  explicit Expm1Backward(const Tensor& y_) : y(this, y_) {}
  const char* name() const override { return "Expm1Backward0"; }
  Grads backward(const Tensor& dy) override { return mul(dy, add(y, 1)); }
};

Tensor expm1(const Tensor& x_) {
  const Tensor x = real_input(x_);
  const Tensor y = unary_kernel(UnaryOp::Expm1, x);
  return record<Expm1Backward>(y, inputs(x), y);
}

// ---- y = √x;  dx = dy / (2 y)

struct SqrtBackward final : Node {
  SavedOutput y;
  explicit SqrtBackward(const Tensor& y_) : y(this, y_) {}
  const char* name() const override { return "SqrtBackward0"; }
  Grads backward(const Tensor& dy) override { return div(dy, mul(y, 2)); }
};

Tensor sqrt(const Tensor& x_) {
  const Tensor x = real_input(x_);
  const Tensor y = unary_kernel(UnaryOp::Sqrt, x);
  return record<SqrtBackward>(y, inputs(x), y);
}

// ---- y = 1/√x;  dx = -dy y³ / 2

struct RsqrtBackward final : Node {
  SavedOutput y;
  explicit RsqrtBackward(const Tensor& y_) : y(this, y_) {}
  const char* name() const override { return "RsqrtBackward0"; }
  Grads backward(const Tensor& dy) override { return mul(mul(dy, -0.5), pow(y, 3)); }
};

Tensor rsqrt(const Tensor& x_) {
  const Tensor x = real_input(x_);
  const Tensor y = unary_kernel(UnaryOp::Rsqrt, x);
  return record<RsqrtBackward>(y, inputs(x), y);
}

// ---- y = 1/x;  dx = -dy y²

struct ReciprocalBackward final : Node {
  SavedOutput y;
  explicit ReciprocalBackward(const Tensor& y_) : y(this, y_) {}
  const char* name() const override { return "ReciprocalBackward0"; }
  Grads backward(const Tensor& dy) override {
    const Tensor r = y;
    return mul(neg(dy), mul(r, r));
  }
};

Tensor reciprocal(const Tensor& x_) {
  const Tensor x = real_input(x_);
  const Tensor y = unary_kernel(UnaryOp::Reciprocal, x);
  return record<ReciprocalBackward>(y, inputs(x), y);
}

Tensor square(const Tensor& x) { return pow(x, 2); }

// ---- y = tanh(x);  dx = dy (1 - y²)

struct TanhBackward final : Node {
  SavedOutput y;
  explicit TanhBackward(const Tensor& y_) : y(this, y_) {}
  const char* name() const override { return "TanhBackward0"; }
  Grads backward(const Tensor& dy) override {
    const Tensor t = y;
    return derivative(BinaryOp::TanhGrad, dy, t, [&] { return mul(dy, rsub(mul(t, t), 1)); });
  }
};

Tensor tanh(const Tensor& x_) {
  const Tensor x = real_input(x_);
  const Tensor y = unary_kernel(UnaryOp::Tanh, x);
  return record<TanhBackward>(y, inputs(x), y);
}

// ---- y = σ(x) = 1 / (1 + exp(-x));  dx = dy y (1 - y)

struct SigmoidBackward final : Node {
  SavedOutput y;
  explicit SigmoidBackward(const Tensor& y_) : y(this, y_) {}
  const char* name() const override { return "SigmoidBackward0"; }
  Grads backward(const Tensor& dy) override {
    const Tensor s = y;
    return derivative(BinaryOp::SigmoidGrad, dy, s, [&] { return mul(dy, mul(s, rsub(s, 1))); });
  }
};

Tensor sigmoid(const Tensor& x_) {
  const Tensor x = real_input(x_);
  const Tensor y = unary_kernel(UnaryOp::Sigmoid, x);
  return record<SigmoidBackward>(y, inputs(x), y);
}

// ---- y = max(x, 0);  dx = dy where y > 0

struct ReluBackward final : Node {
  SavedOutput y;
  explicit ReluBackward(const Tensor& y_) : y(this, y_) {}
  const char* name() const override { return "ReluBackward0"; }
  Grads backward(const Tensor& dy) override {
    const Tensor r = y;
    return derivative(BinaryOp::ReluGrad, dy, r, [&] { return masked_fill(dy, le(r, 0), 0); });
  }
};

Tensor relu(const Tensor& x) {
  HEED_CHECK(x.dtype() != DType::Bool, "Boolean inputs not supported for relu");
  if (!x.is_floating_point()) return integer_unary(x, [](std::int64_t v) { return v > 0 ? v : 0; });
  const Tensor y = unary_kernel(UnaryOp::Relu, x);
  return record<ReluBackward>(y, inputs(x), y);
}

// ---- y = x where x > 0, else slope x

struct LeakyReluBackward final : Node {
  SavedTensor x;
  double slope;
  LeakyReluBackward(const Tensor& x_, double slope_) : x(this, x_), slope(slope_) {}
  const char* name() const override { return "LeakyReluBackward0"; }
  Grads backward(const Tensor& dy) override { return where(gt(x, 0), dy, mul(dy, slope)); }
};

Tensor leaky_relu(const Tensor& x, double negative_slope) {
  Tensor y = make_tensor(x.sizes(), x.dtype());
  dispatch_floating(x.dtype(), "leaky_relu", [&]<class T>() {
    const T slope = static_cast<T>(negative_slope);
    elementwise_unary<T>(y, x, [slope](T* o, const T* in, std::int64_t n) {
      for (std::int64_t i = 0; i < n; ++i) o[i] = in[i] > 0 ? in[i] : in[i] * slope;
    });
  });
  return record<LeakyReluBackward>(std::move(y), inputs(x), x, negative_slope);
}

// ---- y = x Φ(x), Φ(x) = (1 + erf(x/√2)) / 2;  dx = dy (Φ(x) + x φ(x)), φ(x) = exp(-x²/2)/√(2π)
// ---- tanh form: Φ(x) ≈ (1 + tanh u) / 2, u = √(2/π) (x + 0.044715 x³)

struct GeluBackward final : Node {
  SavedTensor x;
  bool tanh_form;
  GeluBackward(const Tensor& x_, bool tanh_form_) : x(this, x_), tanh_form(tanh_form_) {}
  const char* name() const override { return "GeluBackward0"; }
  Grads backward(const Tensor& dy) override {
    const Tensor in = x;
    return derivative(tanh_form ? BinaryOp::GeluTanhGrad : BinaryOp::GeluGrad, dy, in,
                      [&] { return mul(dy, tanh_form ? tanh_slope(in) : exact_slope(in)); });
  }
  std::string detail() const override { return tanh_form ? "tanh" : ""; }

 private:
  static Tensor exact_slope(const Tensor& x) {
    const Tensor cdf = mul(add(erf(mul(x, std::sqrt(0.5))), 1), 0.5);
    const Tensor pdf = mul(exp(mul(mul(x, x), -0.5)), 1 / std::sqrt(2 * M_PI));
    return add(cdf, mul(x, pdf));
  }
  static Tensor tanh_slope(const Tensor& x) {
    const double k = std::sqrt(2 / M_PI), c = 0.044715;
    const Tensor x2 = mul(x, x);
    const Tensor t = tanh(mul(mul(x, add(mul(x2, c), 1)), k));
    const Tensor du = mul(add(mul(x2, 3 * c), 1), k);
    return add(mul(add(t, 1), 0.5), mul(mul(mul(x, 0.5), rsub(mul(t, t), 1)), du));
  }
};

Tensor gelu(const Tensor& x, const std::string& approximate) {
  const bool tanh_form = approximate == "tanh";
  HEED_CHECK(tanh_form || approximate == "none",
             "approximate argument must be either none or tanh, not '", approximate, "'.");
  return record<GeluBackward>(unary_kernel(tanh_form ? UnaryOp::GeluTanh : UnaryOp::Gelu, x),
                              inputs(x), x, tanh_form);
}

// ---- y = x σ(x);  dx = dy σ(x) (1 + x (1 - σ(x)))

struct SiluBackward final : Node {
  SavedTensor x;
  explicit SiluBackward(const Tensor& x_) : x(this, x_) {}
  const char* name() const override { return "SiluBackward0"; }
  Grads backward(const Tensor& dy) override {
    const Tensor in = x;
    return derivative(BinaryOp::SiluGrad, dy, in, [&] {
      const Tensor s = sigmoid(in);
      return mul(dy, mul(s, add(mul(in, rsub(s, 1)), 1)));
    });
  }
};

Tensor silu(const Tensor& x) {
  return record<SiluBackward>(unary_kernel(UnaryOp::Silu, x), inputs(x), x);
}

// ---- y = log(1 + exp(β x)) / β, x where β x > threshold;  dx = dy σ(β x), dy there

struct SoftplusBackward final : Node {
  SavedTensor x;
  double beta, threshold;
  SoftplusBackward(const Tensor& x_, double beta_, double threshold_)
      : x(this, x_), beta(beta_), threshold(threshold_) {}
  const char* name() const override { return "SoftplusBackward0"; }
  Grads backward(const Tensor& dy) override {
    const Tensor bx = mul(x, beta);
    return where(gt(bx, threshold), dy, mul(dy, sigmoid(bx)));
  }
};

Tensor softplus(const Tensor& x, double beta, double threshold) {
  Tensor y = make_tensor(x.sizes(), x.dtype());
  dispatch_floating(x.dtype(), "softplus", [&]<class T>() {
    const auto kernel = simd::kernels().of<T>().unary[static_cast<int>(UnaryOp::Softplus)];
    elementwise_unary<T>(y, x, [=](T* o, const T* in, std::int64_t n) {
      if (beta == 1 && threshold == 20) return kernel(o, in, n);
      for (std::int64_t i = 0; i < n; ++i) {
        const double bx = static_cast<double>(in[i]) * beta;
        o[i] = bx > threshold ? in[i] : static_cast<T>(std::log1p(std::exp(bx)) / beta);
      }
    });
  });
  return record<SoftplusBackward>(std::move(y), inputs(x), x, beta, threshold);
}

// ---- y = erf(x);  dx = dy 2/√π exp(-x²)

struct ErfBackward final : Node {
  SavedTensor x;
  explicit ErfBackward(const Tensor& x_) : x(this, x_) {}
  const char* name() const override { return "ErfBackward0"; }
  Grads backward(const Tensor& dy) override {
    const Tensor in = x;
    return mul(dy, mul(exp(neg(mul(in, in))), 2 / std::sqrt(M_PI)));
  }
};

Tensor erf(const Tensor& x_) {
  const Tensor x = real_input(x_);
  return record<ErfBackward>(unary_kernel(UnaryOp::Erf, x), inputs(x), x);
}

// ---- y = sin(x);  dx = dy cos(x)

struct SinBackward final : Node {
  SavedTensor x;
  explicit SinBackward(const Tensor& x_) : x(this, x_) {}
  const char* name() const override { return "SinBackward0"; }
  Grads backward(const Tensor& dy) override { return mul(dy, cos(x)); }
};

Tensor sin(const Tensor& x_) {
  const Tensor x = real_input(x_);
  return record<SinBackward>(unary_kernel(UnaryOp::Sin, x), inputs(x), x);
}

// ---- y = cos(x);  dx = -dy sin(x)

struct CosBackward final : Node {
  SavedTensor x;
  explicit CosBackward(const Tensor& x_) : x(this, x_) {}
  const char* name() const override { return "CosBackward0"; }
  Grads backward(const Tensor& dy) override { return mul(dy, neg(sin(x))); }
};

Tensor cos(const Tensor& x_) {
  const Tensor x = real_input(x_);
  return record<CosBackward>(unary_kernel(UnaryOp::Cos, x), inputs(x), x);
}

// ---- y = min(max(x, low), high);  dx = dy where low <= x <= high

struct ClampBackward final : Node {
  SavedTensor x;
  std::optional<Scalar> min, max;
  ClampBackward(const Tensor& x_, std::optional<Scalar> min_, std::optional<Scalar> max_)
      : x(this, x_), min(min_), max(max_) {}
  const char* name() const override { return "ClampBackward1"; }
  Grads backward(const Tensor& dy) override {
    // A comparison with NaN is false, so that a NaN gets no gradient, as in PyTorch.
    const Tensor in = x;
    if (min && max) return where(logical_and(ge(in, *min), le(in, *max)), dy, Scalar(0.0));
    return where(min ? ge(in, *min) : le(in, *max), dy, Scalar(0.0));
  }
};

Tensor clamp(const Tensor& x_, std::optional<Scalar> min, std::optional<Scalar> max) {
  HEED_CHECK(min || max, "clamp: At least one of 'min' or 'max' must not be None");
  DType type = x_.dtype();
  if (min) type = min->promote_with(type);
  if (max) type = max->promote_with(type);
  const Tensor x = as_type(x_, type);
  Tensor y = make_tensor(x.sizes(), type);
  dispatch(type, [&]<class T>() {
    if constexpr (std::is_floating_point_v<T>) {
      const T low = min ? min->to<T>() : -std::numeric_limits<T>::infinity();
      const T high = max ? max->to<T>() : std::numeric_limits<T>::infinity();
      const auto kernel = simd::kernels().of<T>().clamp;
      elementwise_unary<T>(y, x,
                           [=](T* o, const T* in, std::int64_t n) { kernel(o, in, low, high, n); });
    } else {
      const T low = min ? min->to<T>() : std::numeric_limits<T>::lowest();
      const T high = max ? max->to<T>() : std::numeric_limits<T>::max();
      elementwise_unary<T>(y, x, [=](T* o, const T* in, std::int64_t n) {
        for (std::int64_t i = 0; i < n; ++i) o[i] = std::min(std::max(in[i], low), high);
      });
    }
  });
  return record<ClampBackward>(std::move(y), inputs(x), x, min, max);
}

}  // namespace heed
