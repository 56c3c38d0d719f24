// The draws of PyTorch's CPU generator as algorithms: each is written out here in plain code from
// the description, and heed must agree with it. (tests/parity holds the same against PyTorch's
// own numbers.)
#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <vector>

#include "core/factory.h"
#include "core/ops/ops.h"
#include "core/random.h"

namespace {

using namespace heed;

/// MT19937 and the draws made of its words.
class Twister {
 public:
  explicit Twister(std::uint64_t seed) {
    state_[0] = static_cast<std::uint32_t>(seed);
    for (std::uint32_t j = 1; j < 624; ++j) {
      state_[j] = 1812433253u * (state_[j - 1] ^ (state_[j - 1] >> 30)) + j;
    }
  }
  std::uint32_t r() {
    if (at_ == 624) {
      for (std::size_t i = 0; i < 624; ++i) {
        const std::uint32_t y = (state_[i] & 0x80000000u) | (state_[(i + 1) % 624] & 0x7fffffffu);
        state_[i] = state_[(i + 397) % 624] ^ (y >> 1) ^ (y & 1 ? 0x9908b0dfu : 0);
      }
      at_ = 0;
    }
    std::uint32_t y = state_[at_++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
  }
  std::uint64_t r64() {
    const std::uint64_t high = r();
    return (high << 32) | r();
  }
  float uniform_float() { return static_cast<float>(r() % (1u << 24)) * 0x1p-24f; }
  double uniform_double() {
    return static_cast<double>(r64() % (std::uint64_t{1} << 53)) * 0x1p-53;
  }

 private:
  std::array<std::uint32_t, 624> state_{};
  std::size_t at_ = 624;
};

constexpr std::uint64_t kSeed = 1345481140;

template <class T>
std::vector<T> values(const Tensor& x) {
  return x.to_vector<T>();
}

}  // namespace

TEST_CASE("manual_seed starts the Mersenne Twister with the seed's low 32 bits") {
  for (const std::int64_t seed : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1} << 32,
                                  (std::int64_t{1} << 40) + 12345}) {
    Generator generator(static_cast<std::uint64_t>(seed));
    Twister twin(static_cast<std::uint64_t>(seed));
    for (int i = 0; i < 1300; ++i) REQUIRE(generator.random32() == twin.r());
    CHECK(generator.random64() == twin.r64());
  }
}

TEST_CASE("a float32 uniform is 24 bits of a word, scaled by one fused multiply-add") {
  manual_seed(kSeed);
  Twister twin(kSeed);
  for (const float x : values<float>(rand({100}))) CHECK(x == twin.uniform_float());
  const float low = -0.1f, high = 0.3f;
  for (const float x : values<float>(empty({100}).uniform_(low, high))) {
    CHECK(x == std::fma(twin.uniform_float(), high - low, low));
  }
}

TEST_CASE("a float64 uniform is 53 bits of two words, scaled in double") {
  manual_seed(kSeed);
  Twister twin(kSeed);
  for (const double x : values<double>(rand({50}, {.dtype = float64}))) {
    CHECK(x == twin.uniform_double());
  }
  const double low = -0.1, high = 0.3;
  for (const double x : values<double>(empty({50}, {.dtype = float64}).uniform_(low, high))) {
    CHECK(x == std::fma(twin.uniform_double(), high - low, low));
  }
}

TEST_CASE("fewer than 16 normals come in pairs of Box and Muller, the second kept for later") {
  manual_seed(kSeed);
  Twister twin(kSeed);
  std::vector<double> expected;
  for (int pair = 0; pair < 4; ++pair) {
    const double u1 = twin.uniform_double(), u2 = twin.uniform_double();
    const double radius = std::sqrt(-2 * std::log(1 - u2)), angle = 2 * std::numbers::pi * u1;
    expected.push_back(radius * std::cos(angle));
    expected.push_back(radius * std::sin(angle));
  }
  // 3, then 1, then 3: the fourth and the last of a pair are found in the cache.
  std::size_t next = 0;
  for (const std::int64_t n : {3, 1, 3}) {
    for (const double x : values<double>(randn({n}, {.dtype = float64}))) {
      CHECK(x == expected[next++]);
    }
  }
  manual_seed(kSeed);  // clears the cache
  CHECK(values<double>(randn({1}, {.dtype = float64}))[0] == expected[0]);
  manual_seed(kSeed);
  const Tensor scaled = empty({2}).normal_(2.0, 0.5);
  CHECK(scaled.data<float>()[1] == static_cast<float>(expected[1] * 0.5 + 2.0));
}

TEST_CASE("16 or more normals are made of blocks of 16 uniforms, the last 16 drawn anew") {
  const std::size_t n = 37;
  const double mean = 0.5, std = 2;
  manual_seed(kSeed);
  Twister twin(kSeed);
  std::vector<double> d(n);
  for (double& x : d) x = twin.uniform_double();
  const auto transform = [&](std::size_t block) {
    for (std::size_t j = block; j < block + 8; ++j) {
      const double u1 = 1 - d[j], u2 = d[j + 8];
      const double radius = std::sqrt(-2 * std::log(u1)), angle = 2 * std::numbers::pi * u2;
      d[j] = radius * std::cos(angle) * std + mean;
      d[j + 8] = radius * std::sin(angle) * std + mean;
    }
  };
  for (std::size_t block = 0; block + 16 <= n; block += 16) transform(block);
  for (std::size_t j = n - 16; j < n; ++j) d[j] = twin.uniform_double();
  transform(n - 16);
  CHECK(values<double>(empty({37}, {.dtype = float64}).normal_(mean, std)) == d);
}

TEST_CASE("randint takes a word modulo the range") {
  manual_seed(kSeed);
  Twister twin(kSeed);
  for (const auto x : values<std::int64_t>(randint(-7, 1000, {60}))) {
    CHECK(x == -7 + static_cast<std::int64_t>(twin.r() % 1007));
  }
}

TEST_CASE("randperm swaps each place with a later one") {
  manual_seed(kSeed);
  Twister twin(kSeed);
  const std::uint32_t n = 41;
  std::vector<std::int64_t> a(n);
  for (std::uint32_t i = 0; i < n; ++i) a[i] = i;
  for (std::uint32_t i = 0; i + 1 < n; ++i) std::swap(a[i], a[i + twin.r() % (n - i)]);
  CHECK(values<std::int64_t>(randperm(n)) == a);
}

TEST_CASE("bernoulli and dropout compare one uniform an element with the probability") {
  manual_seed(kSeed);
  Twister twin(kSeed);
  for (const float x : values<float>(empty({30}).bernoulli_(0.3))) {
    CHECK(x == (twin.uniform_double() < 0.3 ? 1.f : 0.f));
  }
  // Probabilities in a tensor are met by uniforms of their own type.
  for (const float x : values<float>(bernoulli(full({30}, 0.3)))) {
    CHECK(x == (twin.uniform_float() < 0.3f ? 1.f : 0.f));
  }
  for (const double x : values<double>(bernoulli(full({30}, 0.3, {.dtype = float64})))) {
    CHECK(x == (twin.uniform_double() < 0.3 ? 1.0 : 0.0));
  }
  const double p = 0.25;
  for (const float x : values<float>(dropout(ones({30}), p, true))) {
    CHECK(x == (twin.uniform_double() < 1 - p ? static_cast<float>(1 / (1 - p)) : 0.f));
  }
}

TEST_CASE("one multinomial sample is the race of exponentials that the largest ratio wins") {
  manual_seed(kSeed);
  Twister twin(kSeed);
  const Tensor weights = tensor({{1.0, 2.0, 3.0, 4.0}, {5.0, 0.0, 1.0, 0.5}}, {.dtype = float64});
  const Tensor drawn = multinomial(weights, 1);
  for (std::int64_t row = 0; row < 2; ++row) {
    std::int64_t best = 0;
    double most = -1;
    for (std::int64_t i = 0; i < 4; ++i) {
      const double q = -std::log1p(-twin.uniform_double());
      const double ratio = weights.data<double>()[row * 4 + i] / q;
      if (ratio > most) {
        most = ratio;
        best = i;
      }
    }
    CHECK(drawn.data<std::int64_t>()[row] == best);
  }
}
