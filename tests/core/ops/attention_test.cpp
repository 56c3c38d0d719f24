#include "core/autograd/engine.h"
#include "core/random.h"
#include "expect.h"

using namespace heed;
using namespace heed::testing;

namespace {

Tensor random64(const Dims& sizes) {
  return randn(sizes, {.dtype = float64, .requires_grad = true});
}

// The definition, in the operations a learner reads.
Tensor plain(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& additive_mask) {
  const double scale = 1 / std::sqrt(static_cast<double>(q.size(-1)));
  Tensor scores = matmul(q, k.transpose(-2, -1)) * scale;
  if (additive_mask.defined()) scores = scores + additive_mask;
  return matmul(softmax(scores, -1), v);
}

Tensor causal_mask(std::int64_t t, std::int64_t s) {
  return zeros({t, s}, {.dtype = float64})
      .masked_fill(ones({t, s}, {.dtype = boolean}).tril().logical_not(), -kInf);
}

void check_same_with_gradients(const Tensor& y, const Tensor& expected,
                               const std::vector<Tensor>& inputs) {
  CHECK(y.sizes() == expected.sizes());
  CHECK(allclose(y, expected, 1e-10, 1e-12));
  const Tensor dy = randn(y.sizes(), {.dtype = float64});
  const auto fused = autograd::grad(
      {y}, inputs, {.grad_outputs = {dy}, .retain_graph = true, .create_graph = false});
  const auto composed = autograd::grad(
      {y}, inputs, {.grad_outputs = {dy}, .retain_graph = true, .create_graph = true});
  const auto wanted = autograd::grad({expected}, inputs, {.grad_outputs = {dy}});
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    CHECK(allclose(fused[i], wanted[i], 1e-10, 1e-11));
    CHECK(allclose(composed[i], wanted[i], 1e-10, 1e-11));
  }
}

}  // namespace

TEST_CASE("attention is PyTorch's, causal and masked") {
  const Tensor q = f64({1, 0, 0, 1, 1, 1}, {3, 2}), k = f64({1, 2, 0, 1, -1, 0.5}, {3, 2});
  const Tensor v = f64({1, 2, 3, 4, 5, 7}, {3, 2});
  check_values(
      scaled_dot_product_attention(q, k, v, {.is_causal = true}), {3, 2},
      {1, 2, 1.660476901346686, 2.6604769013466862, 1.6200059684128099, 2.6834236054771576});
  const Tensor mask = tensor({{true, true, false}, {true, true, true}, {false, false, true}});
  check_values(
      scaled_dot_product_attention(q, k, v, {.attn_mask = mask}), {3, 2},
      {1.660476901346686, 2.6604769013466862, 2.289105303966421, 3.4773442782299115, 5, 7});
}

TEST_CASE("fused attention and its gradients are those of the plain graph") {
  const Tensor q = random64({2, 3, 5, 4}), k = random64({2, 3, 7, 4}), v = random64({2, 3, 7, 6});
  check_same_with_gradients(scaled_dot_product_attention(q, k, v), plain(q, k, v, {}), {q, k, v});
  check_same_with_gradients(scaled_dot_product_attention(q, k, v, {.is_causal = true}),
                            plain(q, k, v, causal_mask(5, 7)), {q, k, v});
  const Tensor bias = randn({3, 1, 7}, {.dtype = float64});
  check_same_with_gradients(scaled_dot_product_attention(q, k, v, {.attn_mask = bias}),
                            plain(q, k, v, bias), {q, k, v});
}

TEST_CASE("attention takes any batch dims, broadcasts them, and reads strided inputs") {
  const Tensor q = random64({5, 4}), k = random64({7, 4}), v = random64({7, 6});
  check_same_with_gradients(scaled_dot_product_attention(q, k, v), plain(q, k, v, {}), {q, k, v});
  const Tensor many = random64({2, 1, 3, 5, 4});  // (…, T, D) with three batch dims
  const Tensor shared_k = random64({4, 1, 7, 4});
  check_same_with_gradients(scaled_dot_product_attention(many, shared_k, v),
                            plain(many, shared_k, v, {}), {many, shared_k, v});
  const Tensor turned = random64({3, 4, 2, 5});  // (B, D, H, T) seen as (B, H, T, D)
  const Tensor view = turned.permute({0, 2, 3, 1});
  check_same_with_gradients(scaled_dot_product_attention(view, view, view),
                            plain(view, view, view, {}), {turned});
}

TEST_CASE("a mask that requires grad gets its gradient") {
  const Tensor q = random64({2, 3, 4}), k = random64({2, 5, 4}), v = random64({2, 5, 4});
  const Tensor bias = random64({3, 5});
  check_same_with_gradients(scaled_dot_product_attention(q, k, v, {.attn_mask = bias}),
                            plain(q, k, v, bias), {q, k, v, bias});
}

TEST_CASE("dropout of attention: one seed one mask, the same in the backward that is recorded") {
  const Tensor q = random64({2, 6, 4}), k = random64({2, 8, 4}), v = random64({2, 8, 4});
  Generator generator(3);
  const AttentionOptions options{.dropout_p = 0.4, .generator = &generator};
  const Tensor y = scaled_dot_product_attention(q, k, v, options);
  CHECK_FALSE(equal(y, scaled_dot_product_attention(q, k, v, options)));
  generator.manual_seed(3);
  CHECK(equal(y, scaled_dot_product_attention(q, k, v, options)));
  const Tensor dy = randn(y.sizes(), {.dtype = float64});
  const auto fused = autograd::grad(
      {y}, {q, k, v}, {.grad_outputs = {dy}, .retain_graph = true, .create_graph = false});
  const auto composed = autograd::grad(
      {y}, {q, k, v}, {.grad_outputs = {dy}, .retain_graph = true, .create_graph = true});
  for (std::size_t i = 0; i < 3; ++i) CHECK(allclose(fused[i], composed[i], 1e-10, 1e-12));
  // With ones for values a row sums what is kept: never all of it, and 1 on the average.
  const Tensor ones_v = ones({1, 64, 1}, {.dtype = float64});
  const Tensor zero = zeros({1, 64, 4}, {.dtype = float64});
  const double kept = scaled_dot_product_attention(zero, zero, ones_v, options).mean().item();
  CHECK(kept == doctest::Approx(1).epsilon(0.05));
}

TEST_CASE("a row that sees nothing is NaN, and attention over no keys is 0") {
  const Tensor q = ones({2, 3}), mask = tensor({{true, true}, {false, false}});
  const Tensor y = scaled_dot_product_attention(q, q, q, {.attn_mask = mask});
  check_values(y, {2, 3}, {1, 1, 1, kNaN, kNaN, kNaN}, 1e-6);
  check_values(scaled_dot_product_attention(ones({2, 3}), zeros({0, 3}), zeros({0, 1})), {2, 1},
               {0, 0});
}

TEST_CASE("attention refuses what does not fit") {
  const Tensor q = ones({2, 3, 4});
  check_error("scaled_dot_product_attention: q [2, 3, 4], k [2, 3, 5]", [&] {
    scaled_dot_product_attention(q, ones({2, 3, 5}), q);
  });
  check_error("scaled_dot_product_attention: Explicit attn_mask should not be set", [&] {
    scaled_dot_product_attention(q, q, q, {.attn_mask = ones({3, 3}), .is_causal = true});
  });
  check_error("scaled_dot_product_attention: attn_mask of size [4, 4]", [&] {
    scaled_dot_product_attention(q, q, q, {.attn_mask = ones({4, 4})});
  });
  check_error("expected scalar type Float but found Double", [&] {
    scaled_dot_product_attention(q, q, ones({2, 3, 4}, {.dtype = float64}));
  });
}
