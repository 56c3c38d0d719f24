#include "core/memory.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <new>
#include <thread>
#include <vector>

#include "heed.h"

using namespace heed;
using heed::detail::allocate;
using heed::detail::deallocate;

TEST_CASE("blocks are aligned, writable to their end and apart from one another") {
  std::vector<std::pair<unsigned char*, std::size_t>> blocks;
  for (std::size_t bytes : {0u, 1u, 63u, 64u, 65u, 1000u, 1024u, 1025u, 5000u, 70000u, 3000000u}) {
    auto* block = static_cast<unsigned char*>(allocate(bytes));
    CHECK(reinterpret_cast<std::uintptr_t>(block) % 64 == 0);
    std::memset(block, static_cast<int>(blocks.size()), bytes);
    blocks.emplace_back(block, bytes);
  }
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const auto* bytes = blocks[i].first;
    CHECK(std::all_of(bytes, bytes + blocks[i].second, [i](unsigned char b) { return b == i; }));
    deallocate(blocks[i].first, blocks[i].second);
  }
}

TEST_CASE("statistics follow what is in use, also across threads") {
  const MemoryStats before = memory_stats();
  void* block = allocate(100000);
  CHECK(memory_stats().allocated_bytes >= before.allocated_bytes + 100000);
  CHECK(memory_stats().allocations == before.allocations + 1);
  std::thread([block] { deallocate(block, 100000); }).join();
  CHECK(memory_stats().allocated_bytes == before.allocated_bytes);
  void* other = nullptr;
  std::thread([&other] { other = allocate(100); }).join();
  CHECK(memory_stats().allocated_bytes > before.allocated_bytes);
  deallocate(other, 100);
  CHECK(memory_stats().allocated_bytes == before.allocated_bytes);
  CHECK(memory_stats().peak_reserved_bytes >= memory_stats().reserved_bytes);
}

TEST_CASE("a freed block serves the next request of its size, until the cache is emptied") {
  void* block = allocate(12345);
  deallocate(block, 12345);
  if (memory_stats().cached_bytes == 0) return;  // under AddressSanitizer nothing is kept
  const MemoryStats before = memory_stats();
  void* again = allocate(12345);
  CHECK(again == block);
  CHECK(memory_stats().cache_hits == before.cache_hits + 1);
  deallocate(again, 12345);
  empty_cache();
  CHECK(memory_stats().cached_bytes < before.cached_bytes);
}

TEST_CASE("the n-th allocation can be made to fail") {
  heed::detail::fail_allocation(2);
  void* first = allocate(10);
  CHECK_THROWS_AS(allocate(10), std::bad_alloc);
  void* third = allocate(10);
  deallocate(first, 10);
  deallocate(third, 10);
}

TEST_CASE("what no machine has is refused with bad_alloc") {
  CHECK_THROWS_AS(allocate(std::size_t{1} << 62), std::bad_alloc);
  CHECK_THROWS_AS(Storage::allocate(SIZE_MAX - 10), std::bad_alloc);
}

TEST_CASE("memory of somebody else is handed back when the last owner leaves") {
  int freed = 0;
  char bytes[64];
  {
    const auto storage = Storage::external(
        bytes, sizeof bytes, [](void* context) noexcept { ++*static_cast<int*>(context); }, &freed);
    const auto second = storage;
    CHECK(storage->data == reinterpret_cast<std::byte*>(bytes));
    CHECK(freed == 0);
  }
  CHECK(freed == 1);
}

TEST_CASE("a new tensor is one block, which its views keep and the last of them gives back") {
  const MemoryStats before = memory_stats();
  for (const Dims& sizes : {Dims{}, Dims{0}, Dims{4, 4}, Dims{64, 64}, Dims{700, 900}}) {
    Tensor view;
    {
      const std::int64_t requests = memory_stats().allocations;
      const Tensor x = full(sizes, 3.0);
      CHECK(memory_stats().allocations == requests + 1);
      CHECK(reinterpret_cast<std::uintptr_t>(x.data<float>()) % 64 == 0);
      view = x.flatten();
    }
    CHECK(view.eq(3.0).all().item<bool>());
    view = {};
    CHECK(memory_stats().allocated_bytes == before.allocated_bytes);
  }
}

TEST_CASE("a tensor with a graph, a gradient, hooks and views gives back all it had") {
  const std::int64_t before = memory_stats().allocated_bytes;
  int calls = 0;
  {
    const Tensor w = ones({3, 3}, {.requires_grad = true});
    w.register_hook([&](const Tensor&) {
      ++calls;
      return Tensor();
    });
    Tensor y = w.mm(w).narrow(0, 1, 2);
    y.retain_grad();
    y.sum().backward();
    CHECK(w.grad().defined());
    CHECK(y.grad().defined());
    Tensor buffer = zeros({4, 4});
    Tensor row = buffer[1];
    row.add_(w[0].sum());
    buffer = {};
    CHECK(row.requires_grad());
  }
  CHECK(calls == 1);
  CHECK(memory_stats().allocated_bytes == before);
}
