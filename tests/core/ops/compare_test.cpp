#include "expect.h"

using namespace heed;
using namespace heed::testing;

namespace {
using Bools = std::vector<bool>;
Bools bools(const Tensor& x) { return x.to_vector<bool>(); }
}  // namespace

TEST_CASE("NaN compares false with everything but !=") {
  const Tensor x = f64({1, kNaN, 3}), y = f64({1, kNaN, 2});
  CHECK(bools(x == y) == Bools{true, false, false});
  CHECK(bools(x != y) == Bools{false, true, true});
  CHECK(bools(x < y) == Bools{false, false, false});
  CHECK(bools(x >= y) == Bools{true, false, true});
}

TEST_CASE("comparisons broadcast and read strided inputs") {
  const Tensor x = arange(6).reshape({2, 3}).t();  // (3, 2)
  const Tensor greater = x > tensor({0, 4});
  CHECK(greater.dtype() == boolean);
  CHECK(greater.sizes() == Dims{3, 2});
  CHECK(bools(greater) == Bools{false, false, true, false, true, true});
  check_error("The size of tensor a (3) must match the size of tensor b (4)", [] {
    eq(ones({2, 3}), ones({2, 4}));
  });
}

TEST_CASE("a number takes the type of the tensor it is compared with") {
  const Tensor x = full({1}, 0.1, {.dtype = float32});
  CHECK((x == 0.1).item<bool>());
  CHECK(bools(arange(4) > 1.5) == Bools{false, false, true, true});
  CHECK((x == f64({0.1}, Dims{})).item<bool>());
  CHECK_FALSE((x == f64({0.1})).item<bool>());
}

TEST_CASE("logic takes truth from any type, NaN is true") {
  const Tensor x = f64({0, 2, kNaN}), y = tensor({true, false, true});
  CHECK(bools(logical_and(x, y)) == Bools{false, false, true});
  CHECK(bools(y | (x == 2.0)) == Bools{true, true, true});
  CHECK(bools(y ^ y) == Bools{false, false, false});
  CHECK(bools(logical_not(x)) == Bools{true, false, false});
}

TEST_CASE("isnan, isinf and isfinite tell the edge values apart") {
  const Tensor x = f64({1, kNaN, kInf, -kInf});
  CHECK(bools(isnan(x)) == Bools{false, true, false, false});
  CHECK(bools(isinf(x)) == Bools{false, false, true, true});
  CHECK(bools(isfinite(x)) == Bools{true, false, false, false});
  CHECK(bools(isfinite(arange(2))) == Bools{true, true});
}

TEST_CASE("equal wants the same shape, allclose a tolerance relative to the second") {
  CHECK(equal(ones({2, 2}), ones({2, 2})));
  CHECK_FALSE(equal(ones({2, 2}), ones({4})));
  CHECK(equal(zeros({0}), zeros({0})));
  CHECK(allclose(f64({1, kInf}), f64({1 + 1e-6, kInf})));
  CHECK_FALSE(allclose(f64({1.0}), f64({1 + 1e-3})));
  CHECK_FALSE(allclose(f64({kInf}), f64({-kInf})));
  CHECK_FALSE(allclose(f64({kNaN}), f64({kNaN})));
  CHECK(allclose(f64({kNaN}), f64({kNaN}), 1e-5, 1e-8, true));
}

TEST_CASE("all and any: overall, along a dim, of nothing, of NaN") {
  const Tensor x = tensor({{true, false}, {true, true}});
  CHECK_FALSE(all(x).item<bool>());
  CHECK(bools(all(x, 1)) == Bools{false, true});
  CHECK(all(x, 0, true).sizes() == Dims{1, 2});
  CHECK(bools(any(x, -1)) == Bools{true, true});
  CHECK(all(zeros({0})).item<bool>());
  CHECK_FALSE(any(zeros({0})).item<bool>());
  CHECK(any(f64({0, kNaN})).item<bool>());
}
