#include "core/parallel.h"
#include "expect.h"

using namespace heed;
using namespace heed::testing;

namespace {
Tensor counting(const Dims& sizes) { return arange(checked_numel(sizes)).reshape(sizes); }
std::vector<std::int64_t> ints(const Tensor& x) { return x.to_vector<std::int64_t>(); }
using Ints = std::vector<std::int64_t>;
}  // namespace

TEST_CASE("integers, ranges, None and Ellipsis give a view") {
  const Tensor x = counting({2, 3, 4});
  CHECK(ints(x.index({1, -1, 2})) == Ints{22});
  CHECK(x.index({None, 0}).sizes() == Dims{1, 3, 4});
  CHECK(ints(x.index({Ellipsis, 3})) == Ints{3, 7, 11, 15, 19, 23});
  CHECK(ints(x.index({0, Slice(1, {}), Slice({}, {}, 3)})) == Ints{4, 7, 8, 11});
  x.index({1}).fill_(0);
  CHECK(x.index({1, 2, 3}).item<std::int64_t>() == 0);
}

TEST_CASE("index tensors side by side keep their place, apart they go in front") {
  const Tensor x = counting({2, 3, 4});
  const Tensor rows = i64({0, 2, 2}), columns = i64({3, 0, 1});
  CHECK(x.index({Slice(), rows, columns}).sizes() == Dims{2, 3});
  CHECK(ints(x.index({Slice(), rows, columns})) == Ints{3, 8, 9, 15, 20, 21});
  const Tensor both = i64({1, 0});
  CHECK(x.index({both, Slice(), both}).sizes() == Dims{2, 3});
  CHECK(ints(x.index({both, Slice(), both})) == Ints{13, 17, 21, 0, 4, 8});
  CHECK(x.index({i64({0, 1}, {2, 1}), i64({0, 1, 2})}).sizes() == Dims{2, 3, 4});
  CHECK(ints(x.index({i64({-1}), 0, 0})) == Ints{12});
  CHECK(x.index({i64({})}).sizes() == Dims{0, 3, 4});
}

TEST_CASE("a mask stands for the places where it is true") {
  const Tensor x = counting({2, 3});
  CHECK(ints(x.index({x > 2})) == Ints{3, 4, 5});
  CHECK(ints(x.index({Slice(), tensor({true, false, true})})) == Ints{0, 2, 3, 5});
  CHECK(ints(x.masked_select(tensor({true, false, true}))) == Ints{0, 2, 3, 5});
  CHECK(nonzero(x).sizes() == Dims{5, 2});
  CHECK(ints(nonzero(x)) == Ints{0, 1, 0, 2, 1, 0, 1, 1, 1, 2});
  CHECK(nonzero(tensor(3)).sizes() == Dims{1, 0});
}

TEST_CASE("a mask of two dims counts as two, whatever stands behind it") {
  const Tensor x = counting({2, 3, 4});
  const Tensor mask = tensor({{true, false, true}, {false, true, true}});  // places 0, 2, 4 and 5
  CHECK(ints(x.index({mask, 1})) == Ints{1, 9, 17, 21});
  CHECK(ints(x.index({mask, Slice(1, {}, 2)})) == Ints{1, 3, 9, 11, 17, 19, 21, 23});
  CHECK(x.index({mask, None}).sizes() == Dims{4, 1, 4});
  CHECK(x.index({None, mask, -1}).sizes() == Dims{1, 4});
  CHECK(ints(x.index({mask, i64({0, 1, 2, 3})})) == Ints{0, 9, 18, 23});
  const Tensor y = x.clone();
  y.index_put_({mask, Slice(2, {})}, tensor(-1));
  CHECK(ints(y.index({mask, Slice(2, {})})) == Ints(8, -1));
  CHECK(sum(y.eq(-1)).item<std::int64_t>() == 8);
  check_error("too many indices for tensor of dimension 3", [&] { x.index({mask, 1, 1}); });
  check_error("The shape of the mask [2, 3] at index 1 does not match", [&] {
    counting({2, 2, 3}).index({mask});
  });
}

TEST_CASE("wrong indices are refused in PyTorch's words") {
  const Tensor x = counting({3, 4});
  check_error("index 3 is out of bounds for dimension 0 with size 3", [&] { x.index({3}); });
  check_error("index -4 is out of bounds for dimension 0 with size 3",
              [&] { x.index({i64({-4})}); });
  check_error("too many indices for tensor of dimension 2", [&] { x.index({0, 0, 0}); });
  check_error(
      "shape mismatch: indexing tensors could not be broadcast together with shapes [2], [3]", [&] {
        x.index({i64({0, 1}), i64({0, 1, 2})});
      });
  check_error("The shape of the mask [4] at index 0 does not match", [&] {
    x.index({tensor({true, true, true, true})});
  });
  check_error("tensors used as indices must be long, byte or bool tensors",
              [&] { x.index({ones({2})}); });
  check_error("index out of range in self", [&] { index_select(x, 0, i64({3})); });
  check_error("index out of range in self", [&] { embedding(ones({4, 2}), i64({-1})); });
  check_error("Size does not match at dimension 0", [&] {
    gather(x, 1, zeros({4, 1}, {.dtype = int64}));
  });
}

TEST_CASE("index_put_ writes, broadcasts, and the last of equal places stays") {
  const Tensor x = counting({2, 3});
  x.index_put_({0}, tensor({7, 8, 9}));
  CHECK(ints(x) == Ints{7, 8, 9, 3, 4, 5});
  x.index_put_({x > 7}, tensor(0));
  CHECK(ints(x) == Ints{7, 0, 0, 3, 4, 5});
  x.index_put_({Slice(), i64({1, 1})}, tensor({{1, 2}, {3, 4}}));
  CHECK(ints(x) == Ints{7, 2, 0, 3, 4, 5});
  x.t().index_put_({i64({2})}, tensor({-1, -2}));  // through strides
  CHECK(ints(x) == Ints{7, 2, -1, 3, 4, -2});
  check_error("shape mismatch: value tensor of shape [4] cannot be broadcast", [&] {
    x.index_put_({i64({0, 1})}, arange(4));
  });
}

TEST_CASE("index_put_ takes the gradient from what it overwrote and gives it to the value") {
  const Tensor leaf = ones({4}, {.dtype = float64, .requires_grad = true});
  const Tensor value = f64({5, 6}).requires_grad_();
  const Tensor x = leaf * 2;
  x.index_put_({i64({3, 0})}, value);
  (x * f64({1, 2, 3, 4})).sum().backward();
  check_values(x, {4}, {6, 2, 2, 5});
  check_values(leaf.grad(), {4}, {0, 4, 6, 0});
  check_values(value.grad(), {2}, {4, 1});
  check_error("a leaf Variable that requires grad",
              [&] { leaf.index_put_({i64({0})}, tensor({1.f})); });
}

TEST_CASE("rows taken twice get both gradients, the padding row none") {
  const Tensor table = zeros({3, 2}, {.dtype = float64, .requires_grad = true});
  embedding(table, i64({0, 2, 0, 1}), 1).sum().backward();
  check_values(table.grad(), {3, 2}, {2, 2, 0, 0, 1, 1});
}

TEST_CASE("scatter_add is the adjoint of gather") {
  const Tensor x = randn({3, 4}, {.dtype = float64});
  const Tensor at = i64({0, 2, 2, 3, 1, 1}, {2, 3});
  const Tensor w = randn({2, 3}, {.dtype = float64});
  const double there = (gather(x, 1, at) * w).sum().item();
  const double back = (x * scatter_add(zeros_like(x), 1, at, w)).sum().item();
  CHECK(there == doctest::Approx(back).epsilon(1e-13));
  check_values(scatter_add(zeros({3}), 0, i64({1, 1, 0}), tensor({1.f, 2.f, 4.f})), {3}, {4, 3, 0});
}

TEST_CASE("gradients of taken rows have the same bits for any number of threads") {
  const Tensor indices = randint(50, {2000});
  const Tensor weights = randn({2000, 600});
  const int before = num_threads();
  std::vector<std::vector<float>> results;
  for (const int threads : {1, 2, 5}) {
    set_num_threads(threads);
    const Tensor table = zeros({50, 600}, {.requires_grad = true});
    (embedding(table, indices) * weights).sum().backward();
    results.push_back(table.grad().to_vector<float>());
  }
  set_num_threads(before);
  CHECK(results[0] == results[1]);
  CHECK(results[0] == results[2]);
}

TEST_CASE("one_hot counts its classes") {
  CHECK(ints(one_hot(i64({2, 0}))) == Ints{0, 0, 1, 1, 0, 0});
  CHECK(one_hot(i64({1}), 4).sizes() == Dims{1, 4});
  check_error("Class values must be smaller than num_classes.", [] { one_hot(i64({3}), 3); });
  check_error("Class values must be non-negative.", [] { one_hot(i64({-1})); });
}
