// The bytes of tensors: a buffer shared by a tensor and its views, with a version counter.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>

#include "core/intrusive.h"
#include "core/memory.h"

namespace heed {

/// A 64-byte aligned buffer with an owner count. Header and bytes are one allocation, and so is, in
/// the room between them, the TensorImpl for which they were made: a tensor costs one request of
/// the allocator. A view that outlives that tensor keeps the room, too. A buffer that somebody else
/// owns (a mapped file) comes with what to call at the end.
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
  std::size_t block;  // bytes of the allocation that begins with this header
  void (*free_external)(void* context) noexcept = nullptr;
  void* context;  // of free_external, if there is one

  /// Uninitialised bytes. Throws std::bad_alloc.
  static Ref<Storage> allocate(std::size_t bytes) {
    if (bytes > SIZE_MAX / 2) throw std::bad_alloc();
    return begin(detail::allocate(sizeof(Storage) + bytes), bytes, 0);
  }
  /// Begins a block of detail::allocate(sizeof(Storage) + room + bytes): header, room (a multiple
  /// of 64), bytes.
  static Ref<Storage> begin(void* block, std::size_t bytes, std::size_t room) noexcept {
    const std::size_t ahead = sizeof(Storage) + room;
    return Ref<Storage>::adopt(
        new (block) Storage(static_cast<std::byte*>(block) + ahead, bytes, ahead + bytes));
  }
  /// Bytes owned elsewhere; free_external(context) is called when the last tensor lets go.
  static Ref<Storage> external(void* data, std::size_t bytes, void (*free_external)(void*) noexcept,
                               void* context);

  /// Where the room begins.
  void* room() { return this + 1; }

  static void destroy(Storage* storage) noexcept {
    if (storage->free_external) [[unlikely]]
      storage->free_external(storage->context);
    detail::deallocate(storage, storage->block);
  }

 private:
  Storage(std::byte* data_, std::size_t bytes_, std::size_t block_)
      : data(data_), bytes(bytes_), block(block_) {}
};

}  // namespace heed
