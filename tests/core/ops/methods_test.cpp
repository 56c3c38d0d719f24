// A method is the function of its name, with every argument in its place.
#include "core/random.h"
#include "expect.h"

using namespace heed;
using namespace heed::testing;

namespace {

/// Bit for bit, NaN like NaN.
void check_same(const Tensor& method, const Tensor& function) {
  CHECK(method.dtype() == function.dtype());
  CHECK(method.sizes() == function.sizes());
  CHECK(allclose(method, function, 0, 0, true));
}
void check_same(const ValuesIndices& method, const ValuesIndices& function) {
  check_same(method.values, function.values);
  check_same(method.indices, function.indices);
}
void check_same(const std::vector<Tensor>& method, const std::vector<Tensor>& function) {
  REQUIRE(method.size() == function.size());
  for (std::size_t i = 0; i < method.size(); ++i) check_same(method[i], function[i]);
}

Tensor numbers(const Dims& sizes, std::uint64_t seed) {
  Generator generator(seed);
  return randn(sizes, {.dtype = float64, .generator = &generator});
}

}  // namespace

// The arguments are chosen so that one left out, or two exchanged, would show.

TEST_CASE("methods of arithmetic and of single elements are the functions") {
  const Tensor x = numbers({3, 4}, 1), y = numbers({3, 4}, 2), p = abs(x) + 0.5;
  check_same(x.add(y, 3), add(x, y, 3));
  check_same(x.add(2), add(x, 2));
  check_same(x.sub(y, 3), sub(x, y, 3));
  check_same(x.sub(2), sub(x, 2));
  check_same(x.mul(y), mul(x, y));
  check_same(x.mul(2), mul(x, 2));
  check_same(x.div(y), div(x, y));
  check_same(x.div(2), div(x, 2));
  check_same(p.pow(y), pow(p, y));
  check_same(p.pow(1.5), pow(p, 1.5));
  check_same(x.maximum(y), maximum(x, y));
  check_same(x.minimum(y), minimum(x, y));
  check_same(x.neg(), neg(x));
  check_same(x.abs(), abs(x));
  check_same(x.sign(), sign(x));
  check_same(x.exp(), exp(x));
  check_same(p.log(), log(p));
  check_same(p.log1p(), log1p(p));
  check_same(x.expm1(), expm1(x));
  check_same(p.sqrt(), sqrt(p));
  check_same(p.rsqrt(), rsqrt(p));
  check_same(x.reciprocal(), reciprocal(x));
  check_same(x.square(), square(x));
  check_same(x.tanh(), tanh(x));
  check_same(x.sigmoid(), sigmoid(x));
  check_same(x.relu(), relu(x));
  check_same(x.erf(), erf(x));
  check_same(x.sin(), sin(x));
  check_same(x.cos(), cos(x));
  check_same(x.clamp(-0.5, 0.25), clamp(x, -0.5, 0.25));
  check_same(x.clamp({}, 0.25), clamp(x, {}, 0.25));
  check_same(x.where(x.gt(0), y), where(gt(x, 0), x, y));
  check_same(x.masked_fill(x.gt(0), 7), masked_fill(x, gt(x, 0), 7));
  check_same(x.to(int64), to(x, int64));
}

TEST_CASE("methods of comparison and logic are the functions") {
  const Tensor x = tensor({0., 1., 2., kNaN, kInf}, {.dtype = float64});
  const Tensor y = tensor({1., 1., 1., 1., kInf}, {.dtype = float64});
  check_same(x.eq(y), eq(x, y));
  check_same(x.ne(y), ne(x, y));
  check_same(x.lt(y), lt(x, y));
  check_same(x.le(y), le(x, y));
  check_same(x.gt(y), gt(x, y));
  check_same(x.ge(y), ge(x, y));
  check_same(x.eq(1), eq(x, 1));
  check_same(x.ne(1), ne(x, 1));
  check_same(x.lt(1), lt(x, 1));
  check_same(x.le(1), le(x, 1));
  check_same(x.gt(1), gt(x, 1));
  check_same(x.ge(1), ge(x, 1));
  const Tensor a = tensor({true, true, false, false}), b = tensor({true, false, true, false});
  check_same(a.logical_and(b), logical_and(a, b));
  check_same(a.logical_or(b), logical_or(a, b));
  check_same(a.logical_xor(b), logical_xor(a, b));
  check_same(a.logical_not(), logical_not(a));
  check_same(x.isnan(), isnan(x));
  check_same(x.isinf(), isinf(x));
  check_same(x.isfinite(), isfinite(x));
  CHECK(y.equal(y));
  CHECK_FALSE(y.equal(x));
  CHECK(x.allclose(x, 0, 0, true));
  CHECK_FALSE(x.allclose(x));
  CHECK(y.allclose(y * 1.01, 0.1));
  CHECK(y.allclose(tensor({1.05, 1., 1., 1., kInf}, {.dtype = float64}), 0, 0.1));
}

TEST_CASE("methods of reductions are the functions") {
  const Tensor x = numbers({3, 4}, 1), cube = numbers({2, 3, 4}, 2);
  check_same(x.sum(), sum(x));
  check_same(x.sum(0, true), sum(x, 0, true));
  check_same(cube.sum({0, 2}, true), sum(cube, {0, 2}, true));
  check_same(x.mean(), mean(x));
  check_same(x.mean(1, true), mean(x, 1, true));
  check_same(cube.mean({0, 2}, true), mean(cube, {0, 2}, true));
  check_same(x.prod(), prod(x));
  check_same(x.prod(1, true), prod(x, 1, true));
  check_same(x.max(), max(x));
  check_same(x.min(), min(x));
  check_same(x.max(0, true), max(x, 0, true));
  check_same(x.min(0, true), min(x, 0, true));
  check_same(cube.amax({0, 2}, true), amax(cube, {0, 2}, true));
  check_same(cube.amin({0, 2}, true), amin(cube, {0, 2}, true));
  check_same(x.argmax(), argmax(x));
  check_same(x.argmax(0, true), argmax(x, 0, true));
  check_same(x.argmin(0, true), argmin(x, 0, true));
  check_same(x.var(false), var(x, false));
  check_same(cube.var({0, 2}, false, true), var(cube, Dims{0, 2}, false, true));
  check_same(x.std(false), heed::std(x, false));
  check_same(cube.std({0, 2}, false, true), heed::std(cube, Dims{0, 2}, false, true));
  check_same(cube.logsumexp({0, 2}, true), logsumexp(cube, {0, 2}, true));
  check_same(x.norm(3), norm(x, 3));
  check_same(cube.norm(3, {0, 2}, true), norm(cube, 3, {0, 2}, true));
  check_same(x.cumsum(0), cumsum(x, 0));
  const Tensor mask = x > 0;
  check_same(mask.all(), all(mask));
  check_same(mask.all(0, true), all(mask, 0, true));
  check_same(mask.any(), any(mask));
  check_same(mask.any(0, true), any(mask, 0, true));
  check_same(x.topk(2, 0, false), topk(x, 2, 0, false));
  check_same(x.sort(0, true), sort(x, 0, true));
  check_same(x.argsort(0, true), argsort(x, 0, true));
  check_same(x.softmax(0), softmax(x, 0));
  check_same(x.log_softmax(0), log_softmax(x, 0));
}

TEST_CASE("methods of products are the functions") {
  const Tensor a = numbers({3, 4}, 1), b = numbers({4, 3}, 2), v = numbers({4}, 3);
  const Tensor batch_a = numbers({2, 3, 4}, 4), batch_b = numbers({2, 4, 3}, 5);
  check_same(batch_a.matmul(b), matmul(batch_a, b));
  check_same(a.mm(b), mm(a, b));
  check_same(batch_a.bmm(batch_b), bmm(batch_a, batch_b));
  check_same(a.mv(v), mv(a, v));
  check_same(v.dot(a[0]), dot(v, a[0]));
  check_same(v.outer(a.select(1, 0)), outer(v, a.select(1, 0)));
  const Tensor c = numbers({3, 3}, 6), batch_c = numbers({2, 3, 3}, 7);
  check_same(c.addmm(a, b, 0.5, 2), addmm(c, a, b, 0.5, 2));
  check_same(batch_c.baddbmm(batch_a, batch_b, 0.5, 2), baddbmm(batch_c, batch_a, batch_b, 0.5, 2));
}

TEST_CASE("methods of shape and indexing are the functions") {
  const Tensor x = numbers({3, 4}, 1), cube = numbers({2, 3, 4}, 2), one = numbers({3, 1, 1}, 3);
  check_same(x.view({2, 6}), view(x, {2, 6}));
  check_same(x.t().reshape({2, 6}), reshape(t(x), {2, 6}));
  check_same(cube.flatten(0, 1), flatten(cube, 0, 1));
  check_same(x.unflatten(1, {2, 2}), unflatten(x, 1, {2, 2}));
  check_same(cube.transpose(0, 2), transpose(cube, 0, 2));
  check_same(x.t(), t(x));
  check_same(cube.permute({2, 0, 1}), permute(cube, {2, 0, 1}));
  check_same(cube.movedim(0, 2), movedim(cube, 0, 2));
  check_same(one.squeeze(), squeeze(one));
  check_same(one.squeeze(1), squeeze(one, 1));
  check_same(x.unsqueeze(1), unsqueeze(x, 1));
  check_same(one.expand({3, 2, 5}), expand(one, {3, 2, 5}));
  check_same(one.broadcast_to({3, 2, 5}), broadcast_to(one, {3, 2, 5}));
  check_same(x.repeat({2, 3}), repeat(x, {2, 3}));
  check_same(x.narrow(1, 1, 2), narrow(x, 1, 1, 2));
  check_same(x.slice(1, 0, 3, 2), slice(x, 1, 0, 3, 2));
  check_same(x.select(1, 2), select(x, 1, 2));
  check_same(x.chunk(2, 1), chunk(x, 2, 1));
  check_same(x.split(3, 1), split(x, 3, 1));
  check_same(x.split(std::vector<std::int64_t>{1, 3}, 1),
             split(x, std::vector<std::int64_t>{1, 3}, 1));
  check_same(x.flip({1}), flip(x, {1}));
  check_same(x.roll(1, 1), roll(x, 1, 1));
  check_same(x.roll({1, 2}, {0, 1}), roll(x, {1, 2}, {0, 1}));
  check_same(x.roll(5), roll(x, 5));
  check_same(x.tril(-1), tril(x, -1));
  check_same(x.triu(1), triu(x, 1));
  check_same(cube.diagonal(1, 0, 2), diagonal(cube, 1, 0, 2));
  check_same(x.t().contiguous(), contiguous(t(x)));
  check_same(x.clone(), clone(x));
  check_same(x.unfold(1, 2, 1), unfold(x, 1, 2, 1));
  check_same(x.as_strided({2, 2}, {1, 4}, 3), as_strided(x, {2, 2}, {1, 4}, 3));
  const Tensor places = i64({2, 0}), grid = i64({0, 1, 2, 1}, {1, 4});
  check_same(x.index({Slice(), places}), index(x, {Slice(), places}));
  check_same(x.index_select(1, places), index_select(x, 1, places));
  check_same(x.gather(0, grid), gather(x, 0, grid));
  check_same(x.scatter_add(0, grid, numbers({1, 4}, 9)),
             scatter_add(x, 0, grid, numbers({1, 4}, 9)));
  check_same(x.masked_select(x.gt(0)), masked_select(x, gt(x, 0)));
  check_same(x.gt(0).nonzero(), nonzero(gt(x, 0)));
}
