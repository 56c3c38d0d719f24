#include "core/storage.h"

#include <new>

#include "core/memory.h"

namespace heed {

Ref<Storage> Storage::allocate(std::size_t bytes) {
  if (bytes > SIZE_MAX / 2) throw std::bad_alloc();
  void* block = detail::allocate(sizeof(Storage) + bytes);
  return Ref<Storage>::adopt(new (block)
                                 Storage(static_cast<std::byte*>(block) + sizeof(Storage), bytes));
}

Ref<Storage> Storage::external(void* data, std::size_t bytes, void (*free_external)(void*) noexcept,
                               void* context) {
  void* block = detail::allocate(sizeof(Storage));
  auto* storage = new (block) Storage(static_cast<std::byte*>(data), bytes);
  storage->free_external = free_external;
  storage->context = context;
  return Ref<Storage>::adopt(storage);
}

void Storage::destroy(Storage* storage) noexcept {
  if (storage->free_external) {
    storage->free_external(storage->context);
    detail::deallocate(storage, sizeof(Storage));
  } else {
    detail::deallocate(storage, sizeof(Storage) + storage->bytes);
  }
}

}  // namespace heed
