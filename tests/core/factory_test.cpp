#include "core/factory.h"

#include <doctest/doctest.h>

#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "core/ops/ops.h"
#include "support/refusal.h"

using namespace heed;
using heed::test::check_starts_with;
using heed::test::refusal;
using heed::test::values;

TEST_CASE("nested braces of any depth become a tensor of that shape") {
  const Tensor scalar = tensor(1.5f);
  CHECK(scalar.dim() == 0);
  CHECK(scalar.item() == 1.5);
  const Tensor row = tensor({1.f, 2.f, 3.f});
  CHECK(row.sizes() == Dims{3});
  const Tensor matrix = tensor({{1.f, 2.f, 3.f}, {4.f, 5.f, 6.f}});
  CHECK(matrix.sizes() == Dims{2, 3});
  CHECK(values(matrix) == std::vector<double>{1, 2, 3, 4, 5, 6});
  const Tensor deep = tensor({{{1, 2}, {3, 4}}, {{5, 6}, {7, 8}}, {{9, 10}, {11, 12}}});
  CHECK(deep.sizes() == Dims{3, 2, 2});
  CHECK(deep.dtype() == int64);
  CHECK(values(deep)[10] == 11);
  CHECK(tensor({{7}}).sizes() == Dims{1, 1});
  CHECK(tensor({}).sizes() == Dims{0});
  CHECK(tensor({}).dtype() == float32);
}

TEST_CASE("the type of given numbers is the widest among them unless one is named") {
  CHECK(tensor({true, false}).dtype() == boolean);
  CHECK(tensor({true, 2}).dtype() == int64);
  CHECK(tensor({1, 2.5}).dtype() == float32);
  CHECK(values(tensor({{1.}, {2.5}, {0.}})) == std::vector<double>{1, 2.5, 0});
  CHECK(values(tensor({1.7, -2.3}, {.dtype = int64})) == std::vector<double>{1, -2});
  CHECK(values(tensor({1.7, 0.0}, {.dtype = boolean})) == std::vector<double>{1, 0});
  CHECK(tensor({1, 2}, {.dtype = float64, .requires_grad = true}).requires_grad());
}

TEST_CASE("rows of different lengths are refused") {
  check_starts_with(refusal([] {
                      tensor({{1, 2}, {3}});
                    }),
                    "expected sequence of length 2 at dim 1 (got 1)");
  check_starts_with(refusal([] {
                      tensor({{1, 2}, {3, 4}, {5, 6, 7}});
                    }),
                    "expected sequence of length 2 at dim 1 (got 3)");
  CHECK_THROWS_AS(tensor({{1, 2}, 3}), Error);
  CHECK_THROWS_AS(tensor({1, {2, 3}}), Error);
}

TEST_CASE("vectors become tensors of their own type") {
  CHECK(tensor(std::vector<double>{1, 2}).dtype() == float64);
  CHECK(tensor(std::vector<float>{1, 2}).dtype() == float32);
  const Tensor whole = tensor(std::vector<std::int64_t>{1, 2, 3, 4, 5, 6}, {2, 3});
  CHECK(whole.dtype() == int64);
  CHECK(whole.sizes() == Dims{2, 3});
  CHECK(values(tensor(std::vector<int>{1, 2, 3})) == std::vector<double>{1, 2, 3});
  CHECK(tensor(std::vector<int>{1}).dtype() == int64);
  const Tensor truth = tensor(std::vector<bool>{true, false, true});
  CHECK(truth.dtype() == boolean);
  CHECK(values(truth) == std::vector<double>{1, 0, 1});
  CHECK(values(tensor(std::vector<float>{1.5f}, {.dtype = float64})) == std::vector<double>{1.5});
  check_starts_with(refusal([] {
                      tensor(std::vector<float>{1, 2, 3}, {2, 2});
                    }),
                    "shape '[2, 2]' is invalid for input of size 3");
}

TEST_CASE("memory of the caller is used, not copied") {
  float memory[] = {1, 2, 3, 4, 5, 6};
  const Tensor x = from_blob(memory, {2, 3}, float32);
  memory[4] = 50;
  CHECK(values(x) == std::vector<double>{1, 2, 3, 4, 50, 6});
  x.mul_(2);
  CHECK(memory[0] == 2);
  CHECK(from_blob(nullptr, {0, 3}, float32).numel() == 0);
  CHECK_THROWS_AS(from_blob(nullptr, {1}, float32), Error);
}

TEST_CASE("constants, identities and their likes") {
  CHECK(values(zeros({2})) == std::vector<double>{0, 0});
  CHECK(values(ones({2}, {.dtype = int64})) == std::vector<double>{1, 1});
  CHECK(full({2}, 3).dtype() == int64);
  CHECK(full({2}, true).dtype() == boolean);
  CHECK(full({2}, 2.5).dtype() == float32);
  CHECK(values(full({1}, 2.5, {.dtype = int64})) == std::vector<double>{2});
  CHECK(values(eye(2)) == std::vector<double>{1, 0, 0, 1});
  CHECK(values(eye(2, 3, {.dtype = boolean})) == std::vector<double>{1, 0, 0, 0, 1, 0});
  CHECK(empty({0, 3}).numel() == 0);
  const Tensor x = zeros({3, 2}, {.dtype = float64});
  CHECK(ones_like(x).dtype() == float64);
  CHECK(zeros_like(x, {.dtype = int64}).dtype() == int64);
  CHECK(values(full_like(x, 7)) == std::vector<double>(6, 7));
  CHECK(empty_like(x.t()).sizes() == Dims{2, 3});
  CHECK(ones_like(x, {.requires_grad = true}).requires_grad());
}

TEST_CASE("ranges have PyTorch's types, lengths and bits") {
  CHECK(arange(5).dtype() == int64);
  CHECK(values(arange(1, 10, 3)) == std::vector<double>{1, 4, 7});
  CHECK(values(arange(5, 0, -2)) == std::vector<double>{5, 3, 1});
  CHECK(arange(5, 0, -1.5).dtype() == float32);
  CHECK(values(arange(5, 0, -1.5)) == std::vector<double>{5, 3.5, 2, 0.5});
  CHECK(values(arange(1, 3.7, {.dtype = int64})) == std::vector<double>{1, 2});
  CHECK(arange(3, 3).numel() == 0);
  CHECK(values(arange(1.1, 50, .3).slice(0, 17, 20)) ==
        std::vector<double>{6.200000286102295, 6.5, 6.800000190734863});
  CHECK(values(arange(5, -20, -.37, {.dtype = float64}).slice(0, 60, {})) ==
        std::vector<double>{-17.2, -17.57, -17.939999999999998, -18.31, -18.68, -19.05,
                            -19.419999999999998, -19.79});
}

TEST_CASE("evenly spaced values have PyTorch's bits and both ends exactly") {
  CHECK(values(linspace(0, 1, 11)) ==
        std::vector<double>{0.0, 0.10000000149011612, 0.20000000298023224, 0.30000001192092896,
                            0.4000000059604645, 0.5, 0.6000000238418579, 0.699999988079071,
                            0.800000011920929, 0.8999999761581421, 1.0});
  CHECK(values(linspace(3, -10, 10, {.dtype = float64})) ==
        std::vector<double>{3.0, 1.5555555555555556, 0.11111111111111116, -1.333333333333333,
                            -2.7777777777777777, -4.222222222222222, -5.666666666666666,
                            -7.111111111111111, -8.555555555555555, -10.0});
  CHECK(values(linspace(0, 10, 4, {.dtype = int64})) == std::vector<double>{0, 3, 6, 10});
  CHECK(values(linspace(3, 1, 1)) == std::vector<double>{3});
  CHECK(linspace(0, 1, 0).numel() == 0);
}

TEST_CASE("factories refuse what PyTorch refuses, in its words") {
  const double inf = std::numeric_limits<double>::infinity();
  check_starts_with(refusal([] {
                      zeros({2, -1});
                    }),
                    "Trying to create tensor with negative dimension -1: [2, -1]");
  CHECK_THROWS_AS(empty({std::int64_t{1} << 40, std::int64_t{1} << 40}), Error);
  check_starts_with(refusal([] { arange(0, 5, 0); }), "step must be nonzero");
  check_starts_with(refusal([] { arange(5, 0); }),
                    "upper bound and larger bound inconsistent with step sign");
  check_starts_with(refusal([&] { arange(0, inf); }), "unsupported range: 0 -> inf");
  check_starts_with(refusal([] { arange(0, 5, {.dtype = boolean}); }),
                    "\"arange_cpu\" not implemented for 'Bool'");
  check_starts_with(refusal([] { linspace(0, 1, -1); }), "number of steps must be non-negative");
  check_starts_with(refusal([] { linspace(0, 1, 3, {.dtype = boolean}); }),
                    "\"linspace_cpu\" not implemented for 'Bool'");
  check_starts_with(refusal([] { eye(-1); }), "n must be greater or equal to 0, got -1");
  check_starts_with(refusal([] { eye(2, -1); }), "m must be greater or equal to 0, got -1");
  for (const auto& make : std::vector<std::function<void()>>{
           [] {
             tensor({1, 2}, {.requires_grad = true});
           },
           [] { zeros({2}, {.dtype = int64, .requires_grad = true}); },
           [] { randint(3, {2}, {.requires_grad = true}); },
           [] { arange(3, {.requires_grad = true}); }}) {
    check_starts_with(refusal(make), "Only Tensors of floating point dtype can require gradients");
  }
}
