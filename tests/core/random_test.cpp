// Draws beside those of PyTorch 1.13.1 with the same seed. More of them are in tests/parity.
#include "core/random.h"

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <thread>
#include <vector>

#include "core/autograd/grad_mode.h"
#include "core/factory.h"
#include "core/ops/ops.h"
#include "support/refusal.h"

using namespace heed;
using heed::test::check_starts_with;
using heed::test::refusal;
using heed::test::values;

TEST_CASE("uniform numbers have PyTorch's bits") {
  manual_seed(0);
  CHECK(rand({3}).to_vector<float>() ==
        std::vector<float>{0x1.fc2abp-2f, 0x1.89545ep-1f, 0x1.6a675p-4f});
  manual_seed(1);
  CHECK(values(rand({3}, {.dtype = float64})) ==
        std::vector<double>{0.06105327471962363, 0.2245545065676504, 0.23425251394483937});
  manual_seed(7);
  CHECK(values(empty({4}, {.dtype = float64}).uniform_(-1.3, 0.7)) ==
        std::vector<double>{-0.7412391401871921, -0.7526125726964688, 0.4241859228352509,
                            0.013376861176402688});
}

TEST_CASE("normal numbers have PyTorch's bits, one by one and in blocks of sixteen") {
  manual_seed(2);
  CHECK(values(randn({5})) == std::vector<double>{0.39229682087898254, -0.223564013838768,
                                                  -0.31950026750564575, -1.2050371170043945,
                                                  1.0444635152816772});
  manual_seed(2);
  const std::vector<double> eighteen{-0.7860438449599233,  -0.4388945769312437, 1.1727995060788767,
                                     0.4858996020897097,   0.6354552054724681,  -1.4711947512059713,
                                     1.750044398740185,    0.7416545467936133,  -0.9921359914959428,
                                     -0.24995242917428942, -1.208979947558268,  0.07621589679736049,
                                     1.5235730700890506,   0.5376904253604189,  0.3198383473926968,
                                     1.3516594875327341,   -0.3430023542883952, 0.4755711966122096};
  CHECK(values(randn({18}, {.dtype = float64})) == eighteen);
  manual_seed(7);
  CHECK(values(empty({5}, {.dtype = float64}).normal_(1.3, 0.7)) ==
        std::vector<double>{1.1972434317605034, 1.850298909106475, 1.9627751263027695,
                            0.5199591851172786, 2.483553088055963});
}

TEST_CASE("the second normal of a pair waits over other draws and is forgotten by a new seed") {
  manual_seed(9);
  CHECK(values(randn({3})) ==
        std::vector<double>{0.04472753778100014, 1.9112390279769897, -0.2310308963060379});
  CHECK(values(randn({16}, {.dtype = float64}).slice(0, 0, 2)) ==
        std::vector<double>{-0.2663541406747322, -0.8503043412723683});
  CHECK(values(randn({2})) == std::vector<double>{0.3459281623363495, -0.6869948506355286});
  manual_seed(9);
  randn({1});
  manual_seed(9);
  CHECK(randn({1}).item() == 0.04472753778100014);
}

TEST_CASE("whole numbers, permutations, coins and weighted draws are PyTorch's") {
  using Whole = std::vector<std::int64_t>;
  manual_seed(3);
  CHECK(randint(-5, 7, {6}).to_vector<std::int64_t>() == Whole{5, 3, -4, -2, -1, -5});
  CHECK(randint(std::int64_t{1} << 40, {2}).to_vector<std::int64_t>() ==
        Whole{2445173525, 1088503892627});
  manual_seed(4);
  CHECK(randperm(8).to_vector<std::int64_t>() == Whole{2, 7, 3, 6, 5, 1, 4, 0});
  manual_seed(5);
  CHECK(values(empty({8}).bernoulli_(0.3)) == std::vector<double>{0, 1, 0, 0, 1, 0, 0, 0});
  CHECK(values(bernoulli(tensor({0.1, 0.5, 0.9, 0.5}))) == std::vector<double>{0, 0, 1, 0});
  manual_seed(7);
  const Tensor weights = tensor({{.1, .2, .3, .4}, {1., 0., 2., 3.}});
  CHECK(multinomial(weights, 3).to_vector<std::int64_t>() == Whole{1, 3, 0, 2, 3, 0});
  CHECK(multinomial(weights, 1).to_vector<std::int64_t>() == Whole{3, 2});
  CHECK(multinomial(weights, 8, true).to_vector<std::int64_t>() ==
        Whole{0, 3, 1, 3, 3, 3, 3, 2, 3, 3, 3, 3, 0, 3, 3, 0});
}

TEST_CASE("a tensor that is not contiguous is filled in the order of its memory") {
  manual_seed(8);
  CHECK(values(empty({2, 3}).t().uniform_(-1, 1)) ==
        std::vector<double>{0.1958545446395874, -0.40693938732147217, 0.6905922889709473,
                            0.027603745460510254, 0.8928204774856567, 0.28869175910949707});
  manual_seed(7);
  const Tensor strided = empty({2, 3, 4}).permute({1, 0, 2}).slice(2, {}, {}, 2);
  CHECK(values(strided.uniform_(-1.3, 0.7)) ==
        std::vector<double>{-0.2301548719406128, -0.9023935794830322, -0.885827898979187,
                            -0.04052722454071045, 0.01842343807220459, 0.013780593872070312,
                            -0.5693676471710205, 0.4025367498397827, -0.8344768285751343,
                            -0.44987714290618896, 0.40988636016845703, -0.1981295347213745});
  manual_seed(10);
  CHECK(values(randn_like(zeros({3, 2}).t())) ==
        std::vector<double>{-0.6013928055763245, -0.30226925015449524, 0.9198282361030579,
                            -1.0122097730636597, -1.2276864051818848, -0.34846940636634827});
}

TEST_CASE("a seed counts by its low 32 bits, and a negative one wraps") {
  manual_seed((std::uint64_t{1} << 40) + 5);
  const Tensor a = rand({4});
  manual_seed(5);
  CHECK(equal(a, rand({4})));
  manual_seed(static_cast<std::uint64_t>(-3));
  CHECK(values(rand({2})) == std::vector<double>{0.6248647570610046, 0.5075611472129822});
  CHECK(default_generator().initial_seed() == 18446744073709551613u);
}

TEST_CASE("a generator's state brings its sequence back, with the waiting normal") {
  Generator generator(11);
  randn({1}, {.generator = &generator});
  const auto state = generator.state();
  const Tensor expected = randn({7}, {.generator = &generator});
  Generator other(3);
  other.set_state(state);
  CHECK(equal(expected, randn({7}, {.generator = &other})));
  Generator copy = other;
  CHECK(equal(rand({700}, {.generator = &copy}), rand({700}, {.generator = &other})));

  auto broken = state;
  broken.pop_back();
  check_starts_with(refusal([&] { other.set_state(broken); }),
                    "a generator's state has 628 numbers, but got 627");
  broken = state;
  broken[1] = 625;
  check_starts_with(refusal([&] { other.set_state(broken); }),
                    "these numbers are not the state of a generator");
  broken = state;
  broken[100] = std::uint64_t{1} << 32;
  CHECK_THROWS_AS(other.set_state(broken), Error);
}

TEST_CASE("seed() starts an unforeseeable sequence") {
  Generator generator;
  CHECK(generator.initial_seed() == Generator::kDefaultSeed);
  const std::uint64_t a = generator.seed(), b = generator.seed();
  CHECK(a != b);
  CHECK(generator.initial_seed() == b);
}

TEST_CASE("a seeded fill is the same when drawn in one piece or one by one") {
  Generator a(6), b(6);
  std::vector<float> block(1500);
  a.fill_uniform(block.data(), 1500, -1, 3);
  for (const float value : block) REQUIRE(value == b.uniform(-1.f, 3.f));
  std::vector<double> pairs(1001);
  a.fill_uniform(pairs.data(), 1001, -1, 3);
  for (const double value : pairs) REQUIRE(value == b.uniform(-1.0, 3.0));
}

TEST_CASE("threads may share a generator: every draw is made once") {
  Generator shared(21), alone(21);
  std::vector<std::vector<double>> drawn(4);
  std::vector<std::thread> threads;
  for (auto& mine : drawn) {
    threads.emplace_back([&shared, &mine] {
      for (int i = 0; i < 50; ++i) {
        for (const double v : values(rand({40}, {.generator = &shared}))) mine.push_back(v);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<double> together, expected = values(rand({4 * 50 * 40}, {.generator = &alone}));
  for (const auto& mine : drawn) together.insert(together.end(), mine.begin(), mine.end());
  std::sort(together.begin(), together.end());
  std::sort(expected.begin(), expected.end());
  CHECK(together == expected);
}

TEST_CASE("filling a result with random numbers ends its history") {
  const Tensor leaf = ones({4}, {.requires_grad = true});
  const Tensor x = leaf * 2;
  x.uniform_();
  sum(x * x).backward();
  CHECK(values(leaf.grad()) == std::vector<double>{0, 0, 0, 0});
  // The draws are those that a plain tensor of the same layout would have got.
  const Tensor y = (ones({6, 4}, {.requires_grad = true}) * 2).t();
  manual_seed(7);
  y.normal_();
  manual_seed(7);
  CHECK(equal(y.detach(), empty({6, 4}).t().normal_()));
}

TEST_CASE("random operations refuse what PyTorch refuses, in its words") {
  const Tensor leaf = ones({2}, {.requires_grad = true});
  check_starts_with(refusal([&] { leaf.uniform_(); }),
                    "a leaf Variable that requires grad is being used in an in-place operation.");
  {
    const NoGradGuard guard;
    const auto before = leaf.version();
    leaf.normal_();
    CHECK(leaf.version() == before + 1);
  }
  check_starts_with(refusal([&] { leaf.slice(0, 0, 1).bernoulli_(); }),
                    "a view of a leaf Variable that requires grad is being used in an in-place");
  check_starts_with(refusal([] { empty({1}).expand({3}).uniform_(); }),
                    "unsupported operation: more than one element of the written-to tensor refers");
  check_starts_with(refusal([] { empty({3}).uniform_(2, 1); }),
                    "uniform_ expects to return a [from, to) range, but found from=2 > to=1");
  check_starts_with(refusal([] { empty({3}).uniform_(-3e50, 0); }), "from is out of bounds");
  check_starts_with(refusal([] { empty({3}).uniform_(-3e38, 3e38); }),
                    "uniform_ expects to-from <= std::numeric_limits<Float>::max(), but found "
                    "to=3e+38 and from=-3e+38");
  check_starts_with(refusal([] { empty({3}).normal_(0, -1); }),
                    "normal expects std >= 0.0, but found std -1");
  check_starts_with(refusal([] { empty({3}).bernoulli_(1.5); }),
                    "bernoulli_ expects p to be in [0, 1], but got p=1.5");
  check_starts_with(refusal([] { bernoulli(tensor({1.5})); }),
                    "Expected p_in >= 0 && p_in <= 1 to be true, but got false");
  check_starts_with(refusal([] { bernoulli(tensor({NAN})); }), "Expected p_in >= 0");
  check_starts_with(refusal([] {
                      bernoulli(tensor({1, 0}));
                    }),
                    "\"bernoulli_tensor_cpu_p_\" not implemented for 'Long'");
  check_starts_with(refusal([] { randint(5, 3, {2}); }),
                    "random_ expects 'from' to be less than 'to', but got from=5 >= to=3");
  check_starts_with(refusal([] { randint(5, {2}, {.dtype = boolean}); }),
                    "to - 1 is out of bounds for bool");
  check_starts_with(refusal([] { randperm(-1); }),
                    "Trying to create tensor with negative dimension -1: [-1]");
  check_starts_with(refusal([] { rand({3}, {.dtype = int64}); }),
                    "\"check_uniform_bounds\" not implemented for 'Long'");
  check_starts_with(refusal([] { randn({3}, {.dtype = int64}); }),
                    "\"normal_kernel_cpu\" not implemented for 'Long'");
  const Tensor w = tensor({.1, .2, .3});
  check_starts_with(refusal([&] { multinomial(w, 4); }),
                    "cannot sample n_sample > prob_dist.size(-1) samples without replacement");
  check_starts_with(refusal([&] { multinomial(w, 0); }), "cannot sample n_sample <= 0 samples");
  check_starts_with(refusal([&] { multinomial(-w, 1); }),
                    "probability tensor contains either `inf`, `nan` or element < 0");
  check_starts_with(refusal([&] { multinomial(w * 0, 1); }),
                    "invalid multinomial distribution (sum of probabilities <= 0)");
  check_starts_with(refusal([] {
                      multinomial(ones({1, 1, 1}), 1);
                    }),
                    "prob_dist must be 1 or 2 dim");
  check_starts_with(refusal([] {
                      multinomial(tensor({1, 2}), 1);
                    }),
                    "multinomial only supports floating-point dtypes for input, got: Long");
}

TEST_CASE("random tensors of other types hold the drawn numbers") {
  manual_seed(3);
  const Tensor real = randint(-5, 7, {6}, {.dtype = float32});
  CHECK(real.dtype() == float32);
  CHECK(values(real) == std::vector<double>{5, 3, -4, -2, -1, -5});
  CHECK(randperm(0).numel() == 0);
  manual_seed(5);
  const Tensor coins = empty({8}, {.dtype = boolean}).bernoulli_(0.3);
  CHECK(values(coins) == std::vector<double>{0, 1, 0, 0, 1, 0, 0, 0});
  CHECK(rand({2}, {.requires_grad = true}).requires_grad());
  CHECK(rand_like(zeros({2}, {.dtype = float64})).dtype() == float64);
}
