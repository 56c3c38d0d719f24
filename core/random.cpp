#include "core/random.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <random>
#include <utility>

#include "core/error.h"

namespace heed {
namespace {

// One step of the recurrence of MT19937: the upper bit of a word joined to the rest of the next.
std::uint32_t twist(std::uint32_t word, std::uint32_t next, std::uint32_t far) {
  const std::uint32_t joined = (word & 0x80000000u) | (next & 0x7fffffffu);
  return far ^ (joined >> 1) ^ ((next & 1u) ? 0x9908b0dfu : 0u);
}

// x ← fma(x, range, low) for n numbers. Without the instruction, fma is a call of many nanoseconds:
// where the CPU has it, a copy of the loop compiled for it is taken. Both give the same bits.
template <class T>
void scale(T* x, std::int64_t n, T range, T low) {
  for (std::int64_t i = 0; i < n; ++i) x[i] = std::fma(x[i], range, low);
}
#if defined(__x86_64__) && !defined(__FMA__)
[[gnu::target("avx2,fma")]] void scale_by_instruction(float* x, std::int64_t n, float range,
                                                      float low) {
  for (std::int64_t i = 0; i < n; ++i) x[i] = __builtin_fmaf(x[i], range, low);
}
[[gnu::target("avx2,fma")]] void scale_by_instruction(double* x, std::int64_t n, double range,
                                                      double low) {
  for (std::int64_t i = 0; i < n; ++i) x[i] = __builtin_fma(x[i], range, low);
}
template <class T>
void scale_fast(T* x, std::int64_t n, T range, T low) {
  static const bool has_instruction = [] {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  }();
  has_instruction ? scale_by_instruction(x, n, range, low) : scale(x, n, range, low);
}
#else
template <class T>
void scale_fast(T* x, std::int64_t n, T range, T low) {
  scale(x, n, range, low);
}
#endif

// rho (cos theta, sin theta) for u1 in (0, 1] and u2 in [0, 1): two independent normal numbers.
template <class T>
std::pair<T, T> box_muller(T u1, T u2) {
  const T radius = std::sqrt(T{-2} * std::log(u1));
  const T theta = T{2} * std::numbers::pi_v<T> * u2;
  return {radius * std::cos(theta), radius * std::sin(theta)};
}

// Sixteen uniform numbers become sixteen normal ones, each of the first eight with its partner.
template <class T>
void transform_block(T* block, T mean, T std) {
  for (int j = 0; j < 8; ++j) {
    const auto [a, b] = box_muller(T{1} - block[j], block[j + 8]);
    block[j] = std::fma(a, std, mean);
    block[j + 8] = std::fma(b, std, mean);
  }
}

template <class T>
void fill_normal_blocks(Generator& generator, T* out, std::int64_t n, T mean, T std) {
  generator.fill_uniform(out, n);
  for (std::int64_t i = 0; i + 16 <= n; i += 16) transform_block(out + i, mean, std);
  if (n % 16 != 0) {
    // The last sixteen are drawn anew, overlapping the block before.
    generator.fill_uniform(out + n - 16, 16);
    transform_block(out + n - 16, mean, std);
  }
}

}  // namespace

Generator::Generator(const Generator& other) : Generator(0) { *this = other; }

Generator& Generator::operator=(const Generator& other) {
  if (this == &other) return *this;
  const std::scoped_lock lock(mutex_, other.mutex_);
  words_ = other.words_;
  next_ = other.next_;
  seed_ = other.seed_;
  waiting_normal_ = other.waiting_normal_;
  return *this;
}

void Generator::manual_seed(std::uint64_t seed) {
  const std::lock_guard lock(mutex_);
  seed_ = seed;
  words_[0] = static_cast<std::uint32_t>(seed);
  for (std::uint32_t j = 1; j < kWords; ++j) {
    words_[j] = 1812433253u * (words_[j - 1] ^ words_[j - 1] >> 30) + j;
  }
  next_ = kWords;
  waiting_normal_.reset();
}

std::uint64_t Generator::seed() {
  std::random_device device;
  const std::uint64_t high = device();
  const std::uint64_t seed = (high << 32 | device()) & ((std::uint64_t{1} << 53) - 1);
  manual_seed(seed);
  return seed;
}

std::vector<std::uint64_t> Generator::state() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::uint64_t> state{seed_, next_, waiting_normal_.has_value(),
                                   std::bit_cast<std::uint64_t>(waiting_normal_.value_or(0.0))};
  state.insert(state.end(), words_.begin(), words_.end());
  return state;
}

void Generator::set_state(const std::vector<std::uint64_t>& state) {
  HEED_CHECK(state.size() == kWords + 4, "a generator's state has ", kWords + 4,
             " numbers, but got ", state.size());
  HEED_CHECK(state[1] <= kWords && state[2] <= 1,
             "these numbers are not the state of a generator: position ", state[1], " (at most ",
             kWords, "), waiting normal ", state[2], " (0 or 1)");
  for (std::size_t i = 0; i < kWords; ++i) {
    HEED_CHECK(state[i + 4] >> 32 == 0, "these numbers are not the state of a generator: word ", i,
               " is ", state[i + 4], ", beyond 32 bits");
  }
  const std::lock_guard lock(mutex_);
  seed_ = state[0];
  next_ = state[1];
  waiting_normal_.reset();
  if (state[2] == 1) waiting_normal_ = std::bit_cast<double>(state[3]);
  for (std::size_t i = 0; i < kWords; ++i) words_[i] = static_cast<std::uint32_t>(state[i + 4]);
}

// In three loops, so that no index wraps inside one.
void Generator::refill() {
  constexpr std::size_t kFar = 397, kNear = kWords - kFar;
  for (std::size_t i = 0; i < kNear; ++i) {
    words_[i] = twist(words_[i], words_[i + 1], words_[i + kFar]);
  }
  for (std::size_t i = kNear; i < kWords - 1; ++i) {
    words_[i] = twist(words_[i], words_[i + 1], words_[i - kNear]);
  }
  words_[kWords - 1] = twist(words_[kWords - 1], words_[0], words_[kFar - 1]);
  next_ = 0;
}

// The scaling is one fused multiply-add in PyTorch's build: two roundings would differ in the last
// bit.
float Generator::uniform(float low, float high) {
  return std::fma(uniform_float(), high - low, low);
}
double Generator::uniform(double low, double high) {
  return std::fma(uniform_double(), high - low, low);
}

double Generator::normal() {
  if (waiting_normal_) {
    const double value = *waiting_normal_;
    waiting_normal_.reset();
    return value;
  }
  const double u1 = uniform_double(), u2 = uniform_double();
  const double radius = std::sqrt(-2.0 * std::log(1.0 - u2));
  const double theta = 2.0 * std::numbers::pi * u1;
  waiting_normal_ = radius * std::sin(theta);
  return radius * std::cos(theta);
}

void Generator::fill_uniform(float* out, std::int64_t n, float low, float high) {
  const float range = high - low;
  const bool unit = low == 0 && range == 1;
  for (std::int64_t i = 0; i < n;) {
    if (next_ == kWords) refill();
    const auto run = std::min<std::int64_t>(n - i, static_cast<std::int64_t>(kWords - next_));
    const std::uint32_t* words = words_.data() + next_;
    for (std::int64_t j = 0; j < run; ++j) {
      // Through int32, which SSE2 converts in one instruction.
      const auto bits = static_cast<std::int32_t>(temper(words[j]) & 0xffffff);
      out[i + j] = static_cast<float>(bits) * 0x1p-24f;
    }
    if (!unit) scale_fast(out + i, run, range, low);
    next_ += static_cast<std::size_t>(run);
    i += run;
  }
}

void Generator::fill_uniform(double* out, std::int64_t n, double low, double high) {
  for (std::int64_t i = 0; i < n; ++i) out[i] = uniform_double();
  if (low != 0 || high != 1) scale_fast(out, n, high - low, low);
}

void Generator::fill_normal(float* out, std::int64_t n, double mean, double std) {
  if (n >= 16) {
    return fill_normal_blocks(*this, out, n, static_cast<float>(mean), static_cast<float>(std));
  }
  for (std::int64_t i = 0; i < n; ++i) {
    out[i] = static_cast<float>(std::fma(normal(), std, mean));
  }
}

void Generator::fill_normal(double* out, std::int64_t n, double mean, double std) {
  if (n >= 16) return fill_normal_blocks(*this, out, n, mean, std);
  for (std::int64_t i = 0; i < n; ++i) out[i] = std::fma(normal(), std, mean);
}

Generator& default_generator() {
  static Generator generator;
  return generator;
}

Generator& manual_seed(std::uint64_t seed) {
  default_generator().manual_seed(seed);
  return default_generator();
}

}  // namespace heed
