// How gradients behave: accumulation, graphs and their end, modes, and the gradients PyTorch gives
// where a derivative is a matter of choice.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "core/autograd/engine.h"
#include "core/autograd/grad_mode.h"
#include "core/autograd/node.h"
#include "core/factory.h"
#include "core/ops/ops.h"
#include "core/tensor.h"
#include "support/refusal.h"

namespace {

using namespace heed;
using heed::test::values;
using Values = std::vector<double>;

const double kInf = std::numeric_limits<double>::infinity();

Tensor leaf(const Values& values) { return tensor(values, {.requires_grad = true}); }
/// The gradient at x of the sum of f(x).
template <class F>
Values slope(const Values& x, F f) {
  const Tensor input = leaf(x);
  sum(f(input)).backward();
  return values(input.grad());
}

}  // namespace

TEST_CASE("gradients accumulate into .grad") {
  const Tensor x = leaf({1, 2});
  sum(x * 3).backward();
  sum(x * x).backward();
  CHECK(values(x.grad()) == Values{5, 7});
}

TEST_CASE("a tensor used twice gets both parts, and diamonds are visited once") {
  const Tensor x = leaf({2});
  const Tensor a = x * 3;
  const Tensor y = a * a + a;  // 9 x² + 3 x
  y.backward();
  CHECK(values(x.grad()) == Values{39});
  // Thirty diamonds in a row: 2^30 paths, sixty nodes.
  const Tensor z = leaf({1});
  Tensor chain = z;
  for (int i = 0; i < 30; ++i) chain = chain + chain;
  chain.backward();
  CHECK(values(z.grad()) == Values{std::ldexp(1.0, 30)});
}

TEST_CASE("backward frees the graph's buffers unless retain_graph") {
  const Tensor x = leaf({2});
  const Tensor y = x * x;
  y.backward({}, true);
  y.backward();
  CHECK(values(x.grad()) == Values{8});
  CHECK_THROWS_AS(y.backward(), Error);
  // Nothing was saved, so there is nothing to miss.
  const Tensor z = x + x;
  z.backward();
  CHECK_NOTHROW(z.backward());
}

TEST_CASE("create_graph gives gradients that can be differentiated") {
  const Tensor x = leaf({2});
  const Tensor first = autograd::grad(x * x * x, x, {.create_graph = true});
  CHECK(values(first) == Values{12});
  const Tensor second = autograd::grad(first, x, {.create_graph = true});
  CHECK(values(second) == Values{12});
  CHECK(values(autograd::grad(second, x)) == Values{6});
  CHECK(!x.grad().defined());
}

TEST_CASE("autograd::grad takes outputs, inputs, grad_outputs, retain_graph and allow_unused") {
  const Tensor x = leaf({1, 2}), y = leaf({3, 4}), unused = leaf({5, 6});
  const Tensor product = x * y;
  const Tensor weights = tensor(Values{10, 100});
  const auto grads =
      autograd::grad({product}, {x, y}, {.grad_outputs = {weights}, .retain_graph = true});
  CHECK(values(grads[0]) == Values{30, 400});
  CHECK(values(grads[1]) == Values{10, 200});
  CHECK(!x.grad().defined());
  CHECK_THROWS_AS(
      autograd::grad({product}, {unused}, {.grad_outputs = {weights}, .retain_graph = true}),
      Error);
  const auto some =
      autograd::grad({product}, {unused, x}, {.grad_outputs = {weights}, .allow_unused = true});
  CHECK(!some[0].defined());
  CHECK(values(some[1]) == Values{30, 400});
  // Through a tensor in the middle of a graph.
  const Tensor middle = x * 2;
  CHECK(values(autograd::grad(sum(middle * middle), middle)) == Values{4, 8});
}

TEST_CASE("nothing is recorded under NoGradGuard, and detach cuts the graph") {
  const Tensor x = leaf({3});
  {
    const NoGradGuard no_grad;
    CHECK(!(x * 2).requires_grad());
    const EnableGradGuard enabled;
    CHECK((x * 2).requires_grad());
  }
  CHECK((x * 2).requires_grad());
  const Tensor cut = (x * 2).detach();
  CHECK(cut.is_leaf());
  CHECK(!cut.requires_grad());
  (x * cut).backward();
  CHECK(values(x.grad()) == Values{6});
  bool recorded = false;
  {
    const NoGradGuard no_grad;
    std::thread([&] { recorded = (x * 2).requires_grad(); }).join();
  }
  CHECK(recorded);
}

TEST_CASE("requires_grad_ makes a leaf record, and cannot be switched off on a result") {
  const Tensor x = tensor(Values{1});
  CHECK(!(x * 2).requires_grad());
  x.requires_grad_();
  const Tensor y = x * 2;
  CHECK(y.requires_grad());
  CHECK(!y.is_leaf());
  CHECK_THROWS_AS(y.requires_grad_(false), Error);
  x.requires_grad_(false);
  CHECK(!(x * 2).requires_grad());
}

TEST_CASE("retain_grad keeps the gradient of a result") {
  const Tensor x = leaf({3});
  const Tensor kept = x * 2, dropped = x * 2;
  kept.retain_grad();
  (kept * dropped).backward();
  CHECK(values(kept.grad()) == Values{6});
  CHECK(!dropped.grad().defined());
  CHECK_THROWS_AS(tensor(Values{1}).retain_grad(), Error);
}

TEST_CASE("hooks see and replace gradients until they are removed") {
  const Tensor x = leaf({3});
  int calls = 0;
  HookHandle hook = x.register_hook([&](const Tensor& grad) {
    ++calls;
    return grad * 10;
  });
  (x * 2).backward();
  CHECK(values(x.grad()) == Values{20});
  hook.remove();
  (x * 2).backward();
  CHECK(values(x.grad()) == Values{22});
  CHECK(calls == 1);
  const Tensor middle = x * 2;
  middle.register_hook([](const Tensor& grad) { return grad * 3; });
  x.set_grad({});
  (middle * 5).backward();
  CHECK(values(x.grad()) == Values{30});
  CHECK_THROWS_AS(tensor(Values{1}).register_hook([](const Tensor& g) { return g; }), Error);
}

TEST_CASE("version counters rise with each write, shared by views and detached tensors") {
  const Tensor x = zeros({2, 3});
  CHECK(x.version() == 0);
  x.add_(1);
  CHECK(x.version() == 1);
  x.select(0, 0).mul_(2);
  x.detach().zero_();
  CHECK(x.version() == 3);
}

TEST_CASE("a write to what backward does not need is harmless") {
  const Tensor x = leaf({2});
  const Tensor a = x + 1;
  const Tensor y = a * 3;  // a number times a: a is not saved
  a.add_(1);
  y.backward();
  CHECK(values(x.grad()) == Values{3});
  const Tensor b = x * 2;
  b.mul_(b.detach().clone());
  sum(b).backward();
  CHECK(values(x.grad()) == Values{3 + 8});
}

TEST_CASE("broadcast gradients are summed back") {
  const Tensor row = leaf({1, 2}), number = leaf({2});
  const Tensor column = tensor({{1.0}, {2.0}, {3.0}}, {.dtype = float64, .requires_grad = true});
  sum(row * column * number).backward();
  CHECK(values(row.grad()) == Values{12, 12});
  CHECK(column.grad().sizes() == Dims{3, 1});
  CHECK(values(column.grad()) == Values{6, 6, 6});
  CHECK(values(number.grad()) == Values{18});
}

TEST_CASE("ties of max and min share the gradient as PyTorch does") {
  CHECK(slope({1, 3, 3}, [](const Tensor& x) { return max(x); }) == Values{0, 0.5, 0.5});
  CHECK(slope({1, 1, 3}, [](const Tensor& x) { return min(x); }) == Values{0.5, 0.5, 0});
  CHECK(slope({1, 3, 3}, [](const Tensor& x) { return amax(x, {0}); }) == Values{0, 0.5, 0.5});
  CHECK(slope({1, 3, 3}, [](const Tensor& x) { return max(x, 0).values; }) == Values{0, 1, 0});
  CHECK(slope({1, 3}, [](const Tensor& x) {
          return maximum(x, tensor(Values{1, 2}));
        }) == Values{0.5, 1});
  CHECK(slope({1, 2, 3}, [](const Tensor& x) { return clamp(x, 1, 2); }) == Values{1, 1, 0});
}

TEST_CASE("gradients at sqrt(0), x / 0, log(0) and of pow are PyTorch's") {
  CHECK(slope({0}, [](const Tensor& x) { return sqrt(x); }) == Values{kInf});
  CHECK(slope({0}, [](const Tensor& x) { return log(x); }) == Values{kInf});
  CHECK(slope({1, -1}, [](const Tensor& x) {
          return x / tensor(Values{0, 0});
        }) == Values{kInf, kInf});
  CHECK(slope({0}, [](const Tensor& x) { return 1 / x; }) == Values{-kInf});
  const auto power = [](double exponent) {
    return slope({0}, [=](const Tensor& x) { return pow(x, exponent); })[0];
  };
  CHECK(power(0) == 0);
  CHECK(power(0.5) == kInf);
  CHECK(power(1) == 1);
  CHECK(power(2) == 0);
  CHECK(power(-1) == -kInf);
  const Tensor base = leaf({0, 0, 0}), exponent = leaf({0, 1, -1});
  sum(pow(base, exponent)).backward();
  CHECK(values(base.grad()) == Values{0, 1, -kInf});
  CHECK(values(exponent.grad()) == Values{0, 0, -kInf});
  CHECK(slope({0, -0.0}, [](const Tensor& x) { return abs(x); }) == Values{0, 0});
  CHECK(slope({0, -0.0}, [](const Tensor& x) { return relu(x); }) == Values{0, 0});
  CHECK(slope({0, 0}, [](const Tensor& x) { return norm(x); }) == Values{0, 0});
  CHECK(slope({0, 2, 3}, [](const Tensor& x) { return prod(x); }) == Values{6, 0, 0});
}

TEST_CASE("results are named as PyTorch names them") {
  const Tensor x = ones({2, 3}, {.requires_grad = true}), w = ones({3, 2});
  const auto name = [](const Tensor& y) { return std::string(y.grad_fn()->name()); };
  CHECK(name(x + x) == "AddBackward0");
  CHECK(name(x * 2) == "MulBackward0");
  CHECK(name(x / 2) == "DivBackward0");
  CHECK(name(2 - x) == "RsubBackward1");
  CHECK(name(mm(x, w)) == "MmBackward0");
  CHECK(name(sum(x)) == "SumBackward0");
  CHECK(name(sum(x, 0)) == "SumBackward1");
  CHECK(name(mean(x)) == "MeanBackward0");
  CHECK(name(pow(x, 2)) == "PowBackward0");
  CHECK(name(softmax(x, 1)) == "SoftmaxBackward0");
  CHECK(name(x.t()) == "TBackward0");
  CHECK(name(x.T()) == "PermuteBackward0");
  CHECK(name(x.transpose(0, 1)) == "TransposeBackward0");
  CHECK(name(x.view({6})) == "ViewBackward0");
  CHECK(name(x.roll(1, 0)) == "RollBackward0");
  CHECK(name(mse_loss(x, zeros({2, 3}))) == "MseLossBackward0");
}

TEST_CASE("a chain of a million operations runs backward and is freed in bounded stack") {
  const Tensor x = leaf({1});
  {
    Tensor y = x;
    for (int i = 0; i < 1'000'000; ++i) y = y + 1;
    y.backward();
    CHECK(values(x.grad()) == Values{1});
    // Another, freed without a backward.
    Tensor z = x;
    for (int i = 0; i < 1'000'000; ++i) z = z * 1.0;
  }
  CHECK(x.is_leaf());
}
