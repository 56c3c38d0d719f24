// Misuse of tensors and graphs ends in the words that PyTorch uses for it. (tests/parity holds the
// moments of many more; optimizers and modules have theirs beside them.)
#include <doctest/doctest.h>

#include <functional>
#include <limits>
#include <string>

#include "core/autograd/engine.h"
#include "core/factory.h"
#include "core/ops/ops.h"
#include "core/tensor.h"
#include "support/refusal.h"

namespace {

using namespace heed;
using heed::test::check_says;

Tensor leaf(const Dims& sizes) { return ones(sizes, {.requires_grad = true}); }

}  // namespace

TEST_CASE("matrices that do not fit") {
  const char* words = "mat1 and mat2 shapes cannot be multiplied (3x4 and 3x4)";
  check_says(words, [] { mm(zeros({3, 4}), zeros({3, 4})); });
  check_says(words, [] { matmul(zeros({3, 4}), zeros({3, 4})); });
  check_says(words, [] { linear(zeros({3, 4}), zeros({4, 3})); });
}

TEST_CASE("shapes that do not broadcast") {
  check_says(
      "The size of tensor a (4) must match the size of tensor b (5) at non-singleton dimension 1",
      [] {
        add(zeros({3, 4}), zeros({3, 5}));
      });
}

TEST_CASE("a second backward through a graph that was freed") {
  const Tensor x = leaf({3});
  const Tensor y = sum(x * x);
  y.backward();
  check_says("Trying to backward through the graph a second time", [&] { y.backward(); });
  check_says("Specify retain_graph=True if", [&] { y.backward(); });
}

TEST_CASE("backward of a tensor with several elements") {
  check_says("grad can be implicitly created only for scalar outputs",
             [] { (leaf({2}) * 2).backward(); });
}

TEST_CASE("backward of a tensor without a graph") {
  check_says("element 0 of tensors does not require grad and does not have a grad_fn",
             [] { ones({1}).backward(); });
}

TEST_CASE("a saved tensor that was overwritten is named with its versions") {
  const Tensor a = leaf({3, 4}) + 1;
  const Tensor y = sum(a * a);
  a.add_(1);
  check_says(
      "one of the variables needed for gradient computation has been modified by an inplace "
      "operation: [float32 [3, 4]], which is output 0 of AddBackward0, is at version 1; expected "
      "version 0 instead.",
      [&] { y.backward(); });
}

TEST_CASE("writing into a leaf that requires grad, or into a view of one") {
  const Tensor x = leaf({3, 4});
  check_says("a leaf Variable that requires grad is being used in an in-place operation.",
             [&] { x.add_(1); });
  check_says("a view of a leaf Variable that requires grad is being used in an in-place operation.",
             [&] { x.select(0, 0).mul_(2); });
  CHECK(x.version() == 0);
}

TEST_CASE("a view across strides") {
  check_says(
      "view size is not compatible with input tensor's size and stride (at least one dimension "
      "spans across two contiguous subspaces). Use .reshape(...) instead.",
      [] {
        zeros({3, 4}).t().view({12});
      });
}

TEST_CASE("a shape that does not hold the elements") {
  check_says("shape '[5, -1]' is invalid for input of size 12", [] {
    zeros({3, 4}).reshape({5, -1});
  });
}

TEST_CASE("a dimension that is not there") {
  const char* words = "Dimension out of range (expected to be in range of [-2, 1], but got 2)";
  check_says(words, [] { sum(zeros({3, 4}), 2); });
  check_says(words, [] { softmax(zeros({3, 4}), 2); });
  check_says(words, [] { transpose(zeros({3, 4}), 0, 2); });
}

TEST_CASE("an index beyond the rows") {
  check_says("index out of range in self", [] { embedding(zeros({3, 2}), tensor({0, 3})); });
  check_says("index out of range in self", [] { index_select(zeros({3, 2}), 0, tensor({3})); });
}

TEST_CASE("targets of cross_entropy out of bounds, or of another batch") {
  check_says("Target 5 is out of bounds.", [] { cross_entropy(zeros({2, 3}), tensor({0, 5})); });
  check_says("Expected input batch_size (2) to match target batch_size (3).", [] {
    cross_entropy(zeros({2, 3}), tensor({0, 1, 2}));
  });
}

TEST_CASE("layer_norm over a shape that the input does not end in") {
  check_says(
      "Given normalized_shape=[3], expected input with shape [*, 3], but got input of size[2, 4]",
      [] {
        layer_norm(zeros({2, 4}), {3});
      });
}

TEST_CASE("a negative size, and sizes whose product overflows") {
  check_says("Trying to create tensor with negative dimension -1: [2, -1]", [] { zeros({2, -1}); });
  const std::int64_t huge = std::int64_t{1} << 32;
  CHECK_THROWS_AS(empty({huge, huge}), Error);
  CHECK_THROWS_AS(zeros({huge, huge, 0}), Error);
  CHECK_THROWS_AS(zeros({1}).expand({huge, huge}), Error);
  CHECK_THROWS_AS(zeros({2}).repeat({std::numeric_limits<std::int64_t>::max()}), Error);
}

TEST_CASE("an integer tensor that should require grad") {
  check_says("Only Tensors of floating point dtype can require gradients",
             [] { zeros({2}, {.dtype = int64, .requires_grad = true}); });
  check_says("nly Tensors of floating point dtype can require gradients", [] {
    tensor({1, 2}).requires_grad_();
  });
}

TEST_CASE("mixed dtypes in matmul") {
  check_says("expected scalar type Float but found Double", [] {
    matmul(zeros({2, 2}), zeros({2, 2}, {.dtype = float64}));
  });
}

TEST_CASE("errors about shapes hold the shapes") {
  struct Misuse {
    std::function<void()> action;
    std::vector<std::string> shapes;
  };
  const Tensor x = zeros({3, 4});
  const std::vector<Misuse> misuses = {
      {[&] { mm(x, x); }, {"3x4"}},
      {[&] {
         bmm(zeros({2, 3, 4}), zeros({2, 3, 5}));
       },
       {"[2, 4]", "[2, 3]"}},
      {[&] { mv(x, zeros({3})); }, {"3x4", "3"}},
      {[&] { dot(zeros({3}), zeros({4})); }, {"3", "4"}},
      {[&] {
         linear(x, zeros({5, 3}));
       },
       {"3x4", "3x5"}},
      {[&] { add(x, zeros({5})); }, {"4", "5"}},
      {[&] { x.view({5}); }, {"[5]", "12"}},
      {[&] {
         x.expand({3, 5});
       },
       {"[3, 5]", "[3, 4]"}},
      {[&] {
         cat({x, zeros({3})});
       },
       {"2", "1"}},
      {[&] {
         stack({x, zeros({3})});
       },
       {"[3, 4]", "[3]"}},
      {[&] { x.item(); }, {"[3, 4]"}},
      {[&] {
         x.index({0, 0, 0});
       },
       {"[3, 4]"}},
      {[&] {
         leaf({3, 4}).backward();
       },
       {"[3, 4]"}},
      {[&] {
         leaf({3, 4}).add_(1);
       },
       {"[3, 4]"}},
      {[&] {
         leaf({3, 4}).set_grad(zeros({4}));
       },
       {"[3, 4]", "[4]"}},
      {[&] {
         (leaf({3, 4}) * 2).backward(zeros({2}));
       },
       {"[3, 4]", "[2]"}},
      {[&] { zeros({4}).add_(x); }, {"[4]", "[3, 4]"}},
      {[&] { layer_norm(x, {3}); }, {"[3]", "[3, 4]"}},
      {[&] {
         cross_entropy(zeros({2, 3}), tensor({0}));
       },
       {"2", "1"}},
      {[&] { embedding(zeros({4}), tensor({0})); }, {"[4]"}},
      {[&] {
         masked_select(x, tensor({true, false, true}));
       },
       {"4", "3"}},
      {[&] {
         scaled_dot_product_attention(x, zeros({3, 5}), x);
       },
       {"[3, 4]", "[3, 5]"}},
  };
  for (const Misuse& misuse : misuses) {
    for (const std::string& shape : misuse.shapes) check_says(shape, misuse.action);
  }
}
