#include "core/storage.h"

namespace heed {

Ref<Storage> Storage::external(void* data, std::size_t bytes, void (*free_external)(void*) noexcept,
                               void* context) {
  void* block = detail::allocate(sizeof(Storage));
  auto* storage = new (block) Storage(static_cast<std::byte*>(data), bytes, sizeof(Storage));
  storage->free_external = free_external;
  storage->context = context;
  return Ref<Storage>::adopt(storage);
}

}  // namespace heed
