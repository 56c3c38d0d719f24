// Random numbers: PyTorch's CPU generator and draws, bit for bit.
//
// A Generator is a Mersenne Twister (MT19937; Matsumoto and Nishimura 1998) and, since normal
// numbers come in pairs, the second of a pair that waits for its turn. A value like any other:
// copying it forks the sequence, state() and set_state() save and restore it. One generator belongs
// to the process, is seeded by manual_seed() and serves whoever names no other.
//
// Threads: a fill (uniform_, randn, dropout, …) holds the generator's mutex from its first to its
// last draw, so that threads may share one; the single draws below do not lock.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

namespace heed {

class Generator {
 public:
  static constexpr std::uint64_t kDefaultSeed = 67280421310721;

  explicit Generator(std::uint64_t seed = kDefaultSeed) { manual_seed(seed); }
  Generator(const Generator& other);
  Generator& operator=(const Generator& other);

  /// Starts the sequence that belongs to the seed (its low 32 bits; a negative one wraps, as in
  /// PyTorch) and forgets the waiting normal.
  void manual_seed(std::uint64_t seed);
  /// The seed that the sequence was started from.
  std::uint64_t initial_seed() const { return seed_; }
  /// Starts from a seed that nobody can foresee, and returns it.
  std::uint64_t seed();

  /// All there is to know of a generator, as plain numbers.
  std::vector<std::uint64_t> state() const;
  /// Continues where state() was taken. Error: not a state of a Generator.
  void set_state(const std::vector<std::uint64_t>& state);

  /// The next 32 bits.
  std::uint32_t random32() {
    if (next_ == kWords) refill();
    return temper(words_[next_++]);
  }
  /// The next 64 bits; the first draw is the upper half.
  std::uint64_t random64() {
    const std::uint64_t high = random32();
    return high << 32 | random32();
  }
  /// In [0, 1), on a grid of 2^-24.
  float uniform_float() { return static_cast<float>(random32() & 0xffffff) * 0x1p-24f; }
  /// In [0, 1), on a grid of 2^-53.
  double uniform_double() {
    return static_cast<double>(random64() & ((std::uint64_t{1} << 53) - 1)) * 0x1p-53;
  }
  /// In [low, high).
  float uniform(float low, float high);
  double uniform(double low, double high);
  /// Normal with mean 0 and standard deviation 1, by the transform of Box and Muller (1958).
  double normal();
  /// In [0, n): n must be positive.
  std::int64_t below(std::uint64_t n) {
    return static_cast<std::int64_t>(n >> 32 ? random64() % n : random32() % n);
  }

  /// n draws one after another into contiguous memory: many times faster than one at a time.
  void fill_uniform(float* out, std::int64_t n, float low = 0, float high = 1);
  void fill_uniform(double* out, std::int64_t n, double low = 0, double high = 1);
  /// What PyTorch draws for a contiguous tensor of n elements: fewer than 16 one by one, more in
  /// blocks of 16 uniform numbers that are transformed eight against eight.
  void fill_normal(float* out, std::int64_t n, double mean = 0, double std = 1);
  void fill_normal(double* out, std::int64_t n, double mean = 0, double std = 1);

  /// Held by whoever draws a sequence that must not be interleaved with another thread's.
  std::mutex& mutex() const { return mutex_; }

 private:
  static constexpr std::size_t kWords = 624;

  static std::uint32_t temper(std::uint32_t y) {
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ y >> 18;
  }
  void refill();

  std::array<std::uint32_t, kWords> words_{};
  std::size_t next_ = kWords;
  std::uint64_t seed_ = 0;
  std::optional<double> waiting_normal_;
  mutable std::mutex mutex_;
};

/// The generator of the process.
Generator& default_generator();

/// Seeds the generator of the process and returns it.
Generator& manual_seed(std::uint64_t seed);

}  // namespace heed
