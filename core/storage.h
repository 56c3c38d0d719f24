// The bytes of tensors: a buffer shared by a tensor and its views, with a version counter.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "core/intrusive.h"

namespace heed {

/// A 64-byte aligned buffer with an owner count. Header and bytes are one allocation; a buffer that
/// somebody else owns (a mapped file) comes with what to call at the end.
///
/// Version counters. Every in-place write through heed raises `version`. A tensor that backward
/// will need is saved together with the version it had; when the two differ at backward, the values
/// are not the ones that the forward saw and the gradient would be wrong, so reading it is an
/// error. The counter sits on the storage because all views share the bytes, hence also the writes.
struct alignas(64) Storage {
  RefCount refs;
  std::atomic<std::uint32_t> version{0};
  std::byte* data;
  std::size_t bytes;
  void (*free_external)(void* context) noexcept = nullptr;
  void* context = nullptr;

  /// Uninitialised bytes. Throws std::bad_alloc.
  static Ref<Storage> allocate(std::size_t bytes);
  /// Bytes owned elsewhere; free_external(context) is called when the last tensor lets go.
  static Ref<Storage> external(void* data, std::size_t bytes, void (*free_external)(void*) noexcept,
                               void* context);

  static void destroy(Storage* storage) noexcept;

 private:
  Storage(std::byte* data_, std::size_t bytes_) : data(data_), bytes(bytes_) {}
};

}  // namespace heed
