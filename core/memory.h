// The caching allocator under tensors, storages and graph nodes.
//
// A training step asks for the same sizes over and over. Freed blocks are kept in free lists, one a
// size class, that belong to the thread (no lock), so that most requests are a pop from a list, and
// a large result does not pay a page fault every 4 KiB. What a thread keeps is capped
// (HEED_CACHE_LIMIT, bytes; 1 GiB by default); a thread that ends gives everything back. Under
// AddressSanitizer the allocator steps aside, so that overruns and uses after free are seen.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/thread_cache.h"

namespace heed {

/// Bytes at this moment, over all threads.
struct MemoryStats {
  std::int64_t allocated_bytes;      ///< in use by tensors and the graph
  std::int64_t cached_bytes;         ///< kept in free lists for reuse
  std::int64_t reserved_bytes;       ///< taken from the system: allocated + cached
  std::int64_t peak_reserved_bytes;  ///< the largest reserved_bytes so far
  std::int64_t allocations;          ///< requests so far
  std::int64_t cache_hits;           ///< of them, served from a free list
};

MemoryStats memory_stats();

/// Gives the calling thread's cached blocks back to the system.
void empty_cache();

namespace detail {
/// `bytes` from the system, 64-byte aligned, in large pages where that is worth it; null when there
/// is no more. For std::free.
void* system_block(std::size_t bytes);

/// For tests: the n-th allocation of the calling thread from now fails with std::bad_alloc
/// (1: the next); 0: none does.
void fail_allocation(std::int64_t n);

}  // namespace detail
}  // namespace heed
