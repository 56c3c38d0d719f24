#include "core/autograd/function.h"

#include <doctest/doctest.h>

#include <cmath>
#include <string>

#include "core/autograd/anomaly.h"
#include "core/autograd/engine.h"
#include "core/autograd/gradcheck.h"
#include "core/factory.h"
#include "core/ops/ops.h"
#include "core/print.h"

using namespace heed;
using autograd::Context;
using autograd::Grads;
using Inputs = std::vector<Tensor>;

namespace {

struct Cube {
  static Tensor forward(Context& ctx, const Tensor& x) {
    CHECK_FALSE(grad_enabled());
    ctx.save_for_backward({x});
    return x * x * x;
  }
  static Grads backward(Context& ctx, const Tensor& dy) { return dy * 3 * square(ctx.saved(0)); }
};

// Reads its own output in backward, and a number that is no tensor.
struct ScaledExp {
  static Tensor forward(Context& ctx, const Tensor& x, double scale) {
    const Tensor y = heed::exp(x * scale);
    ctx.attributes["scale"] = scale;
    ctx.save_for_backward({y});
    return y;
  }
  static Tensor backward(Context& ctx, const Tensor& dy) {
    return dy * ctx.saved(0) * ctx.attribute<double>("scale");
  }
};

struct Blend {
  static Tensor forward(Context& ctx, const Inputs& xs, const Tensor& w) {
    CHECK(ctx.needs_input_grad(0));
    CHECK_FALSE(ctx.needs_input_grad(1));
    ctx.save_for_backward({xs[0], xs[1], w});
    return xs[0] * w + xs[1] * (1 - w);
  }
  static Inputs backward(Context& ctx, const Tensor& dy) {
    const Tensor w = ctx.saved(2);
    return {dy * w, Tensor(), ctx.needs_input_grad(2) ? dy * (ctx.saved(0) - ctx.saved(1)) : dy};
  }
};

struct Same {
  static Tensor forward(Context&, const Tensor& x) { return x; }
  static Grads backward(Context&, const Tensor& dy) { return dy * 10; }
};

struct WritesIntoInput {
  static Tensor forward(Context&, const Tensor& x) { return x.mul_(2) + 0; }
  static Grads backward(Context&, const Tensor& dy) { return dy; }
};

struct TooManyGradients {
  static Tensor forward(Context&, const Tensor& x) { return x * 1; }
  static Inputs backward(Context&, const Tensor& dy) { return {dy, dy}; }
};

struct NanBackward {
  static Tensor forward(Context&, const Tensor& x) { return x * 1; }
  static Grads backward(Context&, const Tensor& dy) { return dy * std::nan(""); }
};

Tensor leaf(std::initializer_list<double> values) {
  return tensor(std::vector<double>(values)).requires_grad_();
}

}  // namespace

TEST_CASE("a function of one's own is recorded as one node with its name") {
  const Tensor x = leaf({1, 2, -3});
  const Tensor y = autograd::apply<Cube>(x);
  CHECK(std::string(y.grad_fn()->name()) == "CubeBackward");
  CHECK(y.to_vector<double>() == std::vector<double>{1, 8, -27});
  sum(y).backward();
  CHECK(x.grad().to_vector<double>() == std::vector<double>{3, 12, 27});
}

TEST_CASE("first and second derivatives of a function of one's own are right") {
  const auto cube = [](const Inputs& x) { return autograd::apply<Cube>(x[0]); };
  const auto scaled = [](const Inputs& x) { return autograd::apply<ScaledExp>(x[0], 0.7); };
  for (const auto& f : {autograd::CheckedFunction(cube), autograd::CheckedFunction(scaled)}) {
    const auto first = autograd::gradcheck(f, {leaf({0.3, -0.8})});
    CHECK_MESSAGE(first, first.message);
    const auto second = autograd::gradgradcheck(f, {leaf({0.3, -0.8})});
    CHECK_MESSAGE(second, second.message);
  }
}

TEST_CASE("lists of tensors are arguments, and inputs that need no gradient get none") {
  const Tensor a = leaf({1, 2}), b = tensor(std::vector<double>{5, 6}), w = leaf({0.25, 0.5});
  const Tensor y = autograd::apply<Blend>(Inputs{a, b}, w);
  sum(y).backward();
  CHECK(a.grad().to_vector<double>() == std::vector<double>{0.25, 0.5});
  CHECK_FALSE(b.grad().defined());
  CHECK(w.grad().to_vector<double>() == std::vector<double>{-4, -4});
}

TEST_CASE("without a gradient to record, a function only computes") {
  CHECK_FALSE(autograd::apply<Cube>(tensor({1., 2.})).requires_grad());
  const NoGradGuard guard;
  CHECK_FALSE(autograd::apply<Cube>(leaf({1, 2})).requires_grad());
}

TEST_CASE("a forward that returns its input leaves the input's history alone") {
  const Tensor x = leaf({1, 2});
  const Tensor y = autograd::apply<Same>(x);
  CHECK(x.is_leaf());
  sum(y).backward();
  CHECK(x.grad().to_vector<double>() == std::vector<double>{10, 10});
}

TEST_CASE("saved tensors are checked and freed like those of any operation") {
  const Tensor x = leaf({1, 2});
  const Tensor middle = x * 1;
  const Tensor y = sum(autograd::apply<Cube>(middle));
  middle.add_(1);
  CHECK_THROWS_WITH_AS(y.backward(), doctest::Contains("modified by an inplace operation"), Error);
  const Tensor z = sum(autograd::apply<Cube>(x));
  z.backward();
  CHECK_THROWS_WITH_AS(z.backward(), doctest::Contains("backward through the graph a second time"),
                       Error);
}

TEST_CASE("what a function must not do is refused by name") {
  const Tensor x = leaf({1, 2}) * 1;
  CHECK_THROWS_WITH_AS(autograd::apply<WritesIntoInput>(x),
                       doctest::Contains("the forward of WritesIntoInputBackward wrote into its "
                                         "input 0 of size [2]"),
                       Error);
  CHECK_THROWS_WITH_AS(sum(autograd::apply<TooManyGradients>(leaf({1}))).backward(),
                       doctest::Contains("TooManyGradientsBackward returned 2 gradients for 1"),
                       Error);
  Context context;
  CHECK_THROWS_WITH_AS(context.saved(0), doctest::Contains("the context has 0 saved tensors"),
                       Error);
  context.attributes["a"] = 1;
  CHECK_THROWS_AS(context.attribute<double>("a"), Error);
  CHECK_THROWS_AS(context.attribute<double>("b"), Error);
}

TEST_CASE("anomaly mode names the operation whose backward made a NaN") {
  const autograd::DetectAnomalyGuard guard;
  CHECK_THROWS_WITH_AS(sum(autograd::apply<NanBackward>(leaf({1, 2}))).backward(),
                       doctest::Contains("Function 'NanBackwardBackward' returned nan values in "
                                         "its 0th output."),
                       Error);
  const Tensor x = leaf({-1, 2});
  CHECK_THROWS_WITH_AS(sum(heed::sqrt(x)).backward(), doctest::Contains("SqrtBackward0"), Error);
}

TEST_CASE("anomaly mode is off by default and ends with its guard") {
  CHECK_FALSE(autograd::detect_anomaly_enabled());
  {
    const autograd::DetectAnomalyGuard guard;
    CHECK(autograd::detect_anomaly_enabled());
  }
  CHECK_FALSE(autograd::detect_anomaly_enabled());
  const Tensor x = leaf({-1, 2});
  sum(heed::sqrt(x)).backward();
  CHECK(std::isnan(x.grad()[0].item()));
}

TEST_CASE("inference mode records nothing") {
  const Tensor x = leaf({1});
  {
    const InferenceModeGuard guard;
    CHECK_FALSE((x * 2).requires_grad());
  }
  CHECK((x * 2).requires_grad());
}
