// Memory that runs out in the middle of training: at each allocation in turn, once from heed's
// allocator and once from operator new. Nothing may leak, and what existed before stays usable.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <functional>
#include <new>

#include "core/autograd/engine.h"
#include "core/autograd/grad_mode.h"
#include "core/factory.h"
#include "core/memory.h"
#include "core/ops/ops.h"
#include "core/random.h"

namespace {
constinit thread_local std::int64_t new_fails_at = 0;
}

void* operator new(std::size_t bytes) {
  if (new_fails_at != 0 && --new_fails_at == 0) throw std::bad_alloc();
  if (void* block = std::malloc(bytes ? bytes : 1)) return block;
  throw std::bad_alloc();
}
// The others as well, or a sanitizer's own would meet the delete below.
void* operator new[](std::size_t bytes) { return operator new(bytes); }
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  if (new_fails_at != 0 && --new_fails_at == 0) return nullptr;
  return std::malloc(bytes ? bytes : 1);
}
void* operator new[](std::size_t bytes, const std::nothrow_t& tag) noexcept {
  return operator new(bytes, tag);
}
void operator delete[](void* block) noexcept { std::free(block); }
void operator delete[](void* block, std::size_t) noexcept { std::free(block); }
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }

using namespace heed;

namespace {

struct Model {
  Tensor w1, b1, w2, gain, shift, x;
  Tensor target = tensor({2, 0, 1, 1});

  Model() {
    Generator generator(5);
    const TensorOptions options{.requires_grad = true, .generator = &generator};
    w1 = randn({6, 5}, options);
    b1 = randn({6}, options);
    w2 = randn({3, 6}, options);
    gain = randn({6}, options);
    shift = randn({6}, options);
    x = randn({4, 5}, {.generator = &generator});
  }
  std::vector<Tensor> parameters() const { return {w1, b1, w2, gain, shift}; }

  Tensor loss() const {
    const Tensor hidden = gelu(linear(x, w1, b1));
    const Tensor normal = layer_norm(hidden, {6}, gain, shift);
    const Tensor parts =
        cat({normal.slice(1, 0, 3), normal.slice(1, 3, 6)}, 1).T().contiguous().T();
    const Tensor mixed = scaled_dot_product_attention(parts, parts, parts);
    Generator generator(1);
    const Tensor kept = dropout(mixed, 0.3, true, &generator) * 1;
    kept.add_(normal).mul_(0.5);
    const Tensor picked = kept.index_select(0, tensor({0, 1, 2, 3}));
    return cross_entropy(matmul(picked, w2.t()), target) + mean(square(hidden)) * 0.1;
  }
  void step() const {
    const NoGradGuard guard;
    for (const Tensor& p : parameters()) {
      if (p.grad().defined()) p.sub_(p.grad() * 0.01);
      p.set_grad({});
    }
  }
  double train_once() const {
    const Tensor y = loss();
    y.backward();
    const double value = y.item();
    step();
    return value;
  }
};

// Lets the n-th allocation fail, for n = 1, 2, … until the run gets through.
void fail_each_in_turn(const std::function<void(std::int64_t)>& arm) {
  const double expected = Model().train_once();  // also fills this thread's caches
  std::int64_t failures = 0;
  for (std::int64_t n = 1;; ++n) {
    REQUIRE(n < 100000);
    const std::int64_t before = memory_stats().allocated_bytes;
    bool failed = false;
    {
      const Model model;
      const std::int64_t with_model = memory_stats().allocated_bytes;
      arm(n);
      try {
        model.train_once();
      } catch (const std::bad_alloc&) {
        failed = true;
      }
      arm(0);
      REQUIRE(grad_enabled());
      if (failed) {
        ++failures;
        for (const Tensor& p : model.parameters()) p.set_grad({});
        REQUIRE_MESSAGE(memory_stats().allocated_bytes == with_model, "leak at allocation ", n);
        REQUIRE(std::isfinite(model.train_once()));
      }
    }
    REQUIRE_MESSAGE(memory_stats().allocated_bytes == before, "leak at allocation ", n);
    if (!failed) break;
  }
  CHECK(failures > 5);
  CHECK(Model().train_once() == expected);
}

}  // namespace

TEST_CASE("when heed's allocator runs dry at any point, nothing leaks and tensors stay usable") {
  fail_each_in_turn([](std::int64_t n) { heed::detail::fail_allocation(n); });
}

TEST_CASE("when operator new runs dry at any point, nothing leaks and tensors stay usable") {
  fail_each_in_turn([](std::int64_t n) { new_fails_at = n; });
}

TEST_CASE("a failed operation in place leaves the values as they were") {
  const Tensor x = ones({8}), y = full({8}, 2.0);
  for (std::int64_t n = 1; n < 5; ++n) {
    heed::detail::fail_allocation(n);
    try {
      x.add_(y.slice(0, 0, {}, 1));
    } catch (const std::bad_alloc&) {
      heed::detail::fail_allocation(0);
      CHECK(x[0].item() == x[7].item());
    }
    heed::detail::fail_allocation(0);
  }
}
