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

#include "core/thread_cache.h"

#if defined(__SANITIZE_ADDRESS__)
#define HEED_NO_CACHE 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HEED_NO_CACHE 1
#endif
#endif

namespace heed {

using namespace detail;

namespace detail {

constinit thread_local ThreadCache cache;

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

// Size classes: multiples of 64 up to 8 KiB (the small ones), then eight steps a doubling (at most
// 1/8 unused).
constexpr std::size_t kSmallLog = 13, kSmall = std::size_t{1} << kSmallLog;
static_assert(kSmall == kSmallClasses * 64);
constexpr std::size_t kLargest = std::size_t{1} << 40;  // beyond: straight from the system

struct SizeClass {
  std::size_t index, bytes;
};

SizeClass size_class(std::size_t bytes) {
  if (bytes <= kSmall) {
    const std::size_t index = (bytes - (bytes != 0)) / 64;
    return {index, (index + 1) * 64};
  }
  if (bytes > kLargest) [[unlikely]]
    throw std::bad_alloc();
  const auto log = static_cast<std::size_t>(std::bit_width(bytes - 1) - 1);  // 2^log < bytes
  const std::size_t step = std::size_t{1} << (log - 3);
  const std::size_t eighths = (bytes - 1 - (std::size_t{1} << log)) / step;
  return {kSmallClasses + (log - kSmallLog) * 8 + eighths,
          (std::size_t{1} << log) + (eighths + 1) * step};
}

constinit thread_local std::int64_t fail_at = 0;

std::size_t class_bytes(std::size_t index) {
  if (index < kSmallClasses) return (index + 1) * 64;
  const std::size_t eighths = index - kSmallClasses;
  return (kSmall << eighths / 8) / 8 * (eighths % 8 + 9);
}

struct Registry {
  std::mutex mutex;
  ThreadCache* threads = nullptr;
  std::int64_t ended_requests = 0, ended_misses = 0;
};

Registry& registry() {
  static auto* instance = new Registry;  // outlives every thread
  return *instance;
}

std::atomic<std::int64_t> reserved{0}, peak_reserved{0};

std::int64_t cache_limit() {
#if defined(HEED_NO_CACHE)
  return -1;
#else
  static const std::int64_t limit = [] {
    const char* text = std::getenv("HEED_CACHE_LIMIT");
    if (!text || !*text) return std::int64_t{1} << 30;
    char* end = nullptr;
    const long long value = std::strtoll(text, &end, 10);
    return *end || value < 0 ? std::int64_t{1} << 30 : static_cast<std::int64_t>(value);
  }();
  return limit;
#endif
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
      const std::size_t bytes = class_bytes(index);
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
    all.ended_requests += cache.requests.get();
    all.ended_misses += cache.misses.get();
    cache.keep = -1;
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
  cache.keep = cache_limit();
}

[[gnu::noinline]] void* allocate_from_system(std::size_t bytes) {
  if (!cache.registered) enter_registry();
  cache.misses.add(1);
  return from_system(bytes);
}

[[gnu::noinline]] void deallocate_uncached(void* block, std::size_t bytes) noexcept {
  if (!cache.registered) {
    enter_registry();
    deallocate(block, bytes);
  } else {
    to_system(block, bytes);
  }
}

}  // namespace

namespace detail {

void* allocate_otherwise(std::size_t bytes) {
  if (fail_at != 0 && --fail_at == 0) {
    fail_allocation(0);
    throw std::bad_alloc();
  }
  const SizeClass size = size_class(bytes);
  cache.requests.add(1);
  if (!cache.free[size.index]) [[unlikely]]
    return allocate_from_system(size.bytes);
  return cache.pop(size.index, size.bytes);
}

void deallocate_otherwise(void* block, std::size_t bytes) noexcept {
  const SizeClass size = size_class(bytes);
  if (cache.cached.get() + static_cast<std::int64_t>(size.bytes) > cache.keep) [[unlikely]]
    return deallocate_uncached(block, size.bytes);
  cache.push(block, size.index, size.bytes);
}

void fail_allocation(std::int64_t n) {
  fail_at = n;
  cache.fast_classes = n == 0 ? kSmallClasses : 0;
}

}  // namespace detail

MemoryStats memory_stats() {
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  MemoryStats stats{};
  stats.allocations = all.ended_requests;
  std::int64_t misses = all.ended_misses;
  for (const ThreadCache* thread = all.threads; thread; thread = thread->next) {
    stats.cached_bytes += thread->cached.get();
    stats.allocations += thread->requests.get();
    misses += thread->misses.get();
  }
  stats.cache_hits = stats.allocations - misses;
  stats.reserved_bytes = reserved.load(std::memory_order_relaxed);
  stats.allocated_bytes = stats.reserved_bytes - stats.cached_bytes;
  stats.peak_reserved_bytes = peak_reserved.load(std::memory_order_relaxed);
  return stats;
}

void empty_cache() { release_all(cache); }

}  // namespace heed
