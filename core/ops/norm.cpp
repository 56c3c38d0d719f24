// Layer normalisation and root mean square normalisation over the last dims.
#include "core/ops/common.h"
#include "core/ops/reduce.h"

namespace heed {

using namespace detail;

namespace {

struct Rows {
  std::int64_t rows = 1, cols = 1;
};

// The last dims of x as columns. Error where they are not normalized_shape.
Rows checked_rows(const Tensor& x, const Dims& normalized_shape) {
  const std::int64_t first = x.dim() - normalized_shape.size();
  HEED_CHECK(!normalized_shape.empty(),
             "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least "
             "one element, but got normalized_shape = []");
  Rows shape;
  bool fits = first >= 0;
  for (std::int64_t d = 0; fits && d < x.dim(); ++d) {
    if (d < first) {
      shape.rows *= x.sizes()[d];
    } else {
      shape.cols *= x.sizes()[d];
      fits = x.sizes()[d] == normalized_shape[d - first];
    }
  }
  if (!fits) {
    detail::TextStream expected;
    for (const std::int64_t size : normalized_shape) expected << ", " << size;
    detail::fail("Given normalized_shape=", normalized_shape, ", expected input with shape [*",
                 expected.str(), "], but got input of size", x.sizes());
  }
  return shape;
}

void check_parameter(const Tensor& parameter, const char* name, const Dims& normalized_shape,
                     const Tensor& x) {
  if (!parameter.defined()) return;
  HEED_CHECK(parameter.sizes() == normalized_shape, "Expected ", name,
             " to be of same shape as normalized_shape, but got ", name, " of shape ",
             parameter.sizes(), " and normalized_shape = ", normalized_shape);
  HEED_CHECK(parameter.dtype() == x.dtype(), "expected scalar type ", scalar_type_name(x.dtype()),
             " but found ", scalar_type_name(parameter.dtype()));
}

template <class T>
const T* data_or_null(const Tensor& x) {
  return x.defined() ? x.data<T>() : nullptr;
}

Tensor contiguous_or_undefined(const Tensor& x) {
  return x.defined() ? detail::plain_contiguous(x) : Tensor();
}

Tensor like_or_undefined(const Tensor& x, bool wanted) {
  return wanted ? detail::make_tensor(x.sizes(), x.dtype()) : Tensor();
}

// dx of a row that was scaled by rstd, given g = dy weight and the normalised row x̂:
// rstd (g - x̂ mean(g x̂)), and for layer_norm less the mean of g.
Tensor normalised_backward(const Tensor& g, const Tensor& x_hat, const Tensor& rstd) {
  return rstd * (g - x_hat * mean(g * x_hat, 1, true));
}

// y = x̂ w + b, x̂ = (x - mean) rstd, rstd = 1 / sqrt(var + eps)  (Ba, Kiros and Hinton 2016).
// g = dy w:  dx = rstd (g - mean(g) - x̂ mean(g x̂)), dw = Σ dy x̂, db = Σ dy over the rows.
struct LayerNormBackward final : Node {
  SavedTensor x, weight, mean_of_rows, rstd_of_rows;
  Rows shape;
  double eps;
  LayerNormBackward(const Tensor& x_, const Tensor& weight_, const Tensor& mean_,
                    const Tensor& rstd_, Rows shape_, double eps_)
      : x(this, x_),
        weight(this, weight_),
        mean_of_rows(this, mean_),
        rstd_of_rows(this, rstd_),
        shape(shape_),
        eps(eps_) {}
  const char* name() const override { return "NativeLayerNormBackward0"; }

  Grads backward(const Tensor& dy) override {
    return grad_enabled() || dy.numel() == 0 ? composed(dy) : fused(dy);
  }

  Grads fused(const Tensor& dy) {
    const Tensor in = detail::plain_contiguous(x.get()), g = detail::plain_contiguous(dy);
    const Tensor w = contiguous_or_undefined(weight.get());
    const Tensor m = mean_of_rows.get(), r = rstd_of_rows.get();
    Grads grads{like_or_undefined(in, needs(0)), Tensor(), Tensor()};
    if (needs(1)) grads[1] = like_or_undefined(w, true);
    if (needs(2)) grads[2] = detail::make_tensor(edge(2).sizes(), in.dtype());
    detail::dispatch_floating(in.dtype(), "layer_norm", [&]<class T>() {
      const auto out = [](Tensor& t) { return t.defined() ? t.data<T>() : nullptr; };
      simd::kernels().of<T>().layer_norm_backward(
          out(grads[0]), out(grads[1]), out(grads[2]), g.data<T>(), in.data<T>(), m.data<T>(),
          r.data<T>(), data_or_null<T>(w), shape.rows, shape.cols);
    });
    return grads;
  }

  // The same in operations that can be differentiated again: mean and rstd as functions of x.
  Grads composed(const Tensor& dy) {
    const Tensor in = x.get(), w = weight.get();
    const Tensor rows = reshape(in, {shape.rows, shape.cols});
    const Tensor g = reshape(dy, {shape.rows, shape.cols});
    const Tensor centred = rows - mean(rows, 1, true);
    const Tensor rstd = rsqrt(mean(square(centred), 1, true) + eps);
    const Tensor x_hat = centred * rstd;
    Grads grads{Tensor(), Tensor(), Tensor()};
    if (needs(0)) {
      const Tensor gw = w.defined() ? g * reshape(w, {shape.cols}) : g;
      grads[0] = reshape(normalised_backward(gw - mean(gw, 1, true), x_hat, rstd), in.sizes());
    }
    if (needs(1)) grads[1] = reshape(sum(g * x_hat, 0), w.sizes());
    if (needs(2)) grads[2] = reshape(sum(g, 0), edge(2).sizes());
    return grads;
  }
};

// y = x rstd w, rstd = 1 / sqrt(mean(x²) + eps)  (Zhang and Sennrich 2019).
// g = dy w:  dx = rstd (g - x̂ mean(g x̂)), dw = Σ dy x̂.
struct RmsNormBackward final : Node {
  SavedTensor x, weight, rstd_of_rows;
  Rows shape;
  double eps;
  RmsNormBackward(const Tensor& x_, const Tensor& weight_, const Tensor& rstd_, Rows shape_,
                  double eps_)
      : x(this, x_), weight(this, weight_), rstd_of_rows(this, rstd_), shape(shape_), eps(eps_) {}
  const char* name() const override { return "RmsNormBackward0"; }

  Grads backward(const Tensor& dy) override {
    return grad_enabled() || dy.numel() == 0 ? composed(dy) : fused(dy);
  }

  Grads fused(const Tensor& dy) {
    const Tensor in = detail::plain_contiguous(x.get()), g = detail::plain_contiguous(dy);
    const Tensor w = contiguous_or_undefined(weight.get()), r = rstd_of_rows.get();
    Grads grads{like_or_undefined(in, needs(0)), Tensor()};
    if (needs(1)) grads[1] = like_or_undefined(w, true);
    detail::dispatch_floating(in.dtype(), "rms_norm", [&]<class T>() {
      const auto out = [](Tensor& t) { return t.defined() ? t.data<T>() : nullptr; };
      simd::kernels().of<T>().rms_norm_backward(out(grads[0]), out(grads[1]), g.data<T>(),
                                                in.data<T>(), r.data<T>(), data_or_null<T>(w),
                                                shape.rows, shape.cols);
    });
    return grads;
  }

  Grads composed(const Tensor& dy) {
    const Tensor in = x.get(), w = weight.get();
    const Tensor rows = reshape(in, {shape.rows, shape.cols});
    const Tensor g = reshape(dy, {shape.rows, shape.cols});
    const Tensor rstd = rsqrt(mean(square(rows), 1, true) + eps);
    const Tensor x_hat = rows * rstd;
    Grads grads{Tensor(), Tensor()};
    if (needs(0)) {
      const Tensor gw = w.defined() ? g * reshape(w, {shape.cols}) : g;
      grads[0] = reshape(normalised_backward(gw, x_hat, rstd), in.sizes());
    }
    if (needs(1)) grads[1] = reshape(sum(g * x_hat, 0), w.sizes());
    return grads;
  }
};

}  // namespace

Tensor layer_norm(const Tensor& x, const Dims& normalized_shape, const Tensor& weight,
                  const Tensor& bias, double eps) {
  const Rows shape = checked_rows(x, normalized_shape);
  check_parameter(weight, "weight", normalized_shape, x);
  check_parameter(bias, "bias", normalized_shape, x);
  const Tensor in = detail::plain_contiguous(x);
  const Tensor w = contiguous_or_undefined(weight), b = contiguous_or_undefined(bias);
  const Tensor y = detail::make_tensor(x.sizes(), x.dtype());
  const Tensor mean_of_rows = detail::make_tensor({shape.rows}, x.dtype());
  const Tensor rstd = detail::make_tensor({shape.rows}, x.dtype());
  detail::dispatch_floating(x.dtype(), "LayerNormKernelImpl", [&]<class T>() {
    if (x.numel() == 0) return;
    simd::kernels().of<T>().layer_norm(y.data<T>(), mean_of_rows.data<T>(), rstd.data<T>(),
                                       in.data<T>(), data_or_null<T>(w), data_or_null<T>(b),
                                       shape.rows, shape.cols, eps);
  });
  return record<LayerNormBackward>(y, inputs(x, weight, bias), x, weight, mean_of_rows, rstd, shape,
                                   eps);
}

Tensor rms_norm(const Tensor& x, const Dims& normalized_shape, const Tensor& weight, double eps) {
  const Rows shape = checked_rows(x, normalized_shape);
  check_parameter(weight, "weight", normalized_shape, x);
  const Tensor in = detail::plain_contiguous(x), w = contiguous_or_undefined(weight);
  const Tensor y = detail::make_tensor(x.sizes(), x.dtype());
  const Tensor rstd = detail::make_tensor({shape.rows}, x.dtype());
  detail::dispatch_floating(x.dtype(), "rms_norm", [&]<class T>() {
    if (x.numel() == 0) return;
    simd::kernels().of<T>().rms_norm(y.data<T>(), rstd.data<T>(), in.data<T>(), data_or_null<T>(w),
                                     shape.rows, shape.cols, eps);
  });
  return record<RmsNormBackward>(y, inputs(x, weight), x, weight, rstd, shape, eps);
}

}  // namespace heed
