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

// Of each unit of 128 bits of a and b: their low or (High = 1) high halves, interleaved Width lanes
// at a time.
template <class Arch, int Width, int High, class Register, int... I>
Register unpack(Register a, Register b, std::integer_sequence<int, I...>) {
  constexpr int size = sizeof...(I), unit = 16 / static_cast<int>(sizeof(a[0]));
  return __builtin_shufflevector(a, b,
                                 (I / unit * unit + High * unit / 2 + I % unit / Width / 2 * Width +
                                  I % Width + I % unit / Width % 2 * size)...);
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
// The rounds of a transpose that bring together the pieces of a column, whole units of 128 bits.
// Each moves a bit of a unit's place in its register to the register's number.
template <int Units, class Batch>
[[gnu::always_inline]] inline void transpose_units(Batch* x) {
  if constexpr (Units > 1) {
    using Arch = typename Batch::arch_type;
    using Lanes = LaneNumbers<Batch>;
    constexpr int size = static_cast<int>(Batch::size), half = size / 2;
    constexpr int unit = 16 / static_cast<int>(sizeof(typename Batch::value_type));
    Batch next[size];
#pragma GCC unroll 8
    for (int i = 0; i < half; ++i) {
      const int from = i / unit * 2 * unit + i % unit;
      const auto a = x[from].data, b = x[from + unit].data;
      next[i] = every_other<Arch, unit, 0>(a, b, Lanes{});
      next[i + half] = every_other<Arch, unit, 1>(a, b, Lanes{});
    }
#pragma GCC unroll 16
    for (int i = 0; i < size; ++i) x[i] = next[i];
    transpose_units<Units / 2>(x);
  }
}
}  // namespace detail

/// Transposes a square of registers in place: units of 128 bits first, then the squares within
/// them. Part of its caller: by way of memory it takes twice as long.
template <class T, class Arch>
[[gnu::always_inline]] inline void transpose(xsimd::batch<T, Arch>* rows) {
  using Batch = xsimd::batch<T, Arch>;
  using Lanes = detail::LaneNumbers<Batch>;
  constexpr int size = static_cast<int>(Batch::size), unit = 16 / static_cast<int>(sizeof(T));
  Batch x[size];
#pragma GCC unroll 16
  for (int i = 0; i < size; ++i) x[i] = rows[i];
  detail::transpose_units<size / unit>(x);
#pragma GCC unroll 8
  for (int i = 0; i < size; i += 2) {
    const auto a = x[i].data, b = x[i + 1].data;
    x[i] = detail::unpack<Arch, 1, 0>(a, b, Lanes{});
    x[i + 1] = detail::unpack<Arch, 1, 1>(a, b, Lanes{});
  }
  if constexpr (unit == 4) {
#pragma GCC unroll 4
    for (int i = 0; i < size; i += 4) {
      const auto a = x[i].data, b = x[i + 1].data, c = x[i + 2].data, d = x[i + 3].data;
      x[i] = detail::unpack<Arch, 2, 0>(a, c, Lanes{});
      x[i + 1] = detail::unpack<Arch, 2, 1>(a, c, Lanes{});
      x[i + 2] = detail::unpack<Arch, 2, 0>(b, d, Lanes{});
      x[i + 3] = detail::unpack<Arch, 2, 1>(b, d, Lanes{});
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < size; ++i) rows[i] = x[i];
}

}  // namespace heed::simd
