#include "core/autograd/engine.h"
#include "core/random.h"
#include "expect.h"

using namespace heed;
using namespace heed::testing;

TEST_CASE("layer_norm and its gradients are PyTorch's") {
  const Tensor x = f64({0.5, -1, 2, 1, 0, -0.5}, {2, 3}).requires_grad_();
  const Tensor w = f64({0.5, 2, 1}).requires_grad_(), b = f64({0.1, 0, -0.2}).requires_grad_();
  const Tensor y = layer_norm(x, {3}, w, b);
  check_values(y, {2, 3},
               {0.1, -2.4494815778581933, 1.0247407889290967, 0.7681445144068134,
                -0.5345156115254508, -1.2690312230509015});
  (y * f64({0, 1, 2, 3, 4, 5}, {2, 3})).sum().backward();
  check_values(x.grad(), {2, 3},
               {-1.0886584790480858, 0.5443292395240431, 0.5443292395240431, -1.431838873315109,
                4.295234861103902, -2.8633959877887936});
  check_values(w.grad(), {3}, {4.008867086440881, -2.293772011979998, -2.8956745373963146});
  check_values(b.grad(), {3}, {3, 5, 7});
}

TEST_CASE("the fused backward of a norm and the one that can be differentiated agree") {
  const Tensor x = randn({2, 3, 4, 5}, {.dtype = float64}).transpose(0, 1).requires_grad_();
  const Tensor w = randn({4, 5}, {.dtype = float64, .requires_grad = true});
  const Tensor b = randn({4, 5}, {.dtype = float64, .requires_grad = true});
  const Tensor dy = randn({3, 2, 4, 5}, {.dtype = float64});
  const auto check_both = [&](const Tensor& y, const std::vector<Tensor>& inputs) {
    const auto fused = autograd::grad(
        {y}, inputs, {.grad_outputs = {dy}, .retain_graph = true, .create_graph = false});
    const auto composed = autograd::grad(
        {y}, inputs, {.grad_outputs = {dy}, .retain_graph = true, .create_graph = true});
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      CHECK(allclose(fused[i], composed[i], 1e-11, 1e-11));
    }
  };
  check_both(layer_norm(x, {4, 5}, w, b), {x, w, b});
  check_both(layer_norm(x, {4, 5}), {x});
  check_both(rms_norm(x, {4, 5}, w), {x, w});
  check_both(rms_norm(x, {4, 5}), {x});
}

TEST_CASE("norms of nothing and of wrong shapes") {
  const Tensor none = zeros({0, 3}, {.dtype = float32, .requires_grad = true});
  const Tensor w = ones({3}, {.requires_grad = true});
  layer_norm(none, {3}, w).sum().backward();
  check_values(w.grad(), {3}, {0, 0, 0});
  check_error(
      "Given normalized_shape=[3], expected input with shape [*, 3], but got input of size[2, 4]",
      [] {
        layer_norm(ones({2, 4}), {3});
      });
  check_error("Given normalized_shape=[2, 2], expected input with shape [*, 2, 2]", [] {
    rms_norm(ones({4}), {2, 2});
  });
  check_error(
      "Expected weight to be of same shape as normalized_shape, but got weight of shape [3]", [] {
        layer_norm(ones({2, 4}), {4}, ones({3}));
      });
}

TEST_CASE("dropout draws PyTorch's mask") {
  manual_seed(7);
  const double kept = 1 / 0.75;
  check_values(dropout(ones({8}), 0.25), {8}, {kept, kept, 0, kept, 0, 0, kept, kept}, 1e-7);
  const Tensor x = ones({3});
  CHECK(dropout(x, 0.5, false).is(x));
  CHECK(dropout(x, 0).is(x));
  check_values(dropout(x, 1), {3}, {0, 0, 0});
  check_error("dropout probability has to be between 0 and 1, but got 1.5",
              [&] { dropout(x, 1.5); });
}
