// Lanes of registers moved, added up and transposed. Written as the compilers' shuffles of two
// vectors, of such shapes as every set has one cheap instruction for: within units of 128 bits, or
// of whole such units. (On AVX-512 any permutation of two registers is one instruction, but sums
// over lanes by those take two to three times as long on Zen 5, and transposes 1.3 times.)
#pragma once

#include <type_traits>
#include <utility>
#include <xsimd/xsimd.hpp>

namespace heed::simd {

/// The lower half of a register, as a register of half the width. (A copy of its bytes: g++ makes
/// slow instructions of a shuffle that is then masked.)
template <class Narrow, class Register>
Narrow low_half(Register x) {
  static_assert(2 * sizeof(Narrow) == sizeof(Register));
  Narrow half;
  __builtin_memcpy(&half, &x, sizeof(half));
  return half;
}

namespace detail {
// The numbers of a register's lanes.
template <class Batch>
using LaneNumbers = std::make_integer_sequence<int, static_cast<int>(Batch::size)>;

// The lanes of x, those `Distance` apart exchanged.
template <class Arch, int Distance, class Register, int... I>
Register exchange(Register x, std::integer_sequence<int, I...>) {
  return __builtin_shufflevector(x, x, (I ^ Distance)...);
}

// Of a, and then of b, every other block of Block lanes, from the first or (Odd = 1) the second on:
// within each unit of 128 bits where it has more than one block, else over the whole registers.
template <class Arch, int Block, int Odd, class Register, int... I>
Register every_other(Register a, Register b, std::integer_sequence<int, I...>) {
  constexpr int size = sizeof...(I), unit = 16 / static_cast<int>(sizeof(a[0]));
  constexpr int segment = Block < unit ? unit : size, half = segment / 2;
  return __builtin_shufflevector(a, b,
                                 (I / segment * segment + (I % half / Block * 2 + Odd) * Block +
                                  I % Block + I % segment / half * size)...);
}

// The lanes of x that are Stride apart, in front.
template <class Arch, int Stride, class Register, int... I>
Register gather_lanes(Register x, std::integer_sequence<int, I...>) {
  constexpr int size = sizeof...(I);
  return __builtin_shufflevector(x, x, (I * Stride % size)...);
}
}  // namespace detail

/// The lower half of x twice.
template <class T, class Arch>
xsimd::batch<T, Arch> lower_half_twice(xsimd::batch<T, Arch> x) {
  using Batch = xsimd::batch<T, Arch>;
  constexpr int half = static_cast<int>(Batch::size) / 2;
  return Batch(detail::every_other<Arch, half, 0>(x.data, x.data, detail::LaneNumbers<Batch>{}));
}
/// The halves of x exchanged.
template <class T, class Arch>
xsimd::batch<T, Arch> exchange_halves(xsimd::batch<T, Arch> x) {
  using Batch = xsimd::batch<T, Arch>;
  constexpr int half = static_cast<int>(Batch::size) / 2;
  return Batch(detail::exchange<Arch, half>(x.data, detail::LaneNumbers<Batch>{}));
}

/// The lanes of each group of Width neighbours, a power of two, combined in a fixed tree: first
/// those half a group apart, last neighbours. Every lane has its group's result.
template <int Width, class Batch, class Combine>
Batch combine_group(Batch x, const Combine& combine) {
  if constexpr (Width == 1) {
    return x;
  } else {
    const Batch other(detail::exchange<typename Batch::arch_type, Width / 2>(
        x.data, detail::LaneNumbers<Batch>{}));
    return combine_group<Width / 2>(combine(x, other), combine);
  }
}
template <int Width, class Batch>
Batch sum_group(Batch x) {
  return combine_group<Width>(x, [](Batch a, Batch b) { return a + b; });
}
template <int Width, class Batch>
Batch max_group(Batch x) {
  return combine_group<Width>(x, [](Batch a, Batch b) { return xsimd::max(a, b); });
}
/// All lanes so.
template <class T, class Arch>
T sum_lanes(xsimd::batch<T, Arch> x) {
  return sum_group<static_cast<int>(xsimd::batch<T, Arch>::size)>(x).data[0];
}
template <class T, class Arch>
T max_lanes(xsimd::batch<T, Arch> x) {
  return max_group<static_cast<int>(xsimd::batch<T, Arch>::size)>(x).data[0];
}

namespace detail {
// A round of sum_each, with Width lanes left of each register, and those after it.
template <int Count, int Width, class Batch>
[[gnu::always_inline]] inline Batch sum_pairs(Batch* x) {
  if constexpr (Count == 1) {
    return sum_group<Width>(x[0]);
  } else {
    using Arch = typename Batch::arch_type;
    using Lanes = LaneNumbers<Batch>;
#pragma GCC unroll 8
    for (int i = 0; i < Count / 2; ++i) {
      const auto a = x[2 * i].data, b = x[2 * i + 1].data;
      x[i] = Batch(every_other<Arch, Width / 2, 0>(a, b, Lanes{})) +
             Batch(every_other<Arch, Width / 2, 1>(a, b, Lanes{}));
    }
    return sum_pairs<Count / 2, Width / 2>(x);
  }
}
}  // namespace detail

/// The sums over the lanes of each of Count registers, a power of two, each in the order of
/// sum_lanes, in the first lanes: every round adds the halves of what is left of two registers.
template <int Count, class T, class Arch>
[[gnu::always_inline]] inline xsimd::batch<T, Arch> sum_each(const xsimd::batch<T, Arch>* x) {
  using Batch = xsimd::batch<T, Arch>;
  constexpr int size = static_cast<int>(Batch::size), unit = 16 / static_cast<int>(sizeof(T));
  // The rounds within units put registers that are so many apart beside one another.
  constexpr int units = size / unit < Count ? size / unit : Count, in_unit = Count / units;
  Batch tree[Count];
#pragma GCC unroll 16
  for (int i = 0; i < Count; ++i) tree[i] = x[i % units * in_unit + i / units];
  const Batch sums = detail::sum_pairs<Count, size>(tree);
  return Batch(detail::gather_lanes<Arch, size / Count>(sums.data, detail::LaneNumbers<Batch>{}));
}

namespace detail {
// Transposes squares of Count by Count pieces, Block lanes each, of registers Step apart. Every
// round deals two neighbours' pieces out, the even ones to one register and the odd ones to another
// half of the square away, and so moves a bit of a piece's place to its register's.
template <int Block, int Count, int Step, class Batch>
[[gnu::always_inline]] inline void transpose_pieces(Batch* x) {
  if constexpr (Count > 1) {
    using Arch = typename Batch::arch_type;
    using Lanes = LaneNumbers<Batch>;
    constexpr int size = static_cast<int>(Batch::size), half = Count / 2;
#pragma GCC unroll 4
    for (int round = 1; round < Count; round *= 2) {
      Batch next[size];
#pragma GCC unroll 8
      for (int i = 0; i < size / 2; ++i) {
        const int first = i / Step / half * Count * Step + i % Step, pair = i / Step % half;
        const auto a = x[first + 2 * pair * Step].data, b = x[first + (2 * pair + 1) * Step].data;
        next[first + pair * Step] = every_other<Arch, Block, 0>(a, b, Lanes{});
        next[first + (pair + half) * Step] = every_other<Arch, Block, 1>(a, b, Lanes{});
      }
#pragma GCC unroll 16
      for (int i = 0; i < size; ++i) x[i] = next[i];
    }
  }
}
}  // namespace detail

/// Transposes a square of registers in place: as one of units of 128 bits, then the squares within
/// those. Part of its caller: by way of memory it takes twice as long.
template <class T, class Arch>
[[gnu::always_inline]] inline void transpose(xsimd::batch<T, Arch>* rows) {
  constexpr int size = static_cast<int>(xsimd::batch<T, Arch>::size);
  constexpr int unit = 16 / static_cast<int>(sizeof(T));
  detail::transpose_pieces<unit, size / unit, unit>(rows);
  detail::transpose_pieces<1, unit, 1>(rows);
}

}  // namespace heed::simd
