#include "core/autograd/gradcheck.h"

#include <doctest/doctest.h>

#include <string>

#include "core/autograd/function.h"
#include "core/factory.h"
#include "core/ops/ops.h"
#include "core/random.h"

using namespace heed;
using autograd::gradcheck;
using autograd::gradgradcheck;
using Inputs = std::vector<Tensor>;

namespace {

// x³, with a derivative that is wrong in one element.
struct WrongCube {
  static Tensor forward(autograd::Context& ctx, const Tensor& x) {
    ctx.save_for_backward({x});
    return x * x * x;
  }
  static autograd::Grads backward(autograd::Context& ctx, const Tensor& dy) {
    const Tensor dx = dy * 3 * square(ctx.saved(0));
    Tensor bump = ones_like(dx);
    bump.view({-1}).select(0, 2).mul_(1.01);
    return dx * bump;
  }
};

// x³ with the right first derivative, whose own derivative is lost.
struct CubeOnce {
  static Tensor forward(autograd::Context& ctx, const Tensor& x) {
    ctx.save_for_backward({x});
    return x * x * x;
  }
  static autograd::Grads backward(autograd::Context& ctx, const Tensor& dy) {
    return dy * 3 * square(ctx.saved(0).detach());
  }
};

struct Unsteady {
  static Tensor forward(autograd::Context&, const Tensor& x) { return x * 2; }
  static autograd::Grads backward(autograd::Context&, const Tensor& dy) {
    static int calls = 0;
    return dy * 2 + 1e-9 * ++calls;
  }
};

Tensor wrong_cube(const Inputs& x) { return autograd::apply<WrongCube>(x[0]); }

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

Tensor leaf(const Dims& sizes) {
  Generator generator(4);
  return rand(sizes, {.dtype = float64, .requires_grad = true, .generator = &generator});
}

}  // namespace

TEST_CASE("gradcheck passes a right derivative and says how close it was") {
  const auto result =
      gradcheck([](const Inputs& x) { return heed::sin(x[0]) * x[1]; }, {leaf({2, 3}), leaf({3})});
  CHECK(result);
  CHECK(result.passed);
  CHECK(result.message.empty());
  CHECK(result.worst_error > 0);
  CHECK(result.worst_error < 1e-8);
}

TEST_CASE("gradcheck fails a planted wrong derivative and names input, element and both values") {
  const Tensor x = tensor({{0.5, 1.0}, {2.0, 3.0}}, {.dtype = float64, .requires_grad = true});
  const auto result = gradcheck(wrong_cube, {x});
  CHECK_FALSE(result);
  CHECK_MESSAGE(contains(result.message, "output 0 (size [2, 2]) with respect to input 0"),
                result.message);
  CHECK_MESSAGE(contains(result.message, "1 of 16 derivatives differ"), result.message);
  CHECK_MESSAGE(
      contains(result.message, "input element [1, 0], output element [1, 0]: numerical 1"),
      result.message);
  CHECK_MESSAGE(contains(result.message, "analytical 12.12"), result.message);
  CHECK(result.worst_error == doctest::Approx(0.12).epsilon(1e-4));
}

TEST_CASE("gradcheck throws its finding when asked to") {
  CHECK_THROWS_AS(gradcheck(wrong_cube, {leaf({4})}, {.raise_exception = true}), Error);
}

TEST_CASE("gradgradcheck fails where only the second derivative is wrong") {
  const auto cube = [](const Inputs& x) { return autograd::apply<CubeOnce>(x[0]); };
  CHECK(gradcheck(cube, {leaf({3})}));
  const auto result = gradgradcheck(cube, {leaf({3})});
  CHECK_FALSE(result);
  CHECK_MESSAGE(contains(result.message, "gradgradcheck: Jacobian mismatch"), result.message);
}

TEST_CASE("gradcheck finds a backward that is not the same twice") {
  const auto f = [](const Inputs& x) { return autograd::apply<Unsteady>(x[0]); };
  const auto result = gradcheck(f, {leaf({2})});
  CHECK_FALSE(result);
  CHECK_MESSAGE(contains(result.message, "not reentrant"), result.message);
  CHECK(gradcheck(f, {leaf({2})}, {.nondet_tol = 1e-6}));
}

TEST_CASE("gradcheck refuses inputs that it cannot judge") {
  const auto twice = [](const Inputs& x) { return x[0] * 2; };
  CHECK_THROWS_WITH_AS(gradcheck(twice, {ones({2}, {.requires_grad = true})}),
                       "gradcheck: input 0 of size [2] is float32, in which finite differences "
                       "drown in rounding: give float64 inputs",
                       Error);
  CHECK_THROWS_AS(gradcheck(twice, {ones({2}, {.dtype = float64})}), Error);
  CHECK_THROWS_AS(gradgradcheck(twice, {ones({2}, {.dtype = float64})}), Error);
}

TEST_CASE("gradcheck takes empty, integer, strided and expanded inputs and several outputs") {
  const auto f = [](const Inputs& x) {
    return Inputs{x[0] * x[1].sum(), embedding(x[0], x[2]), x[3] * 2, x[2]};
  };
  const Tensor strided = leaf({6, 4}).detach().slice(0, 0, {}, 2).t().requires_grad_();
  const Tensor expanded = leaf({1}).detach().expand({3}).requires_grad_();
  const Inputs inputs{strided, expanded, tensor({1, 0}), leaf({0, 2})};
  const auto result = gradcheck(f, inputs);
  CHECK_MESSAGE(result, result.message);
  CHECK_FALSE(strided.grad().defined());
}

TEST_CASE("gradcheck counts an output without a graph as one with derivative zero") {
  CHECK(gradcheck(
      [](const Inputs& x) {
        return Inputs{x[0] * 2, zeros({2}, {.dtype = float64})};
      },
      {leaf({2})}));
  const auto cut = gradcheck([](const Inputs& x) { return x[0].detach() * 2; }, {leaf({2})});
  CHECK_FALSE(cut);
}

TEST_CASE("gradgradcheck starts from given gradients") {
  const auto f = [](const Inputs& x) { return x[0] * x[0] * x[1]; };
  const Tensor start = tensor({1., -2.}, {.dtype = float64});
  CHECK(gradgradcheck(f, {leaf({2}), leaf({2})}, {}, {start}));
  CHECK_THROWS_AS(gradgradcheck(f, {leaf({2}), leaf({2})}, {}, {start, start}), Error);
}
