// What backward() and grad() do: accumulation, freeing, hooks, retained gradients, errors.
#include "core/autograd/engine.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "core/autograd/function.h"
#include "core/autograd/grad_mode.h"
#include "core/autograd/node.h"
#include "core/factory.h"
#include "core/memory.h"
#include "core/ops/ops.h"
#include "core/random.h"
#include "support/refusal.h"

using namespace heed;
using heed::test::values;
using Values = std::vector<double>;

namespace {

Tensor leaf(Values numbers) { return tensor(numbers).requires_grad_(); }

}  // namespace

TEST_CASE("gradients of several backwards add up in .grad until it is reset") {
  const Tensor x = leaf({1, 2});
  sum(x * 3).backward();
  CHECK(values(x.grad()) == Values{3, 3});
  sum(x * x).backward();
  CHECK(values(x.grad()) == Values{5, 7});
  x.set_grad({});
  CHECK_FALSE(x.grad().defined());
  sum(x).backward();
  CHECK(values(x.grad()) == Values{1, 1});
}

TEST_CASE("a tensor that is used twice gets both parts, through diamonds too") {
  const Tensor x = leaf({2, 3});
  const Tensor a = x * x;
  const Tensor b = a + a * x;  // x² + x³
  sum(b).backward();
  CHECK(values(x.grad()) == Values{2 * 2 + 3 * 4, 2 * 3 + 3 * 9});
}

TEST_CASE("a gradient that was broadcast is summed back to its tensor's shape") {
  const Tensor row = leaf({1, 2, 3}), scalar = tensor(2.0, {.dtype = float64}).requires_grad_();
  const Tensor column = leaf({1, 2}).detach().view({2, 1}).requires_grad_();
  sum(row * column * scalar).backward();
  CHECK(values(row.grad()) == Values{6, 6, 6});
  CHECK(values(column.grad()) == Values{12, 12});
  CHECK(column.grad().sizes() == Dims{2, 1});
  CHECK(scalar.grad().dim() == 0);
  CHECK(scalar.grad().item() == 18);
}

TEST_CASE("the first gradient is not shared with whoever else holds it") {
  const Tensor a = leaf({1, 2}), b = leaf({3, 4});
  const Tensor start = ones({2}, {.dtype = float64});
  (a + b).backward(start);
  a.grad().mul_(5);
  CHECK(values(b.grad()) == Values{1, 1});
  CHECK(values(start) == Values{1, 1});
}

TEST_CASE("backward starts from a given gradient, and from 1 for one element only") {
  const Tensor x = leaf({1, 2, 3});
  (x * 2).backward(tensor({1., 10., 100.}));
  CHECK(values(x.grad()) == Values{2, 20, 200});
  CHECK(x.grad().dtype() == float64);
  CHECK_THROWS_WITH_AS((x * 2).backward(),
                       doctest::Contains("grad can be implicitly created only for scalar outputs"),
                       Error);
  CHECK_THROWS_WITH_AS((x * 2).backward(ones({2})), doctest::Contains("Mismatch in shape"), Error);
  const Tensor one = leaf({4});
  (one * 2).backward();
  CHECK(values(one.grad()) == Values{2});
  one.backward();
  CHECK(values(one.grad()) == Values{3});
}

TEST_CASE("backward needs a graph") {
  CHECK_THROWS_WITH_AS(
      sum(ones({2})).backward(),
      doctest::Contains("element 0 of tensors does not require grad and does not have a grad_fn"),
      Error);
}

TEST_CASE("the graph is freed by backward unless it is retained") {
  const Tensor x = leaf({1, 2});
  const Tensor y = sum(x * x);
  y.backward({}, true);
  y.backward();
  CHECK(values(x.grad()) == Values{4, 8});
  CHECK_THROWS_WITH_AS(y.backward(), doctest::Contains("Specify retain_graph=True"), Error);
  // Nothing was saved, so nothing is missing.
  const Tensor z = sum(x + x);
  z.backward();
  z.backward();
}

TEST_CASE("create_graph gives gradients that can be differentiated") {
  const Tensor x = leaf({2, -3});
  const Tensor dx = autograd::grad(sum(pow(x, 3)), x, {.create_graph = true});
  CHECK(values(dx) == Values{12, 27});
  const Tensor ddx = autograd::grad(sum(dx), x, {.create_graph = true});
  CHECK(values(ddx) == Values{12, -18});
  CHECK(values(autograd::grad(sum(ddx), x)) == Values{6, 6});
  CHECK_FALSE(x.grad().defined());
  sum(pow(x, 3)).backward({}, {}, true);
  CHECK(x.grad().requires_grad());
  x.set_grad({});
}

TEST_CASE("grad() returns derivatives of results and leaves in the order asked for") {
  const Tensor x = leaf({2}), y = leaf({5}), unused = leaf({1});
  const Tensor middle = x * y;
  const auto grads = autograd::grad({sum(middle * middle)}, {y, middle, x}, {.retain_graph = true});
  CHECK(values(grads[0]) == Values{40});
  CHECK(values(grads[1]) == Values{20});
  CHECK(values(grads[2]) == Values{100});
  CHECK_FALSE(x.grad().defined());
  CHECK_THROWS_WITH_AS(autograd::grad(sum(x * y), unused),
                       doctest::Contains("appears to not have been used in the graph"), Error);
  CHECK_FALSE(autograd::grad(sum(x * y), unused, {.allow_unused = true}).defined());
  CHECK_THROWS_WITH_AS(autograd::grad(sum(x * y), ones({1})),
                       doctest::Contains("One of the differentiated Tensors does not require grad"),
                       Error);
  const auto two =
      autograd::grad({x * 2, y * 3}, {x, y}, {.grad_outputs = {tensor({10.}), tensor({100.})}});
  CHECK(values(two[0]) == Values{20});
  CHECK(values(two[1]) == Values{300});
}

TEST_CASE("grad() can treat its inputs as independent of one another") {
  const Tensor x = leaf({2});
  const Tensor y = x * x;
  const auto total = autograd::grad({sum(x * y)}, {x, y}, {.retain_graph = true});
  CHECK(values(total[0]) == Values{12});
  const auto partial = autograd::grad({sum(x * y)}, {x, y}, {.stop_at_inputs = true});
  CHECK(values(partial[0]) == Values{4});
  CHECK(values(partial[1]) == Values{2});
}

TEST_CASE("several results run backward together") {
  const Tensor x = leaf({1, 2});
  autograd::backward({sum(x), x * 2}, {Tensor(), tensor({1., 10.})});
  CHECK(values(x.grad()) == Values{3, 21});
  CHECK_THROWS_AS(autograd::backward({sum(x), sum(x)}, {Tensor()}), Error);
}

TEST_CASE("a result given twice counts twice, and one below another gets both parts") {
  const Tensor x = leaf({3});
  const Tensor low = x * 2, high = low * low;
  autograd::backward({low, high, low});  // d/dx (4 x + 4 x²)
  CHECK(values(x.grad()) == Values{4 + 8 * 3});
  const Tensor y = leaf({3});
  autograd::backward({y, y, y * 5}, {Tensor(), tensor({7.}), Tensor()});
  CHECK(values(y.grad()) == Values{1 + 7 + 5});
  const Tensor z = leaf({3});
  const Tensor square = z * z;
  const Tensor slope = autograd::grad({square, square}, {z}, {.create_graph = true})[0];
  CHECK(values(slope) == Values{12});
  CHECK(values(autograd::grad(slope, z)) == Values{4});
}

TEST_CASE("what grad mode off computes has no history") {
  const Tensor x = leaf({1});
  {
    const NoGradGuard guard;
    const Tensor y = x * 2;
    CHECK_FALSE(y.requires_grad());
    CHECK(y.is_leaf());
    const EnableGradGuard on;
    CHECK((x * 2).requires_grad());
  }
  CHECK(grad_enabled());
  set_grad_enabled(false);
  CHECK_FALSE((x * 2).requires_grad());
  set_grad_enabled(true);
  CHECK_FALSE((x.detach() * 2).requires_grad());
}

TEST_CASE("leaves, results and what asks for a gradient") {
  const Tensor x = leaf({1});
  CHECK(x.is_leaf());
  CHECK_FALSE(x.grad_fn());
  const Tensor y = x * 2;
  CHECK_FALSE(y.is_leaf());
  CHECK(std::string(y.grad_fn()->name()) == "MulBackward0");
  CHECK_THROWS_WITH_AS(y.requires_grad_(false),
                       doctest::Contains("you can only change requires_grad flags of leaf"), Error);
  CHECK_THROWS_WITH_AS(tensor({1, 2}).requires_grad_(),
                       doctest::Contains("nly Tensors of floating point dtype can require"), Error);
  x.requires_grad_(false);
  CHECK_FALSE((x * 2).requires_grad());
}

TEST_CASE("a hook sees the whole gradient and may replace it") {
  const Tensor x = leaf({1, 2});
  const Tensor y = x * 3;
  int calls = 0;
  Values seen;
  HookHandle on_y = y.register_hook([&](const Tensor& grad) {
    ++calls;
    seen = values(grad);
    return grad * 10;
  });
  HookHandle on_x = x.register_hook([&](const Tensor&) {
    ++calls;
    return Tensor();  // looks only
  });
  sum(y * y + y).backward({}, true);
  CHECK(calls == 2);
  CHECK(seen == Values{7, 13});
  CHECK(values(x.grad()) == Values{210, 390});
  on_y.remove();
  on_y.remove();
  on_x.remove();
  x.set_grad({});
  sum(y * y + y).backward();
  CHECK(calls == 2);
  CHECK(values(x.grad()) == Values{21, 39});
  CHECK_THROWS_WITH_AS(ones({1}).register_hook([](const Tensor& g) { return g; }),
                       doctest::Contains("cannot register a hook on a tensor that doesn't require"),
                       Error);
}

TEST_CASE("a hook that changes the shape is refused, one may outlive its tensor") {
  const Tensor x = leaf({1, 2});
  x.register_hook([](const Tensor& grad) { return sum(grad); });
  CHECK_THROWS_WITH_AS(sum(x).backward(), doctest::Contains("hook has changed the size of value"),
                       Error);
  HookHandle handle;
  {
    const Tensor gone = leaf({1});
    handle = gone.register_hook([](const Tensor& g) { return g; });
  }
  handle.remove();
}

TEST_CASE("hooks run in the order they were registered") {
  const Tensor x = leaf({1});
  x.register_hook([](const Tensor& g) { return g + 1; });
  x.register_hook([](const Tensor& g) { return g * 10; });
  sum(x).backward();
  CHECK(values(x.grad()) == Values{20});
}

TEST_CASE("a result keeps its gradient when asked to") {
  const Tensor x = leaf({1, 2});
  const Tensor y = x * 3;
  CHECK_FALSE(y.retains_grad());
  y.retain_grad();
  CHECK(y.retains_grad());
  sum(y * y).backward();
  CHECK(values(y.grad()) == Values{6, 12});
  CHECK_THROWS_WITH_AS(ones({1}).retain_grad(), doctest::Contains("can't retain_grad on Tensor"),
                       Error);
  x.retain_grad();  // no change for a leaf
  // The tensor may be gone before the graph runs.
  Tensor z;
  {
    const Tensor short_lived = x * 2;
    short_lived.retain_grad();
    z = sum(short_lived * 1);
  }
  z.backward();
}

TEST_CASE("set_grad takes a gradient of the same shape and type") {
  const Tensor x = leaf({1, 2});
  x.set_grad(tensor({5., 6.}, {.dtype = float64}));
  sum(x).backward();
  CHECK(values(x.grad()) == Values{6, 7});
  CHECK_THROWS_AS(x.set_grad(ones({3}, {.dtype = float64})), Error);
  CHECK_THROWS_AS(x.set_grad(ones({2})), Error);
}

TEST_CASE("a saved tensor that was written over is refused with its history") {
  const Tensor x = leaf({1, 2});
  const Tensor a = x + 1;
  const Tensor y = sum(a * a);
  a.add_(1);
  CHECK_THROWS_WITH_AS(
      y.backward(),
      doctest::Contains("one of the variables needed for gradient computation has been modified by "
                        "an inplace operation: [float64 [2]], which is output 0 of AddBackward0, "
                        "is at version 1; expected version 0 instead."),
      Error);
  const Tensor e = heed::exp(x);
  e.mul_(2);
  CHECK_THROWS_WITH_AS(sum(e).backward(), doctest::Contains("which is output 0 of ExpBackward0"),
                       Error);
}

TEST_CASE("a backward that fails leaves the thread fit for the next one") {
  const Tensor x = leaf({1, 2});
  const Tensor y = x * 1;
  y.register_hook([](const Tensor&) -> Tensor { throw Error("stop"); });
  CHECK_THROWS_WITH_AS(sum(y).backward(), "stop", Error);
  CHECK(grad_enabled());
  sum(x * 2).backward();
  CHECK(values(x.grad()) == Values{2, 2});
}

TEST_CASE("backward may be called from within a backward") {
  const Tensor x = leaf({3}), other = leaf({2});
  x.register_hook([&](const Tensor& grad) {
    const EnableGradGuard on;
    sum(other * other).backward();
    return grad * other.grad();
  });
  sum(x * 5).backward();
  CHECK(values(x.grad()) == Values{20});
}

TEST_CASE("a graph with all its memory goes away with its last tensor") {
  const std::int64_t before = memory_stats().allocated_bytes;
  {
    const Tensor x = leaf({1, 2, 3, 4});
    Tensor y = x;
    for (int i = 0; i < 50; ++i) y = heed::tanh(y * x) + softmax(y, 0);
    const Tensor dropped = y * 2;
    sum(y).backward({}, true);
    const Tensor dx = autograd::grad(sum(y), x, {.create_graph = true});
    sum(dx * dx).backward();
  }
  CHECK(memory_stats().allocated_bytes == before);
}

TEST_CASE("the cycle of a leaf whose gradient leads back to it is broken by resetting .grad") {
  const std::int64_t before = memory_stats().allocated_bytes;
  {
    const Tensor x = leaf({1, 2});
    sum(x * x * x).backward({}, {}, true);
    x.set_grad({});
  }
  CHECK(memory_stats().allocated_bytes == before);
}

TEST_CASE("a product adds to a weight's .grad straight away, in every layout of its factors") {
  Generator generator(11);
  const auto draw = [&](const Dims& sizes) {
    return randn(sizes, {.dtype = float64, .generator = &generator});
  };
  for (const bool turned_a : {false, true}) {
    for (const bool turned_b : {false, true}) {
      const Tensor a = draw(turned_a ? Dims{4, 3} : Dims{3, 4}).requires_grad_();
      const Tensor b = draw(turned_b ? Dims{5, 4} : Dims{4, 5}).requires_grad_();
      const Tensor dy = draw({3, 5});
      const auto run = [&] { mm(turned_a ? a.t() : a, turned_b ? b.t() : b).backward(dy); };
      run();
      const Tensor da = a.grad().clone(), db = b.grad().clone();
      const Tensor held = a.grad();
      const auto version = held.version();
      run();
      CHECK(allclose(a.grad(), da * 2, 1e-13, 1e-13));
      CHECK(allclose(b.grad(), db * 2, 1e-13, 1e-13));
      CHECK(held.is(a.grad()));
      CHECK(held.version() > version);
    }
  }
  const Tensor x = draw({2, 3, 4}), weight = draw({5, 4}).requires_grad_();
  const Tensor bias = draw({5}).requires_grad_(), dy = draw({2, 3, 5});
  for (int i = 0; i < 2; ++i) linear(x, weight, bias).backward(dy);
  const Tensor want = matmul(dy.view({6, 5}).t(), x.view({6, 4})) * 2;
  CHECK(allclose(weight.grad(), want, 1e-13, 1e-13));
  CHECK(allclose(bias.grad(), sum(dy, {0, 1}) * 2, 1e-13, 1e-13));
}

TEST_CASE("what several products hand to one tensor is added up where it waits") {
  manual_seed(3);
  const Tensor weights = randn({3, 4, 5}), factors = randn({3, 2, 3, 4});
  for (const Dims& sizes : {Dims{3, 5}, Dims{2, 3, 5}}) {
    const Tensor leaf = randn(sizes, {.requires_grad = true});
    const Tensor x = leaf * 2.0;  // so that its gradient waits for a node
    Tensor loss = zeros({}), expected = zeros(sizes);
    for (int i = 0; i < 3; ++i) {
      const Tensor factor = sizes.size() == 2 ? factors[i][0] : factors[i];
      loss = loss + sum(linear(x, weights[i]) * factor);
      expected = expected + 2.0 * matmul(factor, weights[i]);
    }
    Tensor seen;
    x.register_hook([&](const Tensor& grad) {
      seen = grad;
      return Tensor();
    });
    loss.backward();
    CHECK(allclose(leaf.grad(), expected));
    CHECK(allclose(seen * 2.0, expected));  // a hook sees the whole
  }
}

TEST_CASE("gradients of a tensor's parts are added up in their places") {
  manual_seed(4);
  const Tensor factors = randn({3, 4, 6});
  for (const bool is_leaf : {false, true}) {
    const Tensor leaf = randn({4, 6}, {.requires_grad = true});
    const Tensor x = is_leaf ? leaf : leaf * 1.0;
    if (is_leaf) leaf.set_grad(zeros({4, 6}));
    Tensor loss = sum(x.t() * factors[0].t()) + sum(x[1] * factors[1][1]);
    loss = loss + sum(slice(x, 1, 1, 6, 2) * slice(factors[1], 1, 1, 6, 2));
    // Windows that overlap: as_strided(x)[i][j] = x.flatten()[i + 2 j].
    const Tensor windows = as_strided(x, {5, 4}, {1, 2}),
                 weights = slice(factors[2].view({24}), 0, 0, 20);
    loss = loss + sum(windows * weights.view({5, 4}));
    loss.backward();
    Tensor expected = factors[0].clone();
    expected[1].add_(factors[1][1]);
    slice(expected, 1, 1, 6, 2).add_(slice(factors[1], 1, 1, 6, 2));
    const Tensor flat = expected.view({24});
    for (std::int64_t i = 0; i < 5; ++i) {
      for (std::int64_t j = 0; j < 4; ++j) flat[i + 2 * j].add_(weights[i * 4 + j]);
    }
    CHECK(allclose(leaf.grad(), expected));
  }
}

TEST_CASE("the gradients of n parts are added to one tensor of the whole, not n") {
  const std::int64_t n = 50;
  const Tensor leaf = ones({n, 30}, {.requires_grad = true});
  const Tensor x = leaf * 1.0;
  Tensor total = zeros({30});
  for (std::int64_t i = 0; i < n; ++i) total = total + x[i];
  const Tensor loss = sum(total);
  const std::int64_t before = memory_stats().allocations;
  loss.backward();
  CHECK(memory_stats().allocations - before < n + 20);  // an alias a part; 2 n with n wholes
  CHECK(values(leaf.grad()) == Values(n * 30, 1.0));
}

TEST_CASE("create_graph adds to a .grad that is there by a recorded sum") {
  const Tensor x = leaf({3});
  (x * x).backward();
  const Tensor first = x.grad();
  (x * x * x).backward({}, {}, true);
  CHECK(values(first) == Values{6});  // the old one is left as it was
  CHECK(values(x.grad()) == Values{6 + 27});
  CHECK(x.grad().requires_grad());
  CHECK(values(autograd::grad(x.grad(), x)) == Values{18});
  x.set_grad({});
}

TEST_CASE("a .grad that is not contiguous, or has a history, is added to") {
  const Tensor x = zeros({2, 3}, {.dtype = float64, .requires_grad = true});
  const Tensor turned = tensor({{1., 2.}, {3., 4.}, {5., 6.}}, {.dtype = float64}).t();
  x.set_grad(turned);
  (x * 10).backward(ones({2, 3}, {.dtype = float64}));
  CHECK(values(x.grad()) == Values{11, 13, 15, 12, 14, 16});
  const Tensor y = leaf({2});
  (y * y * y).backward({}, {}, true);
  CHECK(y.grad().requires_grad());
  (y * 5).backward();
  CHECK(values(y.grad()) == Values{12 + 5});
  y.set_grad({});
}

TEST_CASE("a gradient of another type is converted to its tensor's") {
  struct Widened {
    static Tensor forward(autograd::Context&, const Tensor& x) { return x.to(float64); }
    static autograd::Grads backward(autograd::Context&, const Tensor& dy) { return dy; }
  };
  const Tensor x = tensor({1.f, 2.f}).requires_grad_();
  autograd::apply<Widened>(x).backward(tensor({3., 4.}));
  CHECK(x.grad().dtype() == float32);
  CHECK(values(x.grad()) == Values{3, 4});
}

TEST_CASE("what keeps its gradient and is then written in place keeps that of its new value") {
  const Tensor x = leaf({3});
  const Tensor y = x * 2;
  y.retain_grad();
  y.mul_(5);
  CHECK(y.retains_grad());
  (y * y).backward();
  CHECK(values(y.grad()) == Values{2 * 30});
  CHECK(values(x.grad()) == Values{2 * 30 * 10});
}

TEST_CASE("a view of what was written in place names its new history") {
  const Tensor x = leaf({1, 2});
  const Tensor base = x * 2, part = base.slice(0, 0, 1);
  base.mul_(3);
  CHECK(std::string(part.grad_fn()->name()) == "AsStridedBackward0");
  sum(part).backward();
  CHECK(values(x.grad()) == Values{6, 0});
}
