// Rows of arithmetic and element-by-element operations.
#pragma once

#include "row.h"

namespace heed::testing {

inline std::vector<Row> arithmetic_rows() {
  const auto safe = Domain::AwayFromZero;
  return {
      binary("add", "two tensors", [](const Tensor& a, const Tensor& b) { return add(a, b); }),
      binary("add", "alpha", [](const Tensor& a, const Tensor& b) { return add(a, b, -1.5); }),
      unary("add", [](const Tensor& a) { return add(a, 2.5); }),
      binary("sub", "two tensors", [](const Tensor& a, const Tensor& b) { return sub(a, b); }),
      binary("sub", "alpha", [](const Tensor& a, const Tensor& b) { return sub(a, b, 3); }),
      unary("sub", [](const Tensor& a) { return sub(a, 2.5); }),
      unary("rsub", [](const Tensor& a) { return rsub(a, 2.5); }),
      binary("mul", "two tensors", [](const Tensor& a, const Tensor& b) { return mul(a, b); }),
      unary("mul", [](const Tensor& a) { return mul(a, -2.5); }),
      unary("mul", [](const Tensor& a) { return mul(a, a); }),
      binary(
          "div", "two tensors", [](const Tensor& a, const Tensor& b) { return div(a, b); }, safe),
      unary("div", [](const Tensor& a) { return div(a, -2.5); }),
      binary(
          "pow", "two tensors", [](const Tensor& a, const Tensor& b) { return pow(a, b); },
          Domain::Positive),
      unary("pow", [](const Tensor& a) { return pow(a, 3); }),
      unary("pow", [](const Tensor& a) { return pow(a, 2); }),
      unary("pow", [](const Tensor& a) { return pow(a, 1); }),
      unary("pow", [](const Tensor& a) { return pow(a, 0); }),
      unary("pow", [](const Tensor& a) { return pow(a, -2); }),
      unary(
          "pow", [](const Tensor& a) { return pow(a, 2.5); }, Domain::Positive),
      unary(
          "pow", [](const Tensor& a) { return pow(a, 0.5); }, Domain::Positive),
      unary("pow", [](const Tensor& b) { return pow(1.7, b); }),
      binary("maximum", "", [](const Tensor& a, const Tensor& b) { return maximum(a, b); }),
      binary("minimum", "", [](const Tensor& a, const Tensor& b) { return minimum(a, b); }),
      binary("operator+", "", [](const Tensor& a, const Tensor& b) { return a + b; }),
      unary("operator+", [](const Tensor& a) { return a + 3; }),
      unary("operator+", [](const Tensor& a) { return 3 + a; }),
      binary("operator-", "", [](const Tensor& a, const Tensor& b) { return a - b; }),
      unary("operator-", [](const Tensor& a) { return a - 3; }),
      unary("operator-", [](const Tensor& a) { return 3 - a; }),
      unary("operator-", [](const Tensor& a) { return -a; }),
      binary("operator*", "", [](const Tensor& a, const Tensor& b) { return a * b; }),
      unary("operator*", [](const Tensor& a) { return a * 3; }),
      unary("operator*", [](const Tensor& a) { return 3 * a; }),
      binary("operator/", "", [](const Tensor& a, const Tensor& b) { return a / b; }),
      unary("operator/", [](const Tensor& a) { return a / 3; }),
      unary("operator/", [](const Tensor& a) { return 3 / a; }),
  };
}

inline std::vector<Row> elementwise_rows() {
  const Tensor condition = tensor({{true, false, true}, {false, false, true}});
  const std::vector<Shapes> chosen{{{2, 3}, {2, 3}}, {{2, 3}, {3}}, {{}, {2, 1}}};
  const std::vector<Shapes> one{{{2, 3}}, {{1, 3}}, {{2, 1}}, {{}}};
  return {
      unary("neg", [](const Tensor& x) { return neg(x); }),
      unary("abs", [](const Tensor& x) { return heed::abs(x); }),
      unary("sign", [](const Tensor& x) { return sign(x); }),
      unary("exp", [](const Tensor& x) { return heed::exp(x); }),
      unary(
          "log", [](const Tensor& x) { return heed::log(x); }, Domain::Positive),
      unary(
          "log1p", [](const Tensor& x) { return heed::log1p(x); }, Domain::Unit),
      unary("expm1", [](const Tensor& x) { return heed::expm1(x); }),
      unary(
          "sqrt", [](const Tensor& x) { return heed::sqrt(x); }, Domain::Positive),
      unary(
          "rsqrt", [](const Tensor& x) { return rsqrt(x); }, Domain::Positive),
      unary("reciprocal", [](const Tensor& x) { return reciprocal(x); }),
      unary("square", [](const Tensor& x) { return square(x); }),
      unary("tanh", [](const Tensor& x) { return heed::tanh(x); }),
      unary("sigmoid", [](const Tensor& x) { return sigmoid(x); }),
      unary("relu", [](const Tensor& x) { return relu(x); }),
      unary("leaky_relu", [](const Tensor& x) { return leaky_relu(x, 0.2); }),
      unary("gelu", [](const Tensor& x) { return gelu(x); }),
      unary("gelu", [](const Tensor& x) { return gelu(x, "tanh"); }),
      unary("silu", [](const Tensor& x) { return silu(x); }),
      unary("softplus", [](const Tensor& x) { return softplus(x); }),
      unary("softplus", [](const Tensor& x) { return softplus(x * 10, 2, 5); }),
      unary("erf", [](const Tensor& x) { return heed::erf(x); }),
      unary("sin", [](const Tensor& x) { return heed::sin(x); }),
      unary("cos", [](const Tensor& x) { return heed::cos(x); }),
      unary("clamp", [](const Tensor& x) { return clamp(x, -0.5, 0.6); }),
      unary("clamp", [](const Tensor& x) { return clamp(x, 0.3); }),
      unary("clamp", [](const Tensor& x) { return clamp(x, {}, 0.3); }),
      on(
          "where", "two tensors",
          [condition](const Inputs& x) { return where(condition, x[0], x[1]); }, chosen),
      on(
          "where", "a number where false",
          [condition](const Inputs& x) { return where(condition, x[0], 0.5); }, one),
      on(
          "where", "a number where true",
          [condition](const Inputs& x) { return where(condition, 0.5, x[0]); }, one),
      on("masked_fill", "",
         [condition](const Inputs& x) { return masked_fill(x[0], condition, -7); }, {{{2, 3}}}),
      on("masked_fill", "a mask that is broadcast",
         [condition](const Inputs& x) { return masked_fill(x[0], condition.select(0, 0), -7); },
         {{{2, 3}}, {{2, 2, 3}}, {{3}}}),
      unary("to", [](const Tensor& x) { return to(x, float64) * x; }),
  };
}

}  // namespace heed::testing
