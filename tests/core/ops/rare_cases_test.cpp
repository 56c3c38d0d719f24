// Cases of operations that other tests do not come across.
#include "core/autograd/engine.h"
#include "core/autograd/node.h"
#include "core/random.h"
#include "expect.h"

using namespace heed;
using namespace heed::testing;

TEST_CASE("prod can be differentiated three times, zeros among its factors or not") {
  for (const double first : {0.0, 1.5}) {
    const Tensor x = f64({first, 2, 3}).requires_grad_();
    const Tensor once = autograd::grad(prod(x), x, {.create_graph = true});
    check_values(once, {3}, {6, 3 * first, 2 * first});
    const Tensor twice = autograd::grad(once[0], x, {.create_graph = true});
    check_values(twice, {3}, {0, 3, 2});
    check_values(autograd::grad(twice[1], x), {3}, {0, 0, 1});
  }
}

TEST_CASE("scatter_add reads only as much of src as the index says, and so does its gradient") {
  const Tensor x = zeros({3, 2}, {.dtype = float64});
  const Tensor src = f64({1, 2, 3, 4, 5, 6}, {2, 3}).requires_grad_();
  const Tensor y = scatter_add(x, 0, i64({2, 0}, {1, 2}), src);
  check_values(y, {3, 2}, {0, 2, 0, 0, 1, 0});
  sum(y * f64({1, 2, 3, 4, 5, 6}, {3, 2})).backward();
  check_values(src.grad(), {2, 3}, {5, 2, 0, 0, 0, 0});
}

TEST_CASE("attention takes masks for any number of leading dims") {
  Generator generator(3);
  const auto draw = [&](const Dims& sizes) {
    return randn(sizes, {.dtype = float64, .generator = &generator});
  };
  const Tensor q = draw({2, 2, 2, 3, 4}), k = draw({2, 2, 2, 5, 4}), v = draw({2, 2, 2, 5, 2});
  const auto plain = [&](const Tensor& mask) {
    return matmul(softmax(matmul(q, k.transpose(-2, -1)) / 2 + mask, -1), v);
  };
  for (const Tensor& mask : {draw({5}), draw({3, 5}), draw({2, 1, 1, 3, 5})}) {
    CHECK(allclose(scaled_dot_product_attention(q, k, v, {.attn_mask = mask}), plain(mask), 1e-12,
                   1e-12));
  }
}

TEST_CASE("a scalar has windows of one element") {
  check_values(unfold(f64({7}, {}), 0, 1, 1), {1}, {7});
  check_values(unfold(f64({7}, {}), 0, 0, 1), {0}, {});
}

TEST_CASE("chunks of an empty dim are as many as were asked for") {
  const auto parts = chunk(zeros({2, 0}), 3, 1);
  REQUIRE(parts.size() == 3);
  for (const Tensor& part : parts) CHECK(part.sizes() == Dims{2, 0});
}

TEST_CASE("an index tensor without dims is an integer") {
  const Tensor x = arange(6).view({2, 3});
  CHECK(x.index({tensor(1), tensor(-1)}).item<std::int64_t>() == 5);
  CHECK(x.index({Slice(), tensor(0)}).sizes() == Dims{2});
  check_error("index 2 is out of bounds for dimension 0 with size 2",
              [&] { x.index({tensor(2)}); });
}

TEST_CASE("losses promote the types of what they compare") {
  const Tensor wide = f64({1, 2}).requires_grad_(), narrow = tensor({2.f, 4.f});
  const Tensor loss = mse_loss(wide, narrow);
  CHECK(loss.dtype() == float64);
  loss.backward();
  check_values(loss, {}, {2.5});
  check_values(wide.grad(), {2}, {-1, -2});
  check_values(l1_loss(wide, i64({2, 4})), {}, {1.5});
}

TEST_CASE("the loss of many elements is the sum of its pieces") {
  const std::int64_t n = 300'001;
  const Tensor x = arange(n).to(float64).requires_grad_();
  const Tensor target = x.detach() - (x.detach() - n / 2) * 1e-3;
  const double want = mean(square(x.detach() - target)).item();
  const Tensor loss = mse_loss(x, target);
  CHECK(loss.item() == doctest::Approx(want).epsilon(1e-12));
  loss.backward();
  CHECK(allclose(x.grad(), (x.detach() - target) * (2.0 / n), 1e-12, 0));
}

TEST_CASE("targets of another shape are told the one they should have") {
  check_error("Expected target size [2, 4], got [2, 5]", [] {
    cross_entropy(zeros({2, 3, 4}), zeros({2, 5}, {.dtype = int64}));
  });
  check_error("Expected target size [2, 4], got [2, 5]", [] {
    nll_loss(zeros({2, 3, 4}), zeros({2, 5}, {.dtype = int64}));
  });
}

TEST_CASE("bools are made of numbers: what is not 0 is true") {
  const double numbers[] = {0, -0.0, 0.5, kNaN};
  const Tensor x = tensor_from(numbers, float64, {4}, {.dtype = boolean});
  CHECK(x.to_vector<bool>() == std::vector<bool>{false, false, true, true});
}

TEST_CASE("an undefined tensor, a wrong element type and a missing stride are refused") {
  check_error("an undefined tensor was used", [] { static_cast<void>(Tensor().sizes()); });
  check_error("expected scalar type Float but found Double", [] { f64({1}).data<float>(); });
  CHECK(zeros({2, 3, 4}).stride(-2) == 4);
  check_error("Dimension specified as 0 but tensor has no dimensions",
              [] { static_cast<void>(zeros({}).stride(0)); });
  check_error("Dimension out of range", [] { static_cast<void>(zeros({2}).stride(1)); });
}

TEST_CASE("a conversion between floating types hands its gradient back in the old type") {
  const Tensor x = tensor({1.f, 2.f}).requires_grad_();
  const Tensor wide = x.to(float64);
  CHECK(std::string(wide.grad_fn()->name()) == "ToCopyBackward0");
  sum(square(wide)).backward();
  CHECK(x.grad().dtype() == float32);
  check_values(x.grad(), {2}, {2, 4});
  CHECK_FALSE(x.to(int64).requires_grad());
}

TEST_CASE("movedim moves several dims at once, as PyTorch does") {
  const Tensor x = f64(arange(24).to_vector<double>(), {2, 3, 4});
  CHECK(movedim(x, {0, 1}, {2, 0}).sizes() == Dims{3, 4, 2});
  CHECK(movedim(x, {0, 1}, {2, 0}).strides() == Dims{4, 1, 12});
  CHECK(x.movedim({-1, 0}, {0, 1}).strides() == Dims{1, 12, 4});
  CHECK(movedim(x, Dims{2}, Dims{0}).strides() == Dims{1, 12, 4});
  check_error(
      "movedim: Invalid source or destination dims: source ([0, 1] dims) should contain the same "
      "number of dims as destination ([0] dims)",
      [&] {
        movedim(x, Dims{0, 1}, Dims{0});
      });
  check_error("movedim: repeated dim in `source` ([0, 0])", [&] { movedim(x, {0, 0}, {0, 1}); });
  check_error("movedim: repeated dim in `destination` ([1, 1])", [&] {
    movedim(x, {0, 1}, {1, 1});
  });
}

TEST_CASE("grad of lists in braces gives a list") {
  const Tensor x = f64({1, 2, 3}).requires_grad_();
  const std::vector<Tensor> grads = autograd::grad({sum(x * x)}, {x});
  REQUIRE(grads.size() == 1);
  check_values(grads[0], {3}, {2, 4, 6});
}
