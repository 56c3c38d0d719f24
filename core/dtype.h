// The element types of a Tensor and their names.
#pragma once

#include <cstddef>
#include <cstdint>

namespace heed {

enum class DType : std::uint8_t { Float32, Float64, Int64, Bool };

inline constexpr DType float32 = DType::Float32;
inline constexpr DType float64 = DType::Float64;
inline constexpr DType int64 = DType::Int64;
inline constexpr DType boolean = DType::Bool;

/// Bytes of one element.
constexpr std::size_t element_size(DType dtype) {
  return dtype == DType::Bool ? 1 : dtype == DType::Float32 ? 4 : 8;
}

constexpr bool is_floating_point(DType dtype) { return dtype <= DType::Float64; }

/// "float32", "float64", "int64" or "bool": the name in messages and in printed tensors.
constexpr const char* dtype_name(DType dtype) {
  switch (dtype) {
    case DType::Float32: return "float32";
    case DType::Float64: return "float64";
    case DType::Int64: return "int64";
    case DType::Bool: return "bool";
  }
  return "?";
}

/// "Float", "Double", "Long" or "Bool": PyTorch's name of the scalar type in its error texts.
constexpr const char* scalar_type_name(DType dtype) {
  switch (dtype) {
    case DType::Float32: return "Float";
    case DType::Float64: return "Double";
    case DType::Int64: return "Long";
    case DType::Bool: return "Bool";
  }
  return "?";
}

/// The type that holds the result of combining two types: bool < int64 < float32 < float64.
constexpr DType promote(DType a, DType b) {
  if (a == b) return a;
  if (a == DType::Float64 || b == DType::Float64) return DType::Float64;
  if (a == DType::Float32 || b == DType::Float32) return DType::Float32;
  return DType::Int64;
}

template <class T>
struct DTypeOf;
template <>
struct DTypeOf<float> {
  static constexpr DType value = DType::Float32;
};
template <>
struct DTypeOf<double> {
  static constexpr DType value = DType::Float64;
};
template <>
struct DTypeOf<std::int64_t> {
  static constexpr DType value = DType::Int64;
};
template <>
struct DTypeOf<bool> {
  static constexpr DType value = DType::Bool;
};

/// The DType of a C++ element type: dtype_of<float> == float32.
template <class T>
inline constexpr DType dtype_of = DTypeOf<T>::value;

}  // namespace heed
