#include "support/failing_new.h"

#include <doctest/doctest.h>

#include <bit>
#include <cstdlib>
#include <new>
#include <string>
#include <utility>

#include "core/autograd/grad_mode.h"
#include "core/memory.h"

namespace {
constinit thread_local std::int64_t new_fails_at = 0, live = 0;
}

void* operator new(std::size_t bytes) {
  if (new_fails_at != 0 && --new_fails_at == 0) throw std::bad_alloc();
  if (void* block = std::malloc(bytes ? bytes : 1)) return ++live, block;
  throw std::bad_alloc();
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  if (new_fails_at != 0 && --new_fails_at == 0) return nullptr;
  void* block = std::malloc(bytes ? bytes : 1);
  live += block != nullptr;
  return block;
}
void operator delete(void* block) noexcept {
  live -= block != nullptr;
  std::free(block);
}
// The others as well, or a sanitizer's own would meet the delete above.
void* operator new[](std::size_t bytes) { return operator new(bytes); }
void* operator new[](std::size_t bytes, const std::nothrow_t& tag) noexcept {
  return operator new(bytes, tag);
}
void operator delete(void* block, std::size_t) noexcept { operator delete(block); }
void operator delete[](void* block) noexcept { operator delete(block); }
void operator delete[](void* block, std::size_t) noexcept { operator delete(block); }

namespace heed::test {

namespace {

bool same_bits(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

/// Lets request n of an action fail. `arm(n)` does so and tells of the last arming whether it did.
struct Attempt {
  const char* name;
  const char* source;
  bool (*arm)(std::int64_t);
  double expected;

  /// Whether there were so many requests.
  bool run(const Action& action, std::int64_t n) const {
    std::string where = std::string(name) + ", " + source + " " + std::to_string(n);
    bool failed = false, reached = false;
    double value = 0;
    arm(n);
    try {
      value = action();
      reached = arm(0);
    } catch (const std::bad_alloc&) {
      reached = arm(0);
      failed = true;
    } catch (const std::exception& error) {
      reached = arm(0);
      failed = true;
      const std::string text = error.what();
      if (text.find("there is no memory for") == std::string::npos) {
        FAIL_CHECK(where << ": " << text);
      }
    }
    REQUIRE(grad_enabled());
    if (failed) {
      where += ", done again";
      value = action();
    }
    REQUIRE_MESSAGE(same_bits(value, expected),
                    where << ": " << value << " instead of " << expected);
    return reached;
  }
};

/// Returns how many requests there were.
std::int64_t sweep(const char* name, const char* source, const std::function<Action()>& make,
                   bool (*arm)(std::int64_t)) {
  Attempt attempt{name, source, arm, make()()};
  for (std::int64_t n = 1;; ++n) {
    REQUIRE(n < 1'000'000);
    // A thread keeps some blocks for its next graph: what leaks does so each time.
    for (int again = 0;; ++again) {
      const std::int64_t news = live, bytes = memory_stats().allocated_bytes;
      if (!attempt.run(make(), n)) return n - 1;
      const std::int64_t leak = memory_stats().allocated_bytes - bytes;
      REQUIRE_MESSAGE(leak == 0, name << ": " << leak << " bytes leak at " << source << " " << n);
      if (live == news) break;
      REQUIRE_MESSAGE(again < 10, name << ": operator new leaks at " << source << " " << n);
    }
  }
}

}  // namespace

std::int64_t fail_each_allocation(const std::string& name, const std::function<Action()>& make) {
  static constinit thread_local std::int64_t armed_at = 0, requests_before = 0;
  return sweep(name.c_str(), "operator new", make,
               [](std::int64_t n) { return std::exchange(new_fails_at, n) == 0; }) +
         sweep(name.c_str(), "allocation", make, [](std::int64_t n) {
           const std::int64_t now = memory_stats().allocations;
           const bool failed = armed_at != 0 && now - requests_before >= armed_at - 1;
           requests_before = now;
           armed_at = n;
           detail::fail_allocation(n);
           return failed;
         });
}

}  // namespace heed::test
