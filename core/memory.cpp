#include "core/memory.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <mutex>
#include <new>
#include <string>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "core/error.h"

#if defined(__SANITIZE_ADDRESS__)
#define HEED_NO_CACHE 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HEED_NO_CACHE 1
#endif
#endif

namespace heed {

namespace detail {

// Blocks of this size and more are asked for in pages of 2 MiB: walking one in pages of 4 KiB costs
// a look-up of its address every 64 lines (adding two tensors of 9 MiB: 1.7 times as long).
[[maybe_unused]] constexpr std::size_t kHugePage = std::size_t{2} << 20;

void* system_block(std::size_t bytes) {
#if defined(MADV_HUGEPAGE) && !defined(HEED_NO_CACHE)
  if (bytes >= kHugePage) {
    // (aligned_alloc is for sizes that are multiples of the alignment.)
    void* block = nullptr;
    if (posix_memalign(&block, kHugePage, bytes) != 0) return nullptr;
    madvise(block, bytes, MADV_HUGEPAGE);  // a wish: small pages do as well
    return block;
  }
#endif
  return std::aligned_alloc(64, bytes);
}

}  // namespace detail

namespace {

// Size classes: multiples of 64 up to 1 KiB, then eight steps a doubling (at most 1/8 unused).
constexpr std::size_t kSmall = 1024;
constexpr std::size_t kLargest = std::size_t{1} << 40;  // beyond: straight from the system
constexpr std::size_t kClasses = 16 + 8 * 30;

struct SizeClass {
  std::size_t index, bytes;
};

SizeClass size_class(std::size_t bytes) {
  if (bytes <= kSmall) {
    const std::size_t index = bytes ? (bytes - 1) / 64 : 0;
    return {index, (index + 1) * 64};
  }
  const auto log = static_cast<std::size_t>(std::bit_width(bytes - 1) - 1);  // 2^log < bytes
  const std::size_t step = std::size_t{1} << (log - 3);
  const std::size_t eighths = (bytes - 1 - (std::size_t{1} << log)) / step;
  return {16 + (log - 10) * 8 + eighths, (std::size_t{1} << log) + (eighths + 1) * step};
}

struct Block {
  Block* next;
};

// Written by one thread only, read by memory_stats() from any.
struct Counter {
  std::atomic<std::int64_t> value{0};
  void add(std::int64_t n) {
    value.store(value.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  std::int64_t get() const { return value.load(std::memory_order_relaxed); }
};

struct ThreadCache {
  std::array<Block*, kClasses> free{};
  Counter in_use, cached, requests, hits;
  ThreadCache* next = nullptr;  // in the registry
  bool registered = false;
  bool closed = false;  // the thread is ending: what is freed now goes straight to the system
};

constinit thread_local ThreadCache cache;
constinit thread_local std::int64_t fail_at = 0;

struct Registry {
  std::mutex mutex;
  ThreadCache* threads = nullptr;
  std::int64_t ended_in_use = 0, ended_requests = 0, ended_hits = 0;
};

Registry& registry() {
  static auto* instance = new Registry;  // outlives every thread
  return *instance;
}

std::atomic<std::int64_t> reserved{0}, peak_reserved{0};

[[maybe_unused]] std::int64_t cache_limit() {
  static const std::int64_t limit = [] {
    const char* text = std::getenv("HEED_CACHE_LIMIT");
    if (!text || !*text) return std::int64_t{1} << 30;
    char* end = nullptr;
    const long long value = std::strtoll(text, &end, 10);
    return *end || value < 0 ? std::int64_t{1} << 30 : static_cast<std::int64_t>(value);
  }();
  return limit;
}

void* from_system(std::size_t bytes) {
  void* block = detail::system_block(bytes);
  if (!block) {
    empty_cache();
    block = detail::system_block(bytes);
    if (!block) throw std::bad_alloc();
  }
  const auto size = static_cast<std::int64_t>(bytes);
  const std::int64_t now = reserved.fetch_add(size, std::memory_order_relaxed) + size;
  std::int64_t peak = peak_reserved.load(std::memory_order_relaxed);
  while (now > peak && !peak_reserved.compare_exchange_weak(peak, now)) {
  }
  return block;
}

void to_system(void* block, std::size_t bytes) noexcept {
  reserved.fetch_sub(static_cast<std::int64_t>(bytes), std::memory_order_relaxed);
  std::free(block);
}

void release_all(ThreadCache& mine) noexcept {
  for (Block*& head : mine.free) {
    while (head) {
      Block* block = head;
      head = block->next;
      const auto index = static_cast<std::size_t>(&head - mine.free.data());
      const std::size_t bytes =
          index < 16 ? (index + 1) * 64
                     : (std::size_t{1} << ((index - 16) / 8 + 10)) / 8 * ((index - 16) % 8 + 9);
      mine.cached.add(-static_cast<std::int64_t>(bytes));
      to_system(block, bytes);
    }
  }
}

// Ends with its thread.
struct Farewell {
  ~Farewell() {
    release_all(cache);
    Registry& all = registry();
    const std::lock_guard lock(all.mutex);
    for (ThreadCache** at = &all.threads; *at; at = &(*at)->next) {
      if (*at == &cache) {
        *at = cache.next;
        break;
      }
    }
    all.ended_in_use += cache.in_use.get();
    all.ended_requests += cache.requests.get();
    all.ended_hits += cache.hits.get();
    cache.closed = true;
  }
};

[[gnu::noinline]] void enter_registry() {
  thread_local Farewell farewell;
  static_cast<void>(farewell);
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  cache.next = all.threads;
  all.threads = &cache;
  cache.registered = true;
}

}  // namespace

namespace detail {

void* allocate(std::size_t bytes) {
  if (fail_at != 0 && --fail_at == 0) throw std::bad_alloc();
  if (!cache.registered) [[unlikely]]
    enter_registry();
  if (bytes > kLargest) throw std::bad_alloc();
  const SizeClass size = size_class(bytes);
  cache.requests.add(1);
  Block*& head = cache.free[size.index];
  if (head) {
    Block* block = head;
    head = block->next;
    cache.hits.add(1);
    cache.cached.add(-static_cast<std::int64_t>(size.bytes));
    cache.in_use.add(static_cast<std::int64_t>(size.bytes));
    return block;
  }
  void* block = from_system(size.bytes);
  cache.in_use.add(static_cast<std::int64_t>(size.bytes));
  return block;
}

void deallocate(void* block, std::size_t bytes) noexcept {
  const SizeClass size = size_class(bytes);
  const auto signed_bytes = static_cast<std::int64_t>(size.bytes);
  if (cache.closed) {
    Registry& all = registry();
    const std::lock_guard lock(all.mutex);
    all.ended_in_use -= signed_bytes;
    to_system(block, size.bytes);
    return;
  }
  if (!cache.registered) [[unlikely]]
    enter_registry();
  cache.in_use.add(-signed_bytes);
#if defined(HEED_NO_CACHE)
  to_system(block, size.bytes);
#else
  if (cache.cached.get() + signed_bytes > cache_limit()) return to_system(block, size.bytes);
  auto* freed = static_cast<Block*>(block);
  Block*& head = cache.free[size.index];
  freed->next = head;
  head = freed;
  cache.cached.add(signed_bytes);
#endif
}

void fail_allocation(std::int64_t n) { fail_at = n; }

}  // namespace detail

MemoryStats memory_stats() {
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  MemoryStats stats{};
  stats.allocated_bytes = all.ended_in_use;
  stats.allocations = all.ended_requests;
  stats.cache_hits = all.ended_hits;
  for (const ThreadCache* thread = all.threads; thread; thread = thread->next) {
    stats.allocated_bytes += thread->in_use.get();
    stats.cached_bytes += thread->cached.get();
    stats.allocations += thread->requests.get();
    stats.cache_hits += thread->hits.get();
  }
  stats.reserved_bytes = reserved.load(std::memory_order_relaxed);
  stats.peak_reserved_bytes = peak_reserved.load(std::memory_order_relaxed);
  return stats;
}

void empty_cache() { release_all(cache); }

}  // namespace heed
