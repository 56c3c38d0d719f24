#include "nn/init.h"

#include <cmath>
#include <limits>
#include <numbers>

#include "core/autograd/grad_mode.h"
#include "core/factory.h"
#include "core/ops/ops.h"

namespace heed::nn::init {
namespace {

// erf(x) = y solved for x. The start (Winitzki's approximation, within 0.002) is refined by
// Newton's steps, x -= (erf x - y) / (2 / sqrt(pi) exp(-x²)), each of which doubles the digits.
// Near ±1 erfc keeps those that erf would round away.
double erfinv(double y) {
  if (std::abs(y) >= 1) return std::copysign(std::numeric_limits<double>::infinity(), y);
  const double size = std::abs(y), log_rest = std::log1p(-size * size);
  constexpr double a = 0.147;
  const double b = 2 / (std::numbers::pi * a) + log_rest / 2;
  double x = std::sqrt(std::sqrt(b * b - log_rest / a) - b);
  for (int step = 0; step < 4; ++step) {
    const double error = size < 0.5 ? std::erf(x) - size : (1 - size) - std::erfc(x);
    x -= error / (2 * std::numbers::inv_sqrtpi * std::exp(-x * x));
  }
  return std::copysign(x, y);
}

double normal_cdf(double x) { return (1 + std::erf(x / std::numbers::sqrt2)) / 2; }

double kaiming_std(const Tensor& tensor, const KaimingOptions& options) {
  HEED_CHECK(options.mode == "fan_in" || options.mode == "fan_out", "Mode ", options.mode,
             " not supported, please use one of ['fan_in', 'fan_out']");
  const Fans fans = calculate_fan_in_and_fan_out(tensor);
  const std::int64_t fan = options.mode == "fan_in" ? fans.in : fans.out;
  return calculate_gain(options.nonlinearity, options.a) / std::sqrt(static_cast<double>(fan));
}

}  // namespace

Tensor uniform_(const Tensor& tensor, double a, double b, Generator* generator) {
  NoGradGuard no_grad;
  return tensor.uniform_(a, b, generator);
}

Tensor normal_(const Tensor& tensor, double mean, double std, Generator* generator) {
  NoGradGuard no_grad;
  return tensor.normal_(mean, std, generator);
}

Tensor trunc_normal_(const Tensor& tensor, double mean, double std, double a, double b,
                     Generator* generator) {
  NoGradGuard no_grad;
  const double low = normal_cdf((a - mean) / std), high = normal_cdf((b - mean) / std);
  tensor.uniform_(2 * low - 1, 2 * high - 1, generator);
  std::vector<double> values = tensor.to_vector<double>();
  for (double& value : values) value = erfinv(value);
  tensor.copy_(heed::tensor(values, tensor.sizes()));
  tensor.mul_(std * std::numbers::sqrt2);
  tensor.add_(mean);
  return tensor.clamp_(a, b);
}

Tensor constant_(const Tensor& tensor, double value) {
  NoGradGuard no_grad;
  return tensor.fill_(value);
}

Tensor ones_(const Tensor& tensor) { return constant_(tensor, 1); }

Tensor zeros_(const Tensor& tensor) { return constant_(tensor, 0); }

Tensor eye_(const Tensor& tensor) {
  HEED_CHECK(tensor.dim() == 2, "Only tensors with 2 dimensions are supported, but got ",
             tensor.sizes());
  NoGradGuard no_grad;
  return tensor.copy_(eye(tensor.size(0), tensor.size(1)));
}

double calculate_gain(const std::string& nonlinearity, double param) {
  if (nonlinearity == "linear" || nonlinearity == "sigmoid") return 1;
  if (nonlinearity == "tanh") return 5.0 / 3;
  if (nonlinearity == "relu") return std::sqrt(2.0);
  if (nonlinearity == "leaky_relu") return std::sqrt(2.0 / (1 + param * param));
  if (nonlinearity == "selu") return 0.75;
  HEED_CHECK(false, "Unsupported nonlinearity ", nonlinearity);
}

Fans calculate_fan_in_and_fan_out(const Tensor& tensor) {
  HEED_CHECK(tensor.dim() >= 2,
             "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions, got ",
             tensor.sizes());
  std::int64_t field = 1;
  for (std::int64_t d = 2; d < tensor.dim(); ++d) field *= tensor.size(d);
  return {tensor.size(1) * field, tensor.size(0) * field};
}

// The order of the arithmetic below is PyTorch's, so that the bounds agree to the last bit.

Tensor xavier_uniform_(const Tensor& tensor, double gain, Generator* generator) {
  const Fans fans = calculate_fan_in_and_fan_out(tensor);
  const double std = gain * std::sqrt(2.0 / static_cast<double>(fans.in + fans.out));
  const double a = std::sqrt(3.0) * std;
  return uniform_(tensor, -a, a, generator);
}

Tensor xavier_normal_(const Tensor& tensor, double gain, Generator* generator) {
  const Fans fans = calculate_fan_in_and_fan_out(tensor);
  const double std = gain * std::sqrt(2.0 / static_cast<double>(fans.in + fans.out));
  return normal_(tensor, 0, std, generator);
}

Tensor kaiming_uniform_(const Tensor& tensor, const KaimingOptions& options) {
  if (tensor.numel() == 0) return tensor;
  const double bound = std::sqrt(3.0) * kaiming_std(tensor, options);
  return uniform_(tensor, -bound, bound, options.generator);
}

Tensor kaiming_normal_(const Tensor& tensor, const KaimingOptions& options) {
  if (tensor.numel() == 0) return tensor;
  return normal_(tensor, 0, kaiming_std(tensor, options), options.generator);
}

}  // namespace heed::nn::init
