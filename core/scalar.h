// A number of any element type, as an argument.
#pragma once

#include <concepts>
#include <cstdint>
#include <type_traits>

#include "core/dtype.h"

namespace heed {

/// A C++ number that remembers whether it was whole, real or a truth value, so that an int64 tensor
/// times 2 stays int64 and times 2.5 becomes float32, as in PyTorch.
class Scalar {
 public:
  template <std::floating_point T>
  Scalar(T value) : real_(static_cast<double>(value)), kind_(Kind::Real) {}
  template <std::integral T>
  Scalar(T value)
      : whole_(static_cast<std::int64_t>(value)),
        kind_(std::is_same_v<T, bool> ? Kind::Bool : Kind::Whole) {}

  double to_double() const { return kind_ == Kind::Real ? real_ : static_cast<double>(whole_); }
  std::int64_t to_int64() const {
    return kind_ == Kind::Real ? static_cast<std::int64_t>(real_) : whole_;
  }
  template <class T>
  T to() const {
    if constexpr (std::is_same_v<T, bool>) {
      return kind_ == Kind::Real ? real_ != 0 : whole_ != 0;
    } else if constexpr (std::is_floating_point_v<T>) {
      return static_cast<T>(to_double());
    } else {
      return static_cast<T>(to_int64());
    }
  }

  bool is_real() const { return kind_ == Kind::Real; }
  /// The dtype of the result of a tensor of `dtype` combined with this number.
  DType promote_with(DType dtype) const {
    if (kind_ == Kind::Real) return is_floating_point(dtype) ? dtype : DType::Float32;
    if (kind_ == Kind::Whole && dtype == DType::Bool) return DType::Int64;
    return dtype;
  }

 private:
  enum class Kind : std::uint8_t { Real, Whole, Bool };
  union {
    double real_;
    std::int64_t whole_;
  };
  Kind kind_;
};

}  // namespace heed
