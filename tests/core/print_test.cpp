// Beside what PyTorch 1.13.1 prints, character for character. More of it is in tests/parity.
#include "core/print.h"

#include <doctest/doctest.h>

#include <cmath>
#include <sstream>

#include "core/factory.h"
#include "core/ops/ops.h"

using namespace heed;

TEST_CASE("tensors print as PyTorch prints them") {
  CHECK(to_string(tensor({{0.2f, -0.4f, 0.6f}, {0.1f, 0.3f, 12.5f}})) ==
        R"(tensor([[ 0.2000, -0.4000,  0.6000],
        [ 0.1000,  0.3000, 12.5000]]))");
  CHECK(to_string(tensor({1.f, 2.f, -3.f})) == R"(tensor([ 1.,  2., -3.]))");
  CHECK(to_string(tensor(3.5f)) == R"(tensor(3.5000))");
  CHECK(to_string(tensor(7)) == R"(tensor(7))");
  CHECK(to_string(tensor({1e-5f, 1.f})) == R"(tensor([1.0000e-05, 1.0000e+00]))");
  CHECK(to_string(tensor({1.f, 100000.f})) == R"(tensor([1.0000e+00, 1.0000e+05]))");
  CHECK(to_string(tensor({NAN, INFINITY, -INFINITY, 1.5f})) ==
        R"(tensor([   nan,    inf,   -inf, 1.5000]))");
  CHECK(to_string(tensor({NAN, 2.f})) == R"(tensor([nan, 2.]))");
  CHECK(to_string(tensor({NAN})) == R"(tensor([nan]))");
  CHECK(to_string(tensor({true, false})) == R"(tensor([ True, False]))");
  CHECK(to_string(tensor({{1, -20}, {300, 4}})) == R"(tensor([[  1, -20],
        [300,   4]]))");
  CHECK(to_string(tensor({1.5, 2.0}, {.dtype = float64})) ==
        R"(tensor([1.5000, 2.0000], dtype=float64))");
  CHECK(to_string(tensor({})) == R"(tensor([]))");
  CHECK(to_string(zeros({2, 0})) == R"(tensor([], size=(2, 0)))");
  CHECK(to_string(zeros({0}, {.dtype = int64})) == R"(tensor([], dtype=int64))");
  CHECK(to_string(zeros({0, 3}, {.dtype = float64})) ==
        R"(tensor([], size=(0, 3), dtype=float64))");
  CHECK(to_string(arange(24).view({2, 3, 4})) == R"(tensor([[[ 0,  1,  2,  3],
         [ 4,  5,  6,  7],
         [ 8,  9, 10, 11]],

        [[12, 13, 14, 15],
         [16, 17, 18, 19],
         [20, 21, 22, 23]]]))");
  CHECK(to_string(arange(1001)) == R"(tensor([   0,    1,    2,  ...,  998,  999, 1000]))");
  CHECK(to_string(arange(40.0) / 7) ==
        R"(tensor([0.0000, 0.1429, 0.2857, 0.4286, 0.5714, 0.7143, 0.8571, 1.0000, 1.1429,
        1.2857, 1.4286, 1.5714, 1.7143, 1.8571, 2.0000, 2.1429, 2.2857, 2.4286,
        2.5714, 2.7143, 2.8571, 3.0000, 3.1429, 3.2857, 3.4286, 3.5714, 3.7143,
        3.8571, 4.0000, 4.1429, 4.2857, 4.4286, 4.5714, 4.7143, 4.8571, 5.0000,
        5.1429, 5.2857, 5.4286, 5.5714]))");
  CHECK(to_string(arange(2400.0).view({30, 80})) ==
        R"(tensor([[0.0000e+00, 1.0000e+00, 2.0000e+00,  ..., 7.7000e+01, 7.8000e+01,
         7.9000e+01],
        [8.0000e+01, 8.1000e+01, 8.2000e+01,  ..., 1.5700e+02, 1.5800e+02,
         1.5900e+02],
        [1.6000e+02, 1.6100e+02, 1.6200e+02,  ..., 2.3700e+02, 2.3800e+02,
         2.3900e+02],
        ...,
        [2.1600e+03, 2.1610e+03, 2.1620e+03,  ..., 2.2370e+03, 2.2380e+03,
         2.2390e+03],
        [2.2400e+03, 2.2410e+03, 2.2420e+03,  ..., 2.3170e+03, 2.3180e+03,
         2.3190e+03],
        [2.3200e+03, 2.3210e+03, 2.3220e+03,  ..., 2.3970e+03, 2.3980e+03,
         2.3990e+03]]))");
  CHECK(to_string(arange(4000).view({10, 20, 20})) ==
        R"(tensor([[[   0,    1,    2,  ...,   17,   18,   19],
         [  20,   21,   22,  ...,   37,   38,   39],
         [  40,   41,   42,  ...,   57,   58,   59],
         ...,
         [ 340,  341,  342,  ...,  357,  358,  359],
         [ 360,  361,  362,  ...,  377,  378,  379],
         [ 380,  381,  382,  ...,  397,  398,  399]],

        [[ 400,  401,  402,  ...,  417,  418,  419],
         [ 420,  421,  422,  ...,  437,  438,  439],
         [ 440,  441,  442,  ...,  457,  458,  459],
         ...,
         [ 740,  741,  742,  ...,  757,  758,  759],
         [ 760,  761,  762,  ...,  777,  778,  779],
         [ 780,  781,  782,  ...,  797,  798,  799]],

        [[ 800,  801,  802,  ...,  817,  818,  819],
         [ 820,  821,  822,  ...,  837,  838,  839],
         [ 840,  841,  842,  ...,  857,  858,  859],
         ...,
         [1140, 1141, 1142,  ..., 1157, 1158, 1159],
         [1160, 1161, 1162,  ..., 1177, 1178, 1179],
         [1180, 1181, 1182,  ..., 1197, 1198, 1199]],

        ...,

        [[2800, 2801, 2802,  ..., 2817, 2818, 2819],
         [2820, 2821, 2822,  ..., 2837, 2838, 2839],
         [2840, 2841, 2842,  ..., 2857, 2858, 2859],
         ...,
         [3140, 3141, 3142,  ..., 3157, 3158, 3159],
         [3160, 3161, 3162,  ..., 3177, 3178, 3179],
         [3180, 3181, 3182,  ..., 3197, 3198, 3199]],

        [[3200, 3201, 3202,  ..., 3217, 3218, 3219],
         [3220, 3221, 3222,  ..., 3237, 3238, 3239],
         [3240, 3241, 3242,  ..., 3257, 3258, 3259],
         ...,
         [3540, 3541, 3542,  ..., 3557, 3558, 3559],
         [3560, 3561, 3562,  ..., 3577, 3578, 3579],
         [3580, 3581, 3582,  ..., 3597, 3598, 3599]],

        [[3600, 3601, 3602,  ..., 3617, 3618, 3619],
         [3620, 3621, 3622,  ..., 3637, 3638, 3639],
         [3640, 3641, 3642,  ..., 3657, 3658, 3659],
         ...,
         [3940, 3941, 3942,  ..., 3957, 3958, 3959],
         [3960, 3961, 3962,  ..., 3977, 3978, 3979],
         [3980, 3981, 3982,  ..., 3997, 3998, 3999]]]))");
  CHECK(to_string(ones({2}, {.requires_grad = true})) == R"(tensor([1., 1.], requires_grad=True))");
  CHECK(to_string(ones({14}, {.dtype = float64, .requires_grad = true}) / 3) ==
        R"(tensor([0.3333, 0.3333, 0.3333, 0.3333, 0.3333, 0.3333, 0.3333, 0.3333, 0.3333,
        0.3333, 0.3333, 0.3333, 0.3333, 0.3333], dtype=float64,
       grad_fn=<DivBackward0>))");
  CHECK(to_string(arange(6.0).view({2, 3}).t()) == R"(tensor([[0., 3.],
        [1., 4.],
        [2., 5.]]))");
  CHECK(to_string(tensor({0.f, -0.f})) == R"(tensor([0., -0.]))");
}

TEST_CASE("a result names the operation that made it") {
  const Tensor a = tensor({{1.f, 2.f}, {3.f, 4.f}}, {.requires_grad = true});
  CHECK(to_string(matmul(a, a)) == R"(tensor([[ 7., 10.],
        [15., 22.]], grad_fn=<MmBackward0>))");
  CHECK(to_string(sum(a)) == "tensor(10., grad_fn=<SumBackward0>)");
  CHECK(to_string(a.detach()) == "tensor([[1., 2.],\n        [3., 4.]])");
}

TEST_CASE("a stream gets what to_string gives") {
  std::ostringstream out;
  out << tensor({1, 2}) << '\n' << Tensor();
  CHECK(out.str() == "tensor([1, 2])\ntensor(undefined)");
}

namespace {
struct DefaultOptions {
  DefaultOptions() { set_printoptions({.profile = "default"}); }
  ~DefaultOptions() { set_printoptions({.profile = "default"}); }
};
}  // namespace

TEST_CASE("set_printoptions changes digits, summaries, lines and notation") {
  const DefaultOptions restored;
  set_printoptions({.precision = 2});
  CHECK(to_string(tensor({1.12345, 20.})) == "tensor([ 1.12, 20.00])");
  set_printoptions({.threshold = 5, .profile = "default"});
  CHECK(to_string(arange(10)) == "tensor([0, 1, 2,  ..., 7, 8, 9])");
  set_printoptions({.edgeitems = 1});
  CHECK(to_string(arange(30).view({5, 6})) == R"(tensor([[ 0,  ...,  5],
        ...,
        [24,  ..., 29]]))");
  set_printoptions({.linewidth = 30, .profile = "default"});
  CHECK(to_string(arange(20) * 100) == R"(tensor([   0,  100,  200,
         300,  400,  500,
         600,  700,  800,
         900, 1000, 1100,
        1200, 1300, 1400,
        1500, 1600, 1700,
        1800, 1900]))");
  set_printoptions({.profile = "default", .sci_mode = true});
  CHECK(to_string(tensor({1.5, 20.})) == "tensor([1.5000e+00, 2.0000e+01])");
  set_printoptions({.sci_mode = false});
  CHECK(to_string(tensor({1e-5, 20.})) == "tensor([    0.0000,    20.0000])");
  set_printoptions({.profile = "short"});
  CHECK(to_string(arange(1500) / 7) == "tensor([0.00e+00, 1.43e-01,  ..., 2.14e+02, 2.14e+02])");
  set_printoptions({.profile = "full"});
  CHECK(to_string(arange(1500)).find("...") == std::string::npos);
}

TEST_CASE("set_printoptions refuses what makes no sense and then changes nothing") {
  const DefaultOptions restored;
  CHECK_THROWS_WITH_AS(set_printoptions({.profile = "brief"}),
                       "set_printoptions: the profile is one of default, short and full, but got "
                       "'brief'",
                       Error);
  CHECK_THROWS_AS(set_printoptions({.precision = -1}), Error);
  CHECK_THROWS_AS(set_printoptions({.threshold = -1}), Error);
  CHECK_THROWS_AS(set_printoptions({.edgeitems = 0}), Error);
  CHECK_THROWS_AS(set_printoptions({.precision = 2, .linewidth = 0}), Error);
  CHECK(to_string(tensor(0.5f)) == "tensor(0.5000)");
}
