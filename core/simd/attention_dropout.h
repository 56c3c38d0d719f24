// The dropout of attention weights: a mask that nobody stores.
//
// Whether weight (head, row, column) is kept is a hash of its place and of a key drawn once a call,
// so the backward, a plain graph and any number of threads find the same mask. The column's hash is
// 32 bits wide so that a register's worth is computed at once.
#pragma once

#include <cstdint>

namespace heed::simd {

/// The seed of a row of the mask: splitmix64's finaliser (Steele, Lea, Flood, "Fast Splittable
/// Pseudorandom Number Generators", 2014) over key, head and row. Owner: the arch that compiles it.
template <class Owner>
std::uint32_t dropout_row_seed(std::uint64_t key, std::uint64_t head, std::uint64_t row) {
  std::uint64_t x = key;
  for (std::uint64_t part : {head, row}) {
    x += 0x9E3779B97F4A7C15u * (part + 1);
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    x ^= x >> 31;
  }
  return static_cast<std::uint32_t>(x >> 32);
}

/// A weight is dropped when its hash is below this.
template <class Owner>
std::uint32_t dropout_threshold(double p) {
  const double t = p * 4294967296.0;
  return t >= 4294967295.0 ? 4294967295u : static_cast<std::uint32_t>(t);
}

/// The hash of a column in a row: two rounds of multiply and xor-shift (the constants are those of
/// MurmurHash3's finaliser).
template <class Owner>
std::uint32_t dropout_hash(std::uint32_t row_seed, std::uint32_t column) {
  std::uint32_t x = row_seed ^ (column * 0x9E3779B1u);
  x = (x ^ (x >> 16)) * 0x85EBCA6Bu;
  x = (x ^ (x >> 13)) * 0xC2B2AE35u;
  return x ^ (x >> 16);
}

/// x[c] = kept ? x[c] / (1 - p) : 0, for columns first … first + count of a row.
template <class Owner, class T>
void dropout_row(T* x, std::int64_t count, std::int64_t first, std::uint32_t row_seed, double p) {
  const std::uint32_t threshold = dropout_threshold<Owner>(p);
  const T keep = p < 1 ? static_cast<T>(1 / (1 - p)) : T(0);
  for (std::int64_t c = 0; c < count; ++c) {
    const std::uint32_t hash = dropout_hash<Owner>(row_seed, static_cast<std::uint32_t>(first + c));
    x[c] *= hash >= threshold ? keep : T(0);
  }
}

}  // namespace heed::simd
