#include "core/ops/reduce.h"

#include "core/parallel.h"
#include "expect.h"

using namespace heed;
using namespace heed::testing;

TEST_CASE("a reduction over any set of dims is that over a copy which brings them together") {
  const Tensor x = randn({3, 1, 4, 5}, {.dtype = float64});
  const Tensor views[] = {x, x.transpose(0, 3), x.permute({2, 0, 3, 1}), x.slice(3, 0, 5, 2),
                          x.expand({3, 2, 4, 5})};
  for (const Tensor& v : views) {
    for (std::uint32_t mask = 1; mask < 16; ++mask) {
      const Dims dims = detail::mask_dims(mask, 4);
      Dims order, rows;
      for (const bool reduced : {false, true}) {
        for (std::int64_t d = 0; d < 4; ++d) {
          if (dims.contains(d) != reduced) continue;
          order.push_back(d);
          if (!reduced) rows.push_back(v.sizes()[d]);
        }
      }
      rows.push_back(-1);
      const Tensor together = v.permute(order).clone().reshape(rows);
      CHECK(allclose(v.sum(dims), together.sum(-1), 1e-13, 1e-13));
      CHECK(allclose(v.var(dims), together.var(Dims{-1}), 1e-12, 1e-12, true));
      CHECK(equal(v.amax(dims), together.amax({-1})));
      CHECK(allclose(v.logsumexp(dims), together.logsumexp({-1}), 1e-13, 1e-13));
      CHECK(allclose(v.norm(2, dims), together.norm(2, {-1}), 1e-13, 1e-13));
      CHECK(v.sum(dims, true).dim() == 4);
    }
  }
}

TEST_CASE("reductions of nothing") {
  const Tensor none = zeros({0}), rows = zeros({2, 0});
  CHECK(sum(none).item() == 0);
  CHECK(std::isnan(mean(none).item()));
  CHECK(prod(none).item() == 1);
  CHECK(std::isnan(var(none).item()));
  check_values(sum(rows, 1), {2}, {0, 0});
  check_values(logsumexp(rows, {1}), {2}, {-kInf, -kInf});
  CHECK(sum(rows, 0).sizes() == Dims{0});
  CHECK(max(rows, 0).values.sizes() == Dims{0});
  check_error("max(): Expected reduction dim to be specified for input.numel() == 0.",
              [&] { max(none); });
  check_error("max(): Expected reduction dim 1 to have non-zero size.", [&] { max(rows, 1); });
  check_error("amin(): Expected reduction dim 1 to have non-zero size.", [&] { amin(rows, {1}); });
  check_error("argmax(): Expected reduction dim to be specified", [&] { argmax(none); });
}

TEST_CASE("integers and truth values add up to int64 and have no mean") {
  CHECK(sum(tensor({true, true, false})).dtype() == int64);
  CHECK(sum(tensor({true, true, false})).item<std::int64_t>() == 2);
  CHECK(prod(tensor({3, 4})).item<std::int64_t>() == 12);
  CHECK(cumsum(tensor({true, true}), 0).to_vector<std::int64_t>() ==
        std::vector<std::int64_t>{1, 2});
  check_error("mean(): could not infer output dtype.", [] { mean(tensor({1, 2})); });
  check_error("std and var only support floating point", [] { var(tensor({1, 2})); });
}

TEST_CASE("NaN wins, and of equals the first counts") {
  const Tensor x = f64({3, kNaN, 1, kNaN});
  CHECK(std::isnan(max(x).item()));
  CHECK(std::isnan(min(x).item()));
  CHECK(max(x, 0).indices.item<std::int64_t>() == 1);
  CHECK(argmin(x).item<std::int64_t>() == 1);
  CHECK(argmax(f64({2, 5, 5, 1})).item<std::int64_t>() == 1);
  CHECK(std::isnan(sum(x).item()));
  CHECK(std::isnan(norm(x, kInf).item()));
}

TEST_CASE("equal extremes share the gradient, along a dim the first one has it") {
  const auto grad_of = [](auto f) {
    const Tensor x = f64({1, 4, 4}).requires_grad_();
    f(x).backward();
    return x.grad();
  };
  check_values(grad_of([](const Tensor& x) { return max(x); }), {3}, {0, 0.5, 0.5});
  check_values(grad_of([](const Tensor& x) { return amax(x, {0}); }), {3}, {0, 0.5, 0.5});
  check_values(grad_of([](const Tensor& x) { return max(x, 0).values; }), {3}, {0, 1, 0});
  check_values(grad_of([](const Tensor& x) { return norm(x, kInf); }), {3}, {0, 0.5, 0.5});
}

TEST_CASE("the gradient of a product with zeros is the product of the others") {
  const auto grad_of = [](const std::vector<double>& values) {
    const Tensor x = f64(values).requires_grad_();
    prod(x).backward();
    return x.grad();
  };
  check_values(grad_of({0, 2, 3}), {3}, {6, 0, 0});
  check_values(grad_of({0, 0, 3}), {3}, {0, 0, 0});
  check_values(grad_of({1, 2, 3}), {3}, {6, 3, 2});
}

TEST_CASE("variance of one element is NaN, unbiased, and 0 otherwise") {
  CHECK(std::isnan(var(f64({3.0})).item()));
  CHECK(var(f64({3.0}), false).item() == 0);
  CHECK(std::isnan(heed::std(f64({3, 4}, {2, 1}), Dims{1}).to_vector<double>()[0]));
  // A large mean does not drown small deviations.
  CHECK(var(f64({1e8, 1e8 + 1, 1e8 + 2})).item() == doctest::Approx(1).epsilon(1e-12));
}

TEST_CASE("the gradient of std is 0 where std is 0") {
  const Tensor x = f64({2, 2, 2}).requires_grad_();
  heed::std(x).backward();
  check_values(x.grad(), {3}, {0, 0, 0});
}

TEST_CASE("logsumexp neither overflows nor loses infinite rows") {
  check_values(logsumexp(f64({1000, 1000, -kInf, -kInf, kInf, 0}, {3, 2}), {1}), {3},
               {1000 + std::log(2.0), -kInf, kInf});
}

TEST_CASE("the gradient of logsumexp is exact for large float32 inputs") {
  const Tensor x = full({2}, 1000.3, {.dtype = float32, .requires_grad = true});
  logsumexp(x, {0}).backward();
  check_values(x.grad(), {2}, {0.5, 0.5}, 1e-7);
}

TEST_CASE("norms of zero have gradient zero, and p picks the definition") {
  const Tensor zero = zeros({3}, {.dtype = float64, .requires_grad = true});
  norm(zero).backward();
  check_values(zero.grad(), {3}, {0, 0, 0});
  const Tensor x = f64({3, -4, 0});
  CHECK(norm(x).item() == 5);
  CHECK(norm(x, 1).item() == 7);
  CHECK(norm(x, kInf).item() == 4);
  CHECK(norm(x, -kInf).item() == 0);
  CHECK(norm(x, 0).item() == 2);
  CHECK(norm(x, 3).item() == doctest::Approx(std::cbrt(91.0)).epsilon(1e-14));
}

TEST_CASE("a scalar reduces along dim 0 and -1") {
  const Tensor x = tensor(2.5f);
  CHECK(sum(x, -1).item() == 2.5);
  CHECK(max(x, 0).indices.item<std::int64_t>() == 0);
  CHECK(cumsum(x, 0).item() == 2.5);
  CHECK(mean(x, Dims{0}).dim() == 0);
  CHECK(sort(x).values.item() == 2.5);
  check_error("Dimension out of range (expected to be in range of [-1, 0], but got 1)",
              [&] { sum(x, 1); });
  check_error("dim 0 appears multiple times in the list of dims", [] {
    sum(ones({2, 2}), Dims{0, 0});
  });
}

TEST_CASE("a reduction has the same bits for any number of threads") {
  const Tensor x = randn({300, 70, 40});
  const int before = num_threads();
  std::vector<std::vector<double>> results;
  for (const int threads : {1, 2, 3, 7}) {
    set_num_threads(threads);
    std::vector<double> all;
    const Tensor ys[] = {sum(x), sum(x, 0), sum(x, 1), sum(x, 2), var(x), mean(x, Dims{0, 2})};
    for (const Tensor& y : ys) {
      const std::vector<double> values = y.to_vector<double>();
      all.insert(all.end(), values.begin(), values.end());
    }
    results.push_back(all);
  }
  set_num_threads(before);
  for (const auto& result : results) CHECK(result == results[0]);
}

TEST_CASE("the place of the extreme in long rows, with ties, NaN and infinities") {
  std::vector<double> row(100, 0.0);
  row[70] = row[40] = 2;
  CHECK(argmax(f64(row)).item<std::int64_t>() == 40);
  CHECK(max(f64(row), 0).values.item() == 2);
  row[90] = kInf;
  CHECK(argmax(f64(row)).item<std::int64_t>() == 90);
  CHECK(argmin(f64(row)).item<std::int64_t>() == 0);
  row[99] = row[77] = kNaN;
  CHECK(argmax(f64(row)).item<std::int64_t>() == 77);
  CHECK(argmin(f64(row)).item<std::int64_t>() == 77);
  CHECK(std::isnan(min(f64(row), 0).values.item()));
}

TEST_CASE("a middle dim is reduced where there is nothing in it, or nothing behind it") {
  CHECK(mean(zeros({2, 3, 0}), 1).sizes() == Dims{2, 0});
  CHECK(sum(zeros({2, 3, 0}), 1).sizes() == Dims{2, 0});
  check_values(sum(zeros({2, 0, 3}, {.dtype = float64}), 1), {2, 3}, {0, 0, 0, 0, 0, 0});
  CHECK(isnan(mean(zeros({2, 0, 3}), 1)).all().item<bool>());
  for (const DType dtype : {float32, float64}) {
    for (const Dims& sizes : {Dims{0, 3, 4}, Dims{2, 0, 4}, Dims{2, 3, 0}, Dims{0, 0, 0}}) {
      const Tensor x = zeros(sizes, {.dtype = dtype, .requires_grad = true});
      for (std::int64_t dim = 0; dim < 3; ++dim) {
        sum(sum(x, dim) + mean(x, dim) + prod(x, dim) + var(x, dim) + logsumexp(x, dim)).backward();
      }
      CHECK(x.grad().sizes() == sizes);
    }
  }
}

TEST_CASE("a number is a dim wherever a list of dims is taken, for var and std too") {
  const Tensor x = f64({1, 2, 4, 8, 16, 32}, {2, 3});
  CHECK(equal(var(x, 1), var(x, Dims{1})));
  CHECK(equal(x.std(0, false, true), heed::std(x, Dims{0}, false, true)));
  CHECK(var(x, true).dim() == 0);
  CHECK(x.var(false).dim() == 0);
  CHECK(equal(logsumexp(x, 1), logsumexp(x, Dims{1})));
  CHECK(equal(x.amax(-1), amax(x, Dims{1})));
  CHECK(equal(norm(x, 2, 0), norm(x, 2, Dims{0})));
  CHECK(zeros(3).sizes() == Dims{3});
  CHECK(x.reshape(-1).sizes() == Dims{6});
}
