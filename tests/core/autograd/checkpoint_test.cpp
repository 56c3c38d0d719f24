#include "core/autograd/checkpoint.h"

#include <doctest/doctest.h>

#include "core/autograd/engine.h"
#include "core/autograd/grad_mode.h"
#include "core/autograd/gradcheck.h"
#include "core/factory.h"
#include "core/memory.h"
#include "core/ops/ops.h"
#include "core/random.h"
#include "support/refusal.h"

using namespace heed;
using autograd::checkpoint;
using heed::test::values;
using Inputs = std::vector<Tensor>;

namespace {

Tensor leaf(const Dims& sizes, std::uint64_t seed) {
  Generator generator(seed);
  return randn(sizes, {.dtype = float64, .requires_grad = true, .generator = &generator});
}

}  // namespace

TEST_CASE("a checkpointed segment gives the same result and the same gradients") {
  const Tensor w = leaf({4, 4}, 1), b = leaf({4}, 2);
  const auto segment = [&](const Inputs& x) { return heed::tanh(matmul(x[0], w) + b) * x[1]; };
  const Tensor x = leaf({3, 4}, 3), s = leaf({3, 1}, 4);
  const Tensor plain = sum(segment({x * 2, s}));
  plain.backward();
  const std::vector<Tensor> expected{x.grad(), s.grad(), w.grad(), b.grad()};
  for (const Tensor& t : {x, s, w, b}) t.set_grad({});

  const Tensor y = sum(checkpoint(segment, {x * 2, s}));
  CHECK(y.item() == plain.item());
  y.backward();
  CHECK(equal(x.grad(), expected[0]));
  CHECK(equal(s.grad(), expected[1]));
  CHECK(equal(w.grad(), expected[2]));
  CHECK(equal(b.grad(), expected[3]));
}

TEST_CASE("results that a segment captures carry their gradient on") {
  const Tensor w = leaf({3}, 1);
  const Tensor scaled = w * 3;  // a result, not a leaf, and w itself is captured too
  const auto segment = [&](const Inputs& x) { return x[0] * scaled * w; };
  const Tensor x = leaf({3}, 2);
  sum(checkpoint(segment, {x})).backward();
  const Tensor got_w = w.grad(), got_x = x.grad();
  w.set_grad({});
  x.set_grad({});
  sum(segment({x})).backward();
  CHECK(allclose(got_w, w.grad(), 1e-14));
  CHECK(allclose(got_x, x.grad(), 1e-14));
}

TEST_CASE("an input that another input was computed from gets each part once") {
  const Tensor x = leaf({3}, 2);
  const Tensor y = x * x;
  const auto segment = [](const Inputs& in) { return in[0] * in[1]; };
  sum(checkpoint(segment, {x, y})).backward();
  CHECK(allclose(x.grad(), 3 * square(x), 1e-14));
}

TEST_CASE("segments nest and take part in grad() and second derivatives") {
  const Tensor w = leaf({2, 2}, 5);
  const auto inner = [w](const Inputs& x) { return heed::sin(matmul(x[0], w)); };
  const auto outer = [w, inner](const Inputs& x) {
    return checkpoint(inner, {x[0] * w}) + x[0] * x[0];
  };
  const auto f = [outer](const Inputs& x) { return checkpoint(outer, {x[0] * x[0]}); };
  const Tensor x = leaf({2, 2}, 6);
  const auto first = autograd::gradcheck(f, {x});
  CHECK_MESSAGE(first, first.message);
  const auto second = autograd::gradgradcheck(f, {x});
  CHECK_MESSAGE(second, second.message);
  // With respect to what was captured.
  const Tensor dw = autograd::grad(sum(f({x})), w);
  const Tensor y = x * x;
  const Tensor expected = autograd::grad(sum(heed::sin(matmul(y * w, w)) + y * y), w);
  CHECK(allclose(dw, expected, 1e-13));
}

TEST_CASE("dropout in a segment drops the same elements when it is computed again") {
  const Tensor x = ones({1000}, {.requires_grad = true});
  manual_seed(17);
  const Tensor y = checkpoint([](const Inputs& in) { return dropout(in[0], 0.5); }, {x});
  const Tensor after = rand({5});
  sum(y).backward();
  CHECK(equal(x.grad(), y.detach()));
  // Backward left the generator where it was.
  const Tensor next = rand({5});
  manual_seed(17);
  dropout(ones({1000}), 0.5);
  CHECK(equal(after, rand({5})));
  CHECK(equal(next, rand({5})));
}

TEST_CASE("a segment without a gradient, or with grad mode off, is only computed") {
  int calls = 0;
  const auto segment = [&calls](const Inputs& x) {
    ++calls;
    return x[0] * 2;
  };
  CHECK_FALSE(checkpoint(segment, {ones({2})}).requires_grad());
  CHECK(calls == 1);
  const NoGradGuard guard;
  CHECK_FALSE(checkpoint(segment, {ones({2}, {.requires_grad = true})}).requires_grad());
}

TEST_CASE("a checkpointed graph is freed after backward, and refuses a second one") {
  const Tensor x = leaf({3}, 1);
  const Tensor y = sum(checkpoint([](const Inputs& in) { return heed::exp(in[0]); }, {x * 2}));
  y.backward();
  CHECK_THROWS_WITH_AS(y.backward(), doctest::Contains("a second time"), Error);
}

TEST_CASE("memory between forward and backward is that of the inputs") {
  const Tensor x = rand({256, 256}, {.requires_grad = true});
  const auto deep = [](const Inputs& in) {
    Tensor y = in[0];
    for (int i = 0; i < 20; ++i) y = heed::tanh(y * 1.01);
    return y;
  };
  const auto held = [&](auto forward) {
    const std::int64_t before = memory_stats().allocated_bytes;
    const Tensor y = forward();
    return memory_stats().allocated_bytes - before;
  };
  const std::int64_t plain = held([&] { return deep({x}); });
  const std::int64_t checkpointed = held([&] { return checkpoint(deep, {x}); });
  CHECK(plain > 19 * 256 * 256 * 4);
  CHECK(checkpointed < 2 * 256 * 256 * 4);
  CHECK(values(deep({x})) == values(checkpoint(deep, {x})));
}
