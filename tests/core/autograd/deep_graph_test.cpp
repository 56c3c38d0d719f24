// Graphs deeper than any stack: built, walked and freed in a thread that has 256 KiB of it.
#include <doctest/doctest.h>
#include <pthread.h>

#include <exception>
#include <functional>
#include <string>

#include "core/factory.h"
#include "core/ops/ops.h"

using namespace heed;

namespace {

void in_small_thread(std::function<void()> work) {
  struct Call {
    std::function<void()> work;
    std::string error;
  } call{std::move(work), {}};
  pthread_attr_t attributes;
  REQUIRE(pthread_attr_init(&attributes) == 0);
  REQUIRE(pthread_attr_setstacksize(&attributes, 256 * 1024) == 0);
  pthread_t thread;
  const auto body = [](void* argument) -> void* {
    auto* mine = static_cast<Call*>(argument);
    try {
      mine->work();
    } catch (const std::exception& error) {
      mine->error = error.what();
    }
    return nullptr;
  };
  REQUIRE(pthread_create(&thread, &attributes, body, &call) == 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
  CHECK(call.error.empty());
  INFO(call.error);
}

constexpr int kDepth = 1000000;

}  // namespace

TEST_CASE("a chain of a million operations runs backward and is freed in 256 KiB of stack") {
  double gradient = 0;
  in_small_thread([&] {
    const Tensor x = ones({1}, {.requires_grad = true});
    Tensor y = x;
    for (int i = 0; i < kDepth; ++i) y = y + 1;
    y.backward();
    gradient = x.grad().item();
  });
  CHECK(gradient == 1);
}

TEST_CASE("a chain of a million saved tensors is freed without backward and with it") {
  double gradient = 0;
  in_small_thread([&] {
    const Tensor x = ones({1}, {.dtype = float64, .requires_grad = true});
    const auto chain = [&] {
      Tensor y = x;
      for (int i = 0; i < kDepth / 2; ++i) y = heed::exp(y * x) / 2.718281828459045;
      return y;
    };
    chain();
    const Tensor y = chain();
    y.backward({}, true);
    gradient = x.grad().item();
  });
  CHECK(gradient > 0);
}

TEST_CASE("a deep chain of views and writes in place is freed in 256 KiB of stack") {
  double total = 0;
  in_small_thread([&] {
    const Tensor x = ones({2}, {.requires_grad = true});
    const Tensor y = x * 1;
    for (int i = 0; i < 20000; ++i) y.select(0, i % 2).mul_(1.0001);
    sum(y).backward();
    total = sum(x.grad()).item();
  });
  CHECK(total > 2);
}

TEST_CASE("a deep graph with a branch at every step visits each node once") {
  double gradient = 0;
  in_small_thread([&] {
    const Tensor x = ones({1}, {.dtype = float64, .requires_grad = true});
    Tensor y = x;
    // Every step uses the one before it twice: walked path by path this would never end.
    for (int i = 0; i < 100000; ++i) y = (y + y) / 2;
    y.backward();
    gradient = x.grad().item();
  });
  CHECK(gradient == 1);
}
