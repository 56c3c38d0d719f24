#include "core/parallel.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/error.h"
#include "support/run_program.h"

namespace {

using heed::num_threads;
using heed::parallel_for;
using heed::set_num_threads;

struct Threads {
  int before = num_threads();
  explicit Threads(int n) { set_num_threads(n); }
  ~Threads() { set_num_threads(before); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;
};

std::set<std::pair<std::int64_t, std::int64_t>> chunks_of(std::int64_t begin, std::int64_t end,
                                                          std::int64_t grain) {
  std::mutex mutex;
  std::set<std::pair<std::int64_t, std::int64_t>> chunks;
  parallel_for(begin, end, grain, [&](std::int64_t b, std::int64_t e) {
    const std::lock_guard lock(mutex);
    CHECK(chunks.emplace(b, e).second);
  });
  return chunks;
}

TEST_CASE("a range is cut into the same chunks for any number of threads") {
  for (int threads : {1, 2, 7}) {
    const Threads guard(threads);
    CHECK(chunks_of(3, 3, 5).empty());
    CHECK(chunks_of(5, 3, 5).empty());
    CHECK(chunks_of(0, 5, 5) == std::set<std::pair<std::int64_t, std::int64_t>>{{0, 5}});
    CHECK(chunks_of(2, 15, 5) ==
          std::set<std::pair<std::int64_t, std::int64_t>>{{2, 7}, {7, 12}, {12, 15}});
    CHECK(chunks_of(0, 1000, 1).size() == 1000);
  }
}

TEST_CASE("chunks run on other threads too, and nested calls stay on theirs") {
  const Threads guard(4);
  std::mutex mutex;
  std::set<std::thread::id> ids;
  std::atomic<int> inside = 0;
  std::atomic<bool> strayed = false;
  parallel_for(0, 4, 1, [&](std::int64_t, std::int64_t) {
    const std::thread::id me = std::this_thread::get_id();
    {
      const std::lock_guard lock(mutex);
      ids.insert(me);
    }
    ++inside;  // wait for a second thread, for a second at most
    for (int i = 0; i < 1000 && inside < 2; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    parallel_for(0, 10, 1, [&](std::int64_t, std::int64_t) {
      if (std::this_thread::get_id() != me) strayed = true;
    });
  });
  CHECK(ids.size() >= 2);
  CHECK(!strayed);
}

TEST_CASE("the first chunk's exception comes out, after every chunk has run") {
  for (int threads : {1, 3}) {
    const Threads guard(threads);
    std::atomic<int> ran = 0;
    std::string what;
    try {
      parallel_for(0, 20, 1, [&](std::int64_t b, std::int64_t) {
        ++ran;
        if (b == 7 || b == 13) throw std::runtime_error(std::to_string(b));
      });
    } catch (const std::runtime_error& error) {
      what = error.what();
    }
    CHECK(what == "7");
    CHECK(ran == 20);
    CHECK(chunks_of(0, 100, 1).size() == 100);  // and the pool goes on
  }
}

TEST_CASE("several threads use the pool at once, each getting its own work done") {
  const Threads guard(3);
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&wrong] {
      for (int turn = 0; turn < 200; ++turn) {
        std::vector<int> hits(64);
        parallel_for(0, 64, 4, [&](std::int64_t b, std::int64_t e) {
          for (std::int64_t i = b; i < e; ++i) ++hits[static_cast<std::size_t>(i)];
        });
        for (int hit : hits) wrong += hit != 1;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
}

TEST_CASE("a thread that has done its own chunks does those of one that is held up") {
  const Threads guard(2);
  std::atomic<int> done = 0;
  bool others_done = false;
  parallel_for(0, 20, 1, [&](std::int64_t b, std::int64_t) {
    if (b > 0) {
      ++done;
      return;
    }
    for (int i = 0; i < 5000 && done < 19; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    others_done = done == 19;
  });
  CHECK(others_done);
}

TEST_CASE("loops near and far apart in time, of any size and for any threads, do each chunk once") {
  // Between two loops the workers are still looking for the next, about to sleep, or asleep.
  for (int turn = 0; turn < 300; ++turn) {
    const Threads guard(turn % 5 + 1);
    std::vector<int> hits(static_cast<std::size_t>(turn % 23 + 2));
    parallel_for(0, static_cast<std::int64_t>(hits.size()), 1,
                 [&](std::int64_t b, std::int64_t) { ++hits[static_cast<std::size_t>(b)]; });
    CHECK(std::all_of(hits.begin(), hits.end(), [](int hit) { return hit == 1; }));
    std::this_thread::sleep_for(std::chrono::microseconds(turn % 4 * 45));
  }
}

TEST_CASE("the child of a fork has a pool of its own") {
  const Threads guard(3);
  chunks_of(0, 8, 1);  // the parent's workers run
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    alarm(20);  // a child that hangs is a failure
    std::atomic<int> sum = 0;
    parallel_for(0, 100, 1, [&](std::int64_t b, std::int64_t) { sum += static_cast<int>(b); });
    _exit(sum == 4950 ? 0 : 1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}

TEST_CASE("the number of threads is from 1 to 1024") {
  CHECK_THROWS_WITH_AS(set_num_threads(0), "set_num_threads: expected 1 to 1024 threads, got 0.",
                       heed::Error);
  CHECK_THROWS_AS(set_num_threads(1025), heed::Error);
}

TEST_CASE("scratch memory is aligned, each slot and each thread has its own, and it may grow") {
  char* a = static_cast<char*>(heed::thread_scratch(2, 100));
  char* b = static_cast<char*>(heed::thread_scratch(3, 100));
  CHECK(reinterpret_cast<std::uintptr_t>(a) % 64 == 0);
  CHECK(reinterpret_cast<std::uintptr_t>(b) % 64 == 0);
  std::memset(a, 1, 100);
  std::memset(b, 2, 100);
  CHECK(a[99] == 1);
  CHECK(heed::thread_scratch(2, 50) == a);
  char* other = nullptr;
  std::thread([&other] {
    other = static_cast<char*>(heed::thread_scratch(2, 100));
    std::memset(other, 3, 100);
  }).join();
  CHECK(a[50] == 1);
  char* grown = static_cast<char*>(heed::thread_scratch(2, 1 << 20));
  CHECK(reinterpret_cast<std::uintptr_t>(grown) % 64 == 0);
  std::memset(grown, 4, 1 << 20);
  CHECK(b[99] == 2);
}

// Not a test: what the next one runs in a process of its own.
TEST_CASE("says how many threads there are" * doctest::skip()) {
  try {
    std::fprintf(stderr, "[%d]\n", num_threads());
  } catch (const heed::Error& error) {
    std::fprintf(stderr, "[%s]\n", error.what());
  }
}

TEST_CASE("HEED_NUM_THREADS sets the number of threads, and a wrong one is refused") {
  const auto with = [](const std::string& value) {
    return heed::test::run_program(heed::test::this_program(),
                                   {"--no-skip", "--test-case=says how many threads there are"},
                                   {.environment = {"HEED_NUM_THREADS=" + value}})
        .err;
  };
  CHECK(with("5").find("[5]") != std::string::npos);
  for (const char* wrong : {"0", "-1", "many", "3x", "1025", "99999999999999999999"}) {
    INFO("HEED_NUM_THREADS=" << std::string(wrong));
    CHECK(with(wrong).find("[HEED_NUM_THREADS=" + std::string(wrong) +
                           " is not a number from 1 to 1024.]") != std::string::npos);
  }
}

}  // namespace
