// Packing: copies of pieces of A and B in the order in which the tiles read them, from any strides.
//
// A panel of B holds `vectors` registers of columns for each p, behind the last column numbers that
// do not matter (zero, or that column again); a panel of A holds the `rows` values of a column of A
// for each p. Where the source runs along k the panel is its transpose, made by squares of
// registers.
#pragma once

#include <cstdint>
#include <xsimd/xsimd.hpp>

#include "core/simd/lanes.h"
#include "core/simd/shuffles.h"

namespace heed::simd {

// The transpose of `count` (<= size) rows of x, each `valid` (<= size) long. Behind them is zero,
// or where masked loads are slow the last row again.
template <class Arch, class T>
[[gnu::always_inline]] inline void load_transposed(xsimd::batch<T, Arch>* square, const T* x,
                                                   std::int64_t stride, std::int64_t count,
                                                   std::int64_t valid) {
  using Batch = xsimd::batch<T, Arch>;
  constexpr std::int64_t lanes = static_cast<std::int64_t>(Batch::size);
  if (count == lanes && valid == lanes) {
#pragma GCC unroll 16
    for (std::int64_t i = 0; i < lanes; ++i) square[i] = Batch::load_unaligned(x + i * stride);
  } else if (kHasMask<Arch> && !kFreeMask<Arch> && valid == lanes) {
#pragma GCC unroll 16
    for (std::int64_t i = 0; i < lanes; ++i) {
      square[i] = Batch::load_unaligned(x);
      x += i + 1 < count ? stride : 0;
    }
  } else {
    const LaneMask<Arch, T> mask(valid);
#pragma GCC unroll 16
    for (std::int64_t i = 0; i < lanes; ++i) {
      square[i] = i < count ? mask.load(x + i * stride) : Batch(T(0));
    }
  }
  transpose(square);
}

/// The columns that a row of a packed panel takes: rounded up to whole registers, the last of which
/// may be a half one.
template <class Arch, class T>
std::int64_t packed_width(std::int64_t columns) {
  constexpr std::int64_t lanes = static_cast<std::int64_t>(xsimd::batch<T, Arch>::size);
  constexpr std::int64_t unit = kHasHalf<Arch> ? lanes / 2 : lanes;
  return (columns + unit - 1) / unit * unit;
}

// Writes the transpose of up to one register of columns of B, each contiguous along k, to rows of
// out that are `width` apart.
template <class Arch, class T>
void pack_turned(T* out, std::int64_t width, const T* b, std::int64_t b_col, std::int64_t k,
                 std::int64_t columns) {
  using Batch = xsimd::batch<T, Arch>;
  constexpr std::int64_t lanes = static_cast<std::int64_t>(Batch::size);
  const std::int64_t count = columns < lanes ? columns : lanes;
  const std::int64_t most = k < lanes ? k : lanes;
  for (std::int64_t next = 0; next < k; next += lanes) {
    // The last square is full, too, by some rows again, if that costs less than their mask.
    const std::int64_t rest = k - next;
    const bool full = kHasMask<Arch> && !(kFreeMask<Arch> && rest < lanes / 2);
    const std::int64_t valid = full ? most : rest < lanes ? rest : lanes;
    const std::int64_t p = rest < valid ? k - valid : next;
    Batch square[lanes];
    load_transposed<Arch>(square, b + p, b_col, count, valid);
    T* to = out + p * width;
    if (valid == lanes) {
#pragma GCC unroll 16
      for (std::int64_t i = 0; i < lanes; ++i) square[i].store_unaligned(to + i * width);
    } else {
#pragma GCC unroll 16
      for (std::int64_t i = 0; i < lanes - 1; ++i) {
        if (i < valid) square[i].store_unaligned(to + i * width);
      }
    }
  }
}

/// Packs `columns` columns of `k` rows of B into out[p * packed_width + j], and numbers that do
/// not matter behind the last column. Writes up to one register behind the panel's end.
template <class Arch, class T>
void pack_b(T* out, const T* b, std::int64_t b_row, std::int64_t b_col, std::int64_t k,
            std::int64_t columns) {
  using Batch = xsimd::batch<T, Arch>;
  constexpr std::int64_t lanes = static_cast<std::int64_t>(Batch::size);
  const std::int64_t width = packed_width<Arch, T>(columns);
  // The store of a half register runs into the next row, which is written later.
  if (b_col == 1) {
    const std::int64_t whole = columns / lanes * lanes;
    const LaneMask<Arch, T> mask(columns - whole);
    for (std::int64_t p = 0; p < k; ++p) {
      for (std::int64_t j = 0; j < whole; j += lanes) {
        Batch::load_unaligned(b + j).store_unaligned(out + j);
      }
      if (whole < width) mask.load(b + whole).store_unaligned(out + whole);
      b += b_row;
      out += width;
    }
  } else if (b_row == 1) {
    std::int64_t j = (columns - 1) / lanes * lanes;
    if constexpr (kHasHalf<Arch>) {
      if (columns - j <= lanes / 2) {
        pack_turned<Half<Arch>>(out + j, width, b + j * b_col, b_col, k, columns - j);
        j -= lanes;
      }
    }
    for (; j >= 0; j -= lanes) {
      pack_turned<Arch>(out + j, width, b + j * b_col, b_col, k, columns - j);
    }
  } else {
    for (std::int64_t p = 0; p < k; ++p) {
      for (std::int64_t j = 0; j < width; ++j) {
        out[j] = j < columns ? b[j * b_col] : T(0);
      }
      b += b_row;
      out += width;
    }
  }
}

/// Packs `rows` rows of `k` columns of A, which does not run across k, into out[p * rows + i].
/// Writes whole registers, so up to one register behind the last column.
template <class Arch, class T>
void pack_a(T* out, const T* a, std::int64_t a_row, std::int64_t a_col, std::int64_t k,
            std::int64_t rows) {
  using Batch = xsimd::batch<T, Arch>;
  constexpr std::int64_t lanes = static_cast<std::int64_t>(Batch::size);
  if (a_col != 1) {
    for (std::int64_t p = 0; p < k; ++p) {
      for (std::int64_t i = 0; i < rows; ++i) out[p * rows + i] = a[i * a_row + p * a_col];
    }
    return;
  }
  // A store of the last rows of step p runs into the first rows of step p + 1, which are written
  // later: rows from the back to the front, steps from the front to the back.
  for (std::int64_t i = (rows - 1) / lanes * lanes; i >= 0; i -= lanes) {
    const std::int64_t count = rows - i < lanes ? rows - i : lanes;
    for (std::int64_t p = 0; p < k; p += lanes) {
      const std::int64_t valid = k - p < lanes ? k - p : lanes;
      Batch square[lanes];
      load_transposed<Arch>(square, a + i * a_row + p, a_row, count, valid);
#pragma GCC unroll 16
      for (std::int64_t q = 0; q < lanes; ++q) {
        if (q < valid) square[q].store_unaligned(out + (p + q) * rows + i);
      }
    }
  }
}

}  // namespace heed::simd
