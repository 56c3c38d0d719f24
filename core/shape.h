// Sizes and strides of a tensor, held inline, and the arithmetic on them.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <ostream>
#include <vector>

#include "core/error.h"

namespace heed {

/// Any integer, but no bool.
template <class T>
concept DimNumber = std::integral<T> && !std::same_as<T, bool>;

/// Up to eight integers, one a dimension, without an allocation: sizes, strides or a list of dims.
class Dims {
 public:
  static constexpr std::int64_t kMax = 8;

  Dims() = default;
  Dims(const Dims& other) { copy(other); }
  Dims& operator=(const Dims& other) {
    copy(other);
    return *this;
  }
  Dims(std::initializer_list<std::int64_t> values) { assign(values.begin(), values.end()); }
  /// One: where PyTorch takes a dim or a list of them, so do we.
  template <DimNumber Number>
  Dims(Number value) : size_(1) {
    values_[0] = static_cast<std::int64_t>(value);
  }
  Dims(const std::vector<std::int64_t>& values) { assign(values.begin(), values.end()); }
  template <class Iterator>
  Dims(Iterator first, Iterator last) {
    assign(first, last);
  }
  /// `count` times the same value.
  static Dims filled(std::int64_t count, std::int64_t value) {
    Dims dims;
    for (std::int64_t i = 0; i < count; ++i) dims.push_back(value);
    return dims;
  }
  /// As many as the other has, yet to be set.
  static Dims like(const Dims& other) {
    Dims dims;
    dims.size_ = other.size_;
    return dims;
  }

  std::int64_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::int64_t operator[](std::int64_t i) const { return values_[static_cast<std::size_t>(i)]; }
  std::int64_t& operator[](std::int64_t i) { return values_[static_cast<std::size_t>(i)]; }
  std::int64_t back() const { return (*this)[size_ - 1]; }
  std::int64_t& back() { return (*this)[size_ - 1]; }
  const std::int64_t* begin() const { return values_.data(); }
  const std::int64_t* end() const { return values_.data() + size_; }
  std::int64_t* begin() { return values_.data(); }
  std::int64_t* end() { return values_.data() + size_; }

  void push_back(std::int64_t value) {
    HEED_CHECK(size_ < kMax, "a tensor has at most ", kMax, " dimensions");
    values_[static_cast<std::size_t>(size_++)] = value;
  }
  void pop_back() { --size_; }
  void insert(std::int64_t at, std::int64_t value) {
    push_back(value);
    std::rotate(begin() + at, end() - 1, end());
  }
  void erase(std::int64_t at) {
    std::copy(begin() + at + 1, end(), begin() + at);
    --size_;
  }
  bool contains(std::int64_t value) const { return std::find(begin(), end(), value) != end(); }

  friend bool operator==(const Dims& a, const Dims& b) {
    if (a.size_ != b.size_) return false;
    for (std::int64_t i = 0; i < a.size_; ++i) {  // a few: cheaper than a call of memcmp
      if (a[i] != b[i]) return false;
    }
    return true;
  }

 private:
  template <class Iterator>
  void assign(Iterator first, Iterator last) {
    HEED_CHECK(last - first <= kMax, "a tensor has at most ", kMax, " dimensions");
    size_ = last - first;
    for (std::size_t i = 0; first != last; ++first) {
      values_[i++] = static_cast<std::int64_t>(*first);
    }
  }

  // As many as there are. (A loop would become a call of memcpy; most have one to four.)
  void copy(const Dims& other) {
    const auto count = static_cast<std::size_t>(size_ = other.size_);
    if (count == 0) return;
    values_[0] = other.values_[0];
    if (count == 1) return;
    values_[1] = other.values_[1];
    if (count == 2) return;
    values_[2] = other.values_[2];
    if (count == 3) return;
    for (std::size_t i = 3; i < count; ++i) values_[i] = other.values_[i];
  }

  std::array<std::int64_t, kMax> values_;  // the first size_ of them
  std::int64_t size_ = 0;
};

/// "[2, 3]": how sizes are written in messages.
std::ostream& operator<<(std::ostream& out, const Dims& dims);

/// Strides of a contiguous row-major tensor of these sizes.
inline Dims contiguous_strides(const Dims& sizes) {
  Dims strides = Dims::like(sizes);
  std::int64_t stride = 1;
  for (std::int64_t d = sizes.size() - 1; d >= 0; --d) {
    strides[d] = stride;
    stride *= std::max<std::int64_t>(sizes[d], 1);
  }
  return strides;
}

namespace detail {
[[noreturn]] void fail_sizes(const Dims& sizes);
}

/// The number of elements; an error where a size is negative or the product overflows int64.
inline std::int64_t checked_numel(const Dims& sizes) {
  std::int64_t numel = 1;
  // Strides of a tensor with a zero size are still products of the others: those must fit as well.
  std::int64_t extent = 1;
  for (const std::int64_t size : sizes) {
    if (size < 0 || __builtin_mul_overflow(extent, std::max<std::int64_t>(size, 1), &extent))
        [[unlikely]] {
      detail::fail_sizes(sizes);
    }
    numel *= size;
  }
  return numel;
}

/// True where elements follow one another in row-major order. Strides of size-1 dims do not matter.
bool is_contiguous(const Dims& sizes, const Dims& strides);

/// dim, or dim + ndim when negative. A scalar is treated as having one dimension, as PyTorch does.
/// Error: Dimension out of range (expected to be in range of [-2, 1], but got 2).
std::int64_t wrap_dim(std::int64_t dim, std::int64_t ndim);

/// The wrapped dims as a mask, bit d for dim d; an empty list means all. An error where one appears
/// twice.
std::uint32_t dim_mask(const Dims& dims, std::int64_t ndim);

/// The common shape of two by the broadcasting rules: aligned at the last dim, sizes equal or 1.
/// Error: The size of tensor a (4) must match the size of tensor b (5) at non-singleton
/// dimension 1.
Dims broadcast_shapes(const Dims& a, const Dims& b);

/// True where a tensor of sizes `from` can be expanded to `to`.
bool is_broadcastable_to(const Dims& from, const Dims& to);

/// Strides with which a tensor of (sizes, strides) is read as `to`: 0 along expanded dims.
Dims broadcast_strides(const Dims& sizes, const Dims& strides, const Dims& to);

}  // namespace heed
