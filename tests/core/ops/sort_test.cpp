#include "expect.h"

using namespace heed;
using namespace heed::testing;

TEST_CASE("a sort is stable and counts NaN as the largest") {
  const ValuesIndices up = sort(f64({2, kNaN, 1, 2}));
  check_values(up.values, {4}, {1, 2, 2, kNaN});
  CHECK(up.indices.to_vector<std::int64_t>() == std::vector<std::int64_t>{2, 0, 3, 1});
  const ValuesIndices down = sort(f64({2, kNaN, 1, 2}), 0, true);
  check_values(down.values, {4}, {kNaN, 2, 2, 1});
  CHECK(down.indices.to_vector<std::int64_t>() == std::vector<std::int64_t>{1, 0, 3, 2});
  CHECK(argsort(tensor({{3, 1}, {0, 2}}), 0).to_vector<std::int64_t>() ==
        std::vector<std::int64_t>{1, 0, 0, 1});
}

TEST_CASE("topk picks the largest or the smallest, in order") {
  const Tensor x = f64({1, 5, 3, 4, 2, 6}, {2, 3});
  const ValuesIndices top = topk(x, 2);
  check_values(top.values, {2, 2}, {5, 3, 6, 4});
  CHECK(top.indices.to_vector<std::int64_t>() == std::vector<std::int64_t>{1, 2, 2, 0});
  check_values(topk(x, 1, 0, false).values, {1, 3}, {1, 2, 3});
  CHECK(topk(x, 0).values.sizes() == Dims{2, 0});
  check_error("selected index k out of range", [&] { topk(x, 4); });
  check_error("selected index k out of range", [&] { topk(x, -1); });
}

TEST_CASE("the gradient goes where the sorted element came from") {
  const Tensor x = f64({3, 1, 2}).requires_grad_();
  (sort(x).values * f64({10, 20, 30})).sum().backward();
  check_values(x.grad(), {3}, {30, 10, 20});
}
