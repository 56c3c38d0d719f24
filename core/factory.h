// Tensors from nothing: given values, constants, ranges, random numbers.
#pragma once

#include <initializer_list>
#include <memory>
#include <type_traits>
#include <vector>

#include "core/tensor.h"

namespace heed {

/// Values in nested braces of any depth: 1.5f, {1, 2}, {{1, 2}, {3, 4}}.
class NestedValues {
 public:
  template <class T>
  requires std::is_arithmetic_v<T> NestedValues(T value)
      : dtype_(natural_dtype<T>()), value_(value) {}
  NestedValues(std::initializer_list<NestedValues> list) : list_(list), is_list_(true) {}

  bool is_list() const { return is_list_; }
  std::int64_t size() const { return static_cast<std::int64_t>(list_.size()); }
  const NestedValues& operator[](std::int64_t i) const { return list_.begin()[i]; }
  DType dtype() const { return dtype_; }
  Scalar value() const { return value_; }

 private:
  // As torch.tensor reads Python numbers: real ones are float32 unless told otherwise.
  template <class T>
  static constexpr DType natural_dtype() {
    if (std::is_same_v<T, bool>) return DType::Bool;
    return std::is_integral_v<T> ? DType::Int64 : DType::Float32;
  }

  std::initializer_list<NestedValues> list_;  // lives as long as the full expression
  bool is_list_ = false;
  DType dtype_ = DType::Bool;
  Scalar value_ = false;
};

/// tensor({{1.f, 2.f}, {3.f, 4.f}}). dtype: bool if all are bool, int64 if all are whole, else
/// float32. Error where rows differ in length.
Tensor tensor(const NestedValues& values, const TensorOptions& options = {});

/// A copy of contiguous memory holding elements of `dtype`.
Tensor tensor_from(const void* data, DType dtype, const Dims& sizes,
                   const TensorOptions& options = {});

/// The elements of a vector, as one dim or in the given shape. The dtype is that of T; integers of
/// any width become int64.
template <class T>
Tensor tensor(const std::vector<T>& values, const Dims& sizes, const TensorOptions& options = {}) {
  HEED_CHECK(checked_numel(sizes) == static_cast<std::int64_t>(values.size()), "shape '", sizes,
             "' is invalid for input of size ", values.size());
  if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double> ||
                std::is_same_v<T, std::int64_t>) {
    return tensor_from(values.data(), dtype_of<T>, sizes, options);
  } else {
    // What std::vector<bool> packs, and other integers, are first laid out as elements.
    static_assert(std::is_integral_v<T>, "the elements of a tensor are numbers");
    using Element = std::conditional_t<std::is_same_v<T, bool>, bool, std::int64_t>;
    const auto elements = std::make_unique<Element[]>(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) elements[i] = static_cast<Element>(values[i]);
    return tensor_from(elements.get(), dtype_of<Element>, sizes, options);
  }
}
template <class T>
Tensor tensor(const std::vector<T>& values, const TensorOptions& options = {}) {
  return tensor(values, Dims{static_cast<std::int64_t>(values.size())}, options);
}
/// A tensor on memory that the caller keeps alive for as long as the tensor or a view of it lives.
Tensor from_blob(void* data, const Dims& sizes, DType dtype);

Tensor empty(const Dims& sizes, const TensorOptions& options = {});  ///< uninitialised
Tensor zeros(const Dims& sizes, const TensorOptions& options = {});
Tensor ones(const Dims& sizes, const TensorOptions& options = {});
/// The value everywhere; dtype as the number's unless given.
Tensor full(const Dims& sizes, Scalar value, const TensorOptions& options = {});
/// Ones on the diagonal: (n, n) or (n, m).
Tensor eye(std::int64_t n, const TensorOptions& options = {});
Tensor eye(std::int64_t n, std::int64_t m, const TensorOptions& options = {});
/// start, start + step, … up to but not including end. int64 when all are whole, else float32.
Tensor arange(Scalar end, const TensorOptions& options = {});
Tensor arange(Scalar start, Scalar end, const TensorOptions& options = {});
Tensor arange(Scalar start, Scalar end, Scalar step, const TensorOptions& options = {});
/// steps values from start to end, both included.
Tensor linspace(double start, double end, std::int64_t steps, const TensorOptions& options = {});

Tensor empty_like(const Tensor& x, const TensorOptions& options = {});
Tensor zeros_like(const Tensor& x, const TensorOptions& options = {});
Tensor ones_like(const Tensor& x, const TensorOptions& options = {});
Tensor full_like(const Tensor& x, Scalar value, const TensorOptions& options = {});

// Random tensors: PyTorch's CPU sequences, bit for bit (random.h).

Tensor rand(const Dims& sizes, const TensorOptions& options = {});   ///< uniform in [0, 1)
Tensor randn(const Dims& sizes, const TensorOptions& options = {});  ///< normal(0, 1)
Tensor randint(std::int64_t low, std::int64_t high, const Dims& sizes,
               const TensorOptions& options = {});  ///< int64 in [low, high)
Tensor randint(std::int64_t high, const Dims& sizes, const TensorOptions& options = {});
Tensor randperm(std::int64_t n, const TensorOptions& options = {});  ///< 0 … n - 1, shuffled
Tensor rand_like(const Tensor& x, const TensorOptions& options = {});
Tensor randn_like(const Tensor& x, const TensorOptions& options = {});
/// 0 or 1 with the probability that each element gives.
Tensor bernoulli(const Tensor& probabilities, Generator* generator = nullptr);
/// Row-wise draws of indices by weight: (n) or (rows, n) → (samples) or (rows, samples).
Tensor multinomial(const Tensor& weights, std::int64_t num_samples, bool replacement = false,
                   Generator* generator = nullptr);

}  // namespace heed
