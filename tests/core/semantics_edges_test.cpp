// What operations give at the edges of their domains: the values PyTorch gives.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "core/factory.h"
#include "core/ops/ops.h"
#include "core/tensor.h"
#include "support/refusal.h"

namespace {

using namespace heed;
using heed::test::values;

const double kInf = std::numeric_limits<double>::infinity();
const double kNan = std::numeric_limits<double>::quiet_NaN();

bool all_nan(const Tensor& x) {
  for (const double value : values(x)) {
    if (!std::isnan(value)) return false;
  }
  return x.numel() > 0;
}

Tensor row(const std::vector<double>& list, DType dtype) { return tensor(list).to(dtype); }

}  // namespace

TEST_CASE("softmax of a row of all -inf, with +inf or with NaN is NaN") {
  for (const DType dtype : {float32, float64}) {
    CHECK(all_nan(softmax(row({-kInf, -kInf, -kInf}, dtype), 0)));
    CHECK(all_nan(softmax(row({0, kNan, 1}, dtype), 0)));
    const std::vector<double> with_inf = values(softmax(row({0, kInf, 1}, dtype), 0));
    CHECK(std::isnan(with_inf[1]));
    CHECK(all_nan(log_softmax(row({-kInf, -kInf}, dtype), 0)));
  }
}

TEST_CASE("softmax of very large numbers does not overflow") {
  for (const DType dtype : {float32, float64}) {
    CHECK(values(softmax(row({1e30, 1e30, -1e30}, dtype), 0)) == std::vector<double>{0.5, 0.5, 0});
  }
}

TEST_CASE("an empty tensor sums to 0, multiplies to 1, averages to NaN and has no maximum") {
  const Tensor none = zeros({0});
  CHECK(sum(none).item() == 0);
  CHECK(prod(none).item() == 1);
  CHECK(std::isnan(mean(none).item()));
  CHECK_THROWS_AS(max(none), Error);
  CHECK_THROWS_AS(min(none), Error);
  CHECK_THROWS_AS(argmax(none), Error);
  CHECK(sum(zeros({0, 3}), 0).sizes() == Dims{3});
  CHECK(max(zeros({0, 3}), 1).values.sizes() == Dims{0});
}

TEST_CASE("a product over an empty dimension is zeros") {
  const Tensor y = matmul(zeros({2, 0}), zeros({0, 3}));
  CHECK(y.sizes() == Dims{2, 3});
  CHECK(values(y) == std::vector<double>(6, 0));
}

TEST_CASE("cross_entropy with every target ignored is NaN") {
  const Tensor ignored = full({2}, std::int64_t{-100});
  CHECK(std::isnan(cross_entropy(zeros({2, 3}), ignored).item()));
  CHECK(cross_entropy(zeros({2, 3}), ignored, {.reduction = Reduction::Sum}).item() == 0);
}

TEST_CASE("ignore_index is -100 unless another is given") {
  const Tensor x = tensor({{1.f, 2.f}, {3.f, 5.f}});
  const Tensor with = cross_entropy(x, tensor({-100, 1}));
  CHECK(with.item() == doctest::Approx(std::log1p(std::exp(-2.0))));
  CHECK(cross_entropy(x, tensor({0, 1}), {.ignore_index = 0}).item() ==
        doctest::Approx(with.item()));
}

TEST_CASE("NaN travels through every operation") {
  const Tensor x = row({1, kNan}, float32);
  const std::vector<Tensor> results = {
      x + 1,
      x * x,
      x / 2,
      -x,
      abs(x),
      exp(x),
      sqrt(x),
      tanh(x),
      sigmoid(x),
      relu(x),
      gelu(x),
      silu(x),
      softplus(x),
      leaky_relu(x),
      erf(x),
      sin(x),
      clamp(x, 0, 1),
      maximum(x, zeros({2})),
      minimum(x, ones({2})),
      pow(x, 2),
      log1p(x),
      expm1(x),
      reciprocal(x),
      square(x),
      log(x),
      rsqrt(x),
      cos(x),
      x - 1,
      1 / x,
      pow(2, x),
      gelu(x, "tanh"),
      where(tensor({true, true}), x, ones({2})),
      masked_fill(x, tensor({false, false}), 0),
      x.to(float64),
      sort(x).values,
      cumsum(x, 0),
      outer(x, ones({1})).select(1, 0),
      cat({x, x}).slice(0, 2, 4),
      smooth_l1_loss(x, zeros({2}), Reduction::None),
      mse_loss(x, zeros({2}), Reduction::None),
      l1_loss(x, zeros({2}), Reduction::None),
      binary_cross_entropy_with_logits(x, ones({2}), {.reduction = Reduction::None}),
      kl_div(x, ones({2}), {.reduction = Reduction::None})};
  for (std::size_t i = 0; i < results.size(); ++i) {
    CHECK_MESSAGE(std::isnan(values(results[i])[1]), "operation " << i);
    CHECK_MESSAGE(!std::isnan(values(results[i])[0]), "operation " << i);
  }
  for (const Tensor& whole : {sum(x), mean(x), max(x), min(x), prod(x), norm(x), amax(x), amin(x),
                              logsumexp(x, {0}), dot(x, x), var(x)}) {
    CHECK(std::isnan(whole.item()));
  }
  CHECK(all_nan(softmax(x, 0)));
  CHECK(all_nan(log_softmax(x, 0)));
  CHECK(all_nan(layer_norm(x, {2})));
  CHECK(all_nan(rms_norm(x, {2})));
  const Tensor row_of_x = x.view({1, 2}), ones_2 = ones({2, 2});
  CHECK(all_nan(matmul(row_of_x, ones_2)));
  CHECK(all_nan(linear(row_of_x, ones_2, zeros({2}))));
  CHECK(all_nan(einsum("ij,jk->ik", {row_of_x, ones_2})));
  CHECK(all_nan(addmm(zeros({2}), row_of_x, ones_2)));
  CHECK(all_nan(bmm(row_of_x.view({1, 1, 2}), ones({1, 2, 3}))));
  CHECK(all_nan(scaled_dot_product_attention(row_of_x, ones_2, ones_2)));
  CHECK(std::isnan(cross_entropy(row_of_x, tensor({0})).item()));
  CHECK(std::isnan(nll_loss(row_of_x, tensor({1})).item()));
  CHECK(std::isnan(heed::std(x).item()));
  CHECK(argmax(x).item<std::int64_t>() == 1);
}

TEST_CASE("dimensions of size 0 and 1, scalars and negative dims work everywhere") {
  const Tensor scalar = tensor(2.f);
  for (const Tensor& y : {sum(scalar), mean(scalar), max(scalar), exp(scalar), softmax(scalar, 0),
                          sum(scalar, 0), sum(scalar, -1), cumsum(scalar, -1), scalar * scalar}) {
    CHECK(y.dim() == 0);
  }
  const Tensor none = zeros({2, 0, 3});
  CHECK(softmax(none, 1).sizes() == none.sizes());
  CHECK(sum(none, -2).sizes() == Dims{2, 3});
  CHECK(transpose(none, 0, -1).sizes() == Dims{3, 0, 2});
  CHECK(cat({none, zeros({2, 1, 3})}, -2).sizes() == Dims{2, 1, 3});
  CHECK(matmul(zeros({2, 0, 3}), zeros({2, 3, 4})).sizes() == Dims{2, 0, 4});
  CHECK(layer_norm(zeros({0, 4}), {4}).sizes() == Dims{0, 4});
  const Tensor one = full({1, 1}, 3.f);
  CHECK(values(softmax(one, -1)) == std::vector<double>{1});
  CHECK(std::isnan(var(one).item()));
}

TEST_CASE("transposed, strided and expanded inputs give what their copies give") {
  const Tensor base = arange(24).to(float64).view({4, 6}) / 10;
  for (const Tensor& x : {base.t(), base.slice(1, 0, 6, 2), base.slice(0, 0, 1).expand({3, 6}),
                          base.view({2, 2, 6}).transpose(0, 2)}) {
    const Tensor copy = x.clone();
    CHECK(equal(exp(x), exp(copy)));
    CHECK(equal(x + x, copy + copy));
    CHECK(equal(sum(x, -1), sum(copy, -1)));
    CHECK(equal(softmax(x, 0), softmax(copy, 0)));
    CHECK(equal(max(x, 0).values, max(copy, 0).values));
    CHECK(allclose(matmul(x, x.transpose(-2, -1)), matmul(copy, copy.transpose(-2, -1)), 1e-13));
    CHECK(equal(reshape(x, {-1}), reshape(copy, {-1})));
  }
}
