#include "core/autograd/engine.h"
#include "expect.h"

using namespace heed;
using namespace heed::testing;

namespace {

const std::vector<double> kLogits = {0.5, -1, 2, 1, 0, -0.5, 3, 1, 2};

// The loss of kLogits as (3, 3), and its gradient.
template <class Loss>
void check_loss(Loss&& loss, double value, const std::vector<double>& gradient) {
  const Tensor x = f64(kLogits, {3, 3}).requires_grad_();
  const Tensor y = loss(x);
  CHECK(y.item() == doctest::Approx(value).epsilon(1e-13));
  y.backward();
  check_values(x.grad(), {3, 3}, gradient);
}

}  // namespace

TEST_CASE("cross_entropy of class indices is PyTorch's, in every form") {
  const Tensor t = i64({2, 1, 0}), with_ignored = i64({2, -100, 0});
  const Tensor w = f64({0.5, 2, 1});
  check_loss([&](const Tensor& x) { return cross_entropy(x, t); }, 0.7044286817364941,
             {0.05843013071334556, 0.013037524423562482, -0.07146765513690803, 0.20951057307058746,
              -0.256258700792617, 0.04674812772202949, -0.1115863480750594, 0.030010191056793478,
              0.08157615701826587});
  check_loss([&](const Tensor& x) { return cross_entropy(x, with_ignored); }, 0.32445863055076873,
             {0.08764519607001835, 0.019556286635343725, -0.10720148270536206, 0, 0, 0,
              -0.1673795221125891, 0.04501528658519022, 0.12236423552739882});
  check_loss([&](const Tensor& x) { return cross_entropy(x, with_ignored, {.weight = w}); },
             0.2967428525862315,
             {0.11686026142669112, 0.026075048847124964, -0.14293531027381606, 0, 0, 0,
              -0.1115863480750594, 0.030010191056793478, 0.08157615701826587});
  check_loss(
      [&](const Tensor& x) { return cross_entropy(x, with_ignored, {.label_smoothing = 0.1}); },
      0.44945863055076873,
      {0.07097852940335168, 0.0028896199686770582, -0.07386814937202874, 0, 0, 0,
       -0.13404618877925578, 0.02834861991852355, 0.10569756886073216});
  check_loss(
      [&](const Tensor& x) { return cross_entropy(x, t, {.weight = w, .label_smoothing = 0.1}); },
      1.0499095336171866,
      {0.04615578057401067, -0.007686347764228879, -0.03846943280978176, 0.33943403671120326,
       -0.406710722730728, 0.06727668601952465, -0.02562765477931459, -0.004471240534319356,
       0.030098895313633908});
  check_loss(
      [&](const Tensor& x) {
        return cross_entropy(x, with_ignored,
                             {.weight = w, .reduction = Reduction::Sum, .label_smoothing = 0.1});
      },
      0.8679765314532586,
      {0.16154523200903728, -0.026902217174801096, -0.13464301483423624, 0, 0, 0,
       -0.089696791727601, -0.015649341870117753, 0.10534613359771866});
}

TEST_CASE("cross_entropy of probabilities is PyTorch's") {
  const Tensor p = f64({0.2, 0.3, 0.5, 1, 0, 0, 0, 0.5, 0.5}, {3, 3});
  check_loss([&](const Tensor& x) { return cross_entropy(x, p); }, 1.2710953484031606,
             {-0.008236535953321104, -0.0869624755764375, 0.09519901152975863, -0.12382276026274586,
              0.07707463254071634, 0.04674812772202949, 0.2217469852582739, -0.13665647560987318,
              -0.08509050964840079});
  check_loss(
      [&](const Tensor& x) {
        return cross_entropy(x, p, {.weight = f64({0.5, 2, 1}), .label_smoothing = 0.2});
      },
      1.9143223087720616,
      {0.031948844873481264, -0.18888633196565988, 0.15693748709217864, -0.011754414833072362,
       0.0043694894980092465, 0.007384925335063125, 0.3067262344257482, -0.26809650392970713,
       -0.038629730496041126});
  check_error("ignore_index is not supported for floating point target", [&] {
    cross_entropy(f64(kLogits, {3, 3}), p, {.ignore_index = 1});
  });
}

TEST_CASE("cross_entropy of images of classes, of one row, of nothing") {
  std::vector<double> values;
  for (int i = 0; i < 12; ++i) values.push_back(i % 5);
  const Tensor x = f64(values, {1, 3, 4}), t = i64({0, 2, -100, 1}, {1, 4});
  CHECK(cross_entropy(x, t).item() == doctest::Approx(1.93335083648976).epsilon(1e-13));
  check_values(cross_entropy(x, t, {.reduction = Reduction::None}), {1, 4},
               {4.32656264126747, 0.06588390375742911, 0, 1.4076059644443804});
  CHECK(cross_entropy(f64({1, 2, 3}), tensor(2)).item() ==
        doctest::Approx(0.40760596444438046).epsilon(1e-13));
  const Tensor ignored = i64({-100, -100, -100});
  const Tensor logits = f64(kLogits, {3, 3});
  CHECK(std::isnan(cross_entropy(logits, ignored).item()));
  CHECK(std::isnan(cross_entropy(logits, ignored, {.label_smoothing = 0.1}).item()));
  CHECK(std::isnan(nll_loss(logits, ignored).item()));
  CHECK(nll_loss(logits, ignored, {.reduction = Reduction::Sum}).item() == 0);
}

TEST_CASE("cross_entropy's fused backward and the one that can be differentiated agree") {
  const Tensor x = randn({5, 7}, {.dtype = float64, .requires_grad = true});
  const Tensor t = i64({3, 0, -100, 6, 2});
  for (const Reduction reduction : {Reduction::Mean, Reduction::Sum, Reduction::None}) {
    const Tensor y = cross_entropy(x, t, {.reduction = reduction});
    const Tensor dy = randn(y.sizes(), {.dtype = float64});
    const Tensor fused = autograd::grad(
        {y}, {x}, {.grad_outputs = {dy}, .retain_graph = true, .create_graph = false})[0];
    CHECK(allclose(
        fused,
        autograd::grad({y}, {x},
                       {.grad_outputs = {dy}, .retain_graph = true, .create_graph = true})[0],
        1e-12, 1e-14));
    const Tensor nll = nll_loss(log_softmax(x, 1), t, {.reduction = reduction});
    CHECK(allclose(y, nll, 1e-13, 1e-14));
    CHECK(allclose(fused, autograd::grad({nll}, {x}, {.grad_outputs = {dy}})[0], 1e-12, 1e-14));
  }
}

TEST_CASE("wrong targets are refused in PyTorch's words") {
  const Tensor x = ones({2, 3});
  check_error("Target 5 is out of bounds.", [&] { cross_entropy(x, i64({5, 0})); });
  check_error("Target -1 is out of bounds.", [&] { nll_loss(x, i64({-1, 0})); });
  check_error("Expected input batch_size (2) to match target batch_size (3).", [&] {
    cross_entropy(x, i64({0, 1, 2}));
  });
  check_error("0D or 1D target tensor expected, multi-target not supported", [&] {
    cross_entropy(x, zeros({2, 4}, {.dtype = int64}));
  });
  check_error("weight tensor should be defined either for all 3 classes or no classes", [&] {
    cross_entropy(x, i64({0, 1}), {.weight = ones({2})});
  });
  check_error("label_smoothing must be between 0.0 and 1.0. Got: 1.5", [&] {
    cross_entropy(x, i64({0, 1}), {.label_smoothing = 1.5});
  });
}

TEST_CASE("losses of elements are PyTorch's") {
  const Tensor x = f64({0.5, -1, 2, 1, 0, -0.5}, {2, 3}).requires_grad_();
  const Tensor t = f64({1, 0, 0.5, 0, 1, 1}, {2, 3});
  CHECK(mse_loss(x, t).item() == doctest::Approx(1.2916666666666667).epsilon(1e-14));
  CHECK(l1_loss(x, t, Reduction::Sum).item() == doctest::Approx(6.5).epsilon(1e-14));
  CHECK(smooth_l1_loss(x, t, Reduction::Mean, 0.5).item() ==
        doctest::Approx(0.8333333333333334).epsilon(1e-14));
  const Tensor bce = binary_cross_entropy_with_logits(
      x, t, {.weight = f64({1, 2, 3}), .pos_weight = f64({2, 1, 0.5})});
  CHECK(bce.item() == doctest::Approx(1.503489482191937).epsilon(1e-13));
  bce.backward();
  check_values(x.grad(), {2, 3},
               {-0.1258468895993818, 0.08964714045666504, 0.20529890424170585, 0.12184309643833414,
                -0.16666666666666666, -0.15561483280046365});
  const Tensor p = f64({0.2, 0.3, 0.5, 1, 0, 0}, {2, 3});
  CHECK(kl_div(log_softmax(x.detach(), 1), p, {.batch_mean = true}).item() ==
        doctest::Approx(0.4380135333502642).epsilon(1e-13));
}

TEST_CASE("losses at the edges: broadcast targets, huge logits, nothing to average") {
  CHECK(mse_loss(ones({2, 3}), zeros({3})).item() == 1);
  CHECK(std::isnan(mse_loss(zeros({0}), zeros({0})).item()));
  CHECK(mse_loss(zeros({0}), zeros({0}), Reduction::Sum).item() == 0);
  check_values(binary_cross_entropy_with_logits(f64({1000, -1000}), f64({0, 1}),
                                                {.reduction = Reduction::None}),
               {2}, {1000, 1000});
  check_error("smooth_l1_loss does not support negative values for beta.",
              [] { smooth_l1_loss(ones({2}), ones({2}), Reduction::Mean, -1); });
  check_error("The size of tensor a (4) must match the size of tensor b (5)", [] {
    mse_loss(ones({3, 4}), ones({3, 5}));
  });
}
