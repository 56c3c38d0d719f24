#include "nn/clip_grad.h"

#include <doctest/doctest.h>

#include <limits>

#include "core/factory.h"
#include "core/ops/ops.h"

using namespace heed;

namespace {

std::vector<Tensor> parameters() {
  const Tensor a = zeros({2}, {.requires_grad = true}), b = zeros({1}, {.requires_grad = true}),
               without = zeros({3}, {.requires_grad = true});
  a.set_grad(tensor({3.f, 0.f}));
  b.set_grad(tensor({-4.f}));
  return {a, without, b};
}

}  // namespace

TEST_CASE("the norm of all gradients together is brought down to the maximum") {
  const auto list = parameters();
  CHECK(nn::utils::clip_grad_norm_(list, 1).item() == 5);
  CHECK(list[0].grad().to_vector<float>()[0] == doctest::Approx(0.6).epsilon(1e-6));
  CHECK(list[2].grad().item() == doctest::Approx(-0.8).epsilon(1e-6));
  CHECK_FALSE(list[1].grad().defined());
}

TEST_CASE("gradients below the maximum keep their bits") {
  const auto list = parameters();
  CHECK(nn::utils::clip_grad_norm_(list, 6).item() == 5);
  CHECK(list[0].grad().to_vector<float>() == std::vector<float>{3, 0});
}

TEST_CASE("other norms") {
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK(nn::utils::clip_grad_norm_(parameters(), 100, 1).item() == 7);
  CHECK(nn::utils::clip_grad_norm_(parameters(), 100, infinity).item() == 4);
  CHECK(nn::utils::clip_grad_norm_({}, 1).item() == 0);
}

TEST_CASE("a norm that is not finite is refused on request, and spreads otherwise") {
  auto list = parameters();
  list[0].set_grad(tensor({std::numeric_limits<float>::quiet_NaN(), 1.f}));
  CHECK_THROWS_WITH_AS(nn::utils::clip_grad_norm_(list, 1, 2, true),
                       doctest::Contains("is non-finite, so it cannot be clipped"), Error);
  CHECK(list[2].grad().item() == -4);
  nn::utils::clip_grad_norm_(list, 1);
  CHECK(isnan(list[2].grad()).item<bool>());
}

TEST_CASE("clip_grad_value_ holds each element") {
  const auto list = parameters();
  nn::utils::clip_grad_value_(list, 2.5);
  CHECK(list[0].grad().to_vector<float>() == std::vector<float>{2.5, 0});
  CHECK(list[2].grad().item() == -2.5);
}
