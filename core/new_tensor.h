// How a tensor of a few elements is made: header, TensorImpl and bytes in one block of the thread's
// free lists (storage.h), without a call. Results of small operations come by the thousand.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>

#include "core/autograd/node.h"  // of which a TensorImpl has one
#include "core/memory.h"
#include "core/tensor.h"

namespace heed {

inline TensorImpl::TensorImpl(const Dims& sizes_, const Dims& strides_, std::int64_t numel_,
                              DType dtype_, Storage* storage_, bool in_storage_) noexcept
    : in_storage(in_storage_),
      dtype(dtype_),
      numel(numel_),
      sizes(sizes_),
      strides(strides_),
      storage(Ref<Storage>::adopt(storage_)) {}

namespace detail {

/// Room for the TensorImpl ahead of the bytes of its storage.
inline constexpr std::size_t kRoom = (sizeof(TensorImpl) + 63) / 64 * 64;

/// The tensor whose header, room and `bytes` are a block of that size.
[[gnu::always_inline]] inline Tensor new_tensor(void* block, std::size_t bytes, const Dims& sizes,
                                                const Dims& strides, std::int64_t numel,
                                                DType dtype) noexcept {
  Storage* storage = Storage::begin(block, bytes, kRoom).leak();
  return Tensor(Ref<TensorImpl>::adopt(
      new (storage->room()) TensorImpl(sizes, strides, numel, dtype, storage, true)));
}

/// A block for a tensor of a few elements, and so many bytes, or null: then allocate() may still
/// have one.
[[gnu::always_inline]] inline void* try_block(std::int64_t numel, std::size_t bytes) {
  return numel > 4096 ? nullptr : try_allocate(sizeof(Storage) + kRoom + bytes);
}

/// make_tensor({rows, cols}, dtype).
Tensor make_matrix_otherwise(std::int64_t rows, std::int64_t cols, DType dtype);

/// The same, of sizes that are not negative. A part of its caller, which knows then where the bytes
/// are: a matrix made and freed is a third of the smallest products' time.
[[gnu::always_inline]] inline Tensor make_matrix(std::int64_t rows, std::int64_t cols,
                                                 DType dtype) {
  std::int64_t numel;
  if (__builtin_mul_overflow(rows, cols, &numel)) [[unlikely]]
    return make_matrix_otherwise(rows, cols, dtype);
  const std::size_t bytes = static_cast<std::size_t>(numel) * element_size(dtype);
  void* block = try_block(numel, bytes);
  if (!block) [[unlikely]]
    return make_matrix_otherwise(rows, cols, dtype);
  return new_tensor(block, bytes, {rows, cols}, {cols ? cols : 1, 1}, numel, dtype);
}

}  // namespace detail
}  // namespace heed
