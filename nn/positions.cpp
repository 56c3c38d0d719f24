#include "nn/positions.h"

#include <cmath>

#include "core/factory.h"
#include "core/ops/ops.h"
#include "nn/init.h"

namespace heed::nn {
namespace {

// Rows [offset, offset + T) of a table (max_length, width) for x (…, T, width).
Tensor rows_for(const Tensor& table, const Tensor& x, std::int64_t offset, std::int64_t width) {
  HEED_CHECK(x.dim() >= 2 && x.size(-1) == width, "expected (…, T, ", width, "), got ", x.sizes());
  const std::int64_t length = x.size(-2), limit = table.size(0);
  HEED_CHECK(offset >= 0 && offset + length <= limit, "positions ", offset, " to ",
             offset + length - 1, " asked for, but there are only ", limit);
  return table.narrow(0, offset, length);
}

}  // namespace

Tensor sinusoidal_positions(std::int64_t length, std::int64_t width, DType dtype) {
  const Tensor table = empty({length, width}, {.dtype = float64});
  double* out = table.data<double>();
  for (std::int64_t t = 0; t < length; ++t) {
    for (std::int64_t c = 0; c < width; ++c) {
      const double exponent = static_cast<double>(c - c % 2) / static_cast<double>(width);
      const double angle = static_cast<double>(t) / std::pow(10000.0, exponent);
      *out++ = c % 2 == 0 ? std::sin(angle) : std::cos(angle);
    }
  }
  return table.to(dtype);
}

Tensor SinusoidalPositions::forward(const Tensor& x, std::int64_t offset) const {
  return x + rows_for(table, x, offset, table.size(1));
}

std::string SinusoidalPositions::extra_repr() const {
  return heed::detail::concat("max_length=", table.size(0), ", width=", table.size(1));
}

LearnedPositions::LearnedPositions(std::int64_t max_length, std::int64_t width,
                                   const PositionOptions& options)
    : weight(empty({max_length, width}, {.dtype = options.dtype})) {
  init::normal_(weight, 0, 0.02, options.generator);
  weight.requires_grad_();
}

Tensor LearnedPositions::forward(const Tensor& x, std::int64_t offset) const {
  return x + rows_for(weight, x, offset, weight.size(1));
}

std::string LearnedPositions::extra_repr() const {
  return heed::detail::concat("max_length=", weight.size(0), ", width=", weight.size(1));
}

RotaryPositions::RotaryPositions(std::int64_t dim, const RotaryOptions& options)
    : dim_(dim), options_(options) {
  HEED_CHECK(dim > 0 && dim % 2 == 0, "rotary positions need an even dim, got ", dim);
  const std::int64_t pairs = dim / 2;
  cos64_ = empty({options.max_length, pairs}, {.dtype = float64});
  sin64_ = empty({options.max_length, pairs}, {.dtype = float64});
  double *cosines = cos64_.data<double>(), *sines = sin64_.data<double>();
  for (std::int64_t t = 0; t < options.max_length; ++t) {
    for (std::int64_t i = 0; i < pairs; ++i) {
      const double exponent = static_cast<double>(2 * i) / static_cast<double>(dim);
      const double angle = static_cast<double>(t) / std::pow(options.base, exponent);
      *cosines++ = std::cos(angle);
      *sines++ = std::sin(angle);
    }
  }
  cos32_ = cos64_.to(float32);
  sin32_ = sin64_.to(float32);
}

Tensor RotaryPositions::forward(const Tensor& x, std::int64_t offset) const {
  const bool wide = x.dtype() == float64;
  HEED_CHECK(x.dim() >= 2 && x.size(-1) == dim_, "expected (…, T, ", dim_, "), got ", x.sizes());
  const Tensor pairs =
      options_.interleaved ? x.unflatten(-1, {dim_ / 2, 2}) : x.unflatten(-1, {2, dim_ / 2});
  const std::int64_t within = options_.interleaved ? -1 : -2;
  const Tensor a = pairs.select(within, 0), b = pairs.select(within, 1);  // (…, T, dim / 2)
  const Tensor cos = rows_for(wide ? cos64_ : cos32_, a, offset, dim_ / 2);
  const Tensor sin = rows_for(wide ? sin64_ : sin32_, a, offset, dim_ / 2);
  return stack({a * cos - b * sin, a * sin + b * cos}, within).flatten(-2);
}

std::string RotaryPositions::extra_repr() const {
  return heed::detail::concat(dim_, ", base=", options_.base,
                              ", interleaved=", options_.interleaved ? "True" : "False");
}

}  // namespace heed::nn
