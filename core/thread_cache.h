// The free lists of a thread, and the usual case of a request: a small block from a list, in a
// dozen instructions, inside its caller. The rest of the allocator is in memory.cpp.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace heed::detail {

// Blocks of up to 64, 128, … 8192 bytes; larger classes follow.
inline constexpr std::size_t kSmallClasses = 128;
inline constexpr std::size_t kClasses = kSmallClasses + 8 * 27;

struct Block {
  Block* next;
};

// Written by one thread only, read by memory_stats() from any.
struct Counter {
  std::atomic<std::int64_t> value{0};
  void set(std::int64_t n) { value.store(n, std::memory_order_relaxed); }
  void add(std::int64_t n) { set(get() + n); }
  std::int64_t get() const { return value.load(std::memory_order_relaxed); }
};

struct ThreadCache {
  std::array<Block*, kClasses> free{};
  Counter cached, requests, misses;
  // What may lie in the lists, bytes; -1 before the thread is in the registry, after it has ended
  // (what is freed then goes straight to the system), and where nothing is cached at all.
  std::int64_t keep = -1;
  std::size_t fast_classes = kSmallClasses;  // 0 while an allocation is to fail
  ThreadCache* next = nullptr;               // in the registry
  bool registered = false;

  void* pop(std::size_t index, std::size_t bytes) {
    Block* block = free[index];
    free[index] = block->next;
    cached.add(-static_cast<std::int64_t>(bytes));
    return block;
  }
  void push(void* block, std::size_t index, std::size_t bytes) {
    auto* freed = static_cast<Block*>(block);
    freed->next = free[index];
    free[index] = freed;
    cached.add(static_cast<std::int64_t>(bytes));
  }
};

extern constinit thread_local ThreadCache cache;

void* allocate_otherwise(std::size_t bytes);
void deallocate_otherwise(void* block, std::size_t bytes) noexcept;

/// A small block from the lists, or null: then allocate() may still have one.
[[gnu::always_inline]] inline void* try_allocate(std::size_t bytes) noexcept {
  const std::size_t index = (bytes - 1) / 64;
  ThreadCache& mine = cache;
  if (index >= mine.fast_classes || !mine.free[index]) [[unlikely]]
    return nullptr;
  mine.requests.add(1);
  return mine.pop(index, (index + 1) * 64);
}

/// At least `bytes` of memory, 64-byte aligned. Throws std::bad_alloc.
inline void* allocate(std::size_t bytes) {
  void* block = try_allocate(bytes);
  return block ? block : allocate_otherwise(bytes);
}

/// Takes back a block of allocate(bytes), from any thread.
inline void deallocate(void* block, std::size_t bytes) noexcept {
  const std::size_t index = (bytes - 1) / 64, size = (index + 1) * 64;
  ThreadCache& mine = cache;
  if (index >= kSmallClasses || mine.cached.get() + static_cast<std::int64_t>(size) > mine.keep)
      [[unlikely]] {
    return deallocate_otherwise(block, bytes);
  }
  mine.push(block, index, size);
}

}  // namespace heed::detail
