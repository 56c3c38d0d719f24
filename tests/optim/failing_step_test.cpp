// Memory that runs out within a training step: at each allocation in turn.
#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <new>
#include <vector>

#include "core/factory.h"
#include "core/memory.h"
#include "core/ops/ops.h"
#include "core/random.h"
#include "optim/optim.h"

using namespace heed;

namespace {

using Make = std::function<std::unique_ptr<optim::Optimizer>(std::vector<Tensor>)>;

// One step with the n-th allocation failing, for n = 1, 2, … until the step gets through. After
// each failure the gradients are computed anew and the step is made: it must work, and the end of
// it all must leave no byte behind.
void fail_each_in_turn(const Make& make) {
  const std::int64_t before = memory_stats().allocated_bytes;
  int failures = 0;
  for (std::int64_t n = 1;; ++n) {
    REQUIRE(n < 10000);
    bool failed = false;
    {
      Generator generator(3);
      const Tensor w = randn({5, 4}, {.requires_grad = true, .generator = &generator});
      const Tensor b = randn({5}, {.requires_grad = true, .generator = &generator});
      const Tensor x = randn({6, 4}, {.generator = &generator});
      const auto optimizer = make({w, b});
      const auto train = [&] {
        optimizer->zero_grad();
        mean(square(linear(x, w, b))).backward();
        optimizer->step();
      };
      detail::fail_allocation(n);
      try {
        train();
      } catch (const std::bad_alloc&) {
        failed = true;
      }
      detail::fail_allocation(0);
      failures += failed;
      train();
      REQUIRE(all(isfinite(w)).item<bool>());
      REQUIRE(all(isfinite(b)).item<bool>());
    }
    REQUIRE_MESSAGE(memory_stats().allocated_bytes == before, "leak at allocation ", n);
    if (!failed) break;
  }
  CHECK(failures > 5);
}

}  // namespace

TEST_CASE("when memory runs out anywhere in a step of SGD, nothing leaks and training goes on") {
  fail_each_in_turn([](std::vector<Tensor> params) {
    return std::make_unique<optim::SGD>(std::move(params),
                                        optim::SGDOptions{.lr = 0.1, .momentum = 0.9});
  });
}

TEST_CASE("when memory runs out anywhere in a step of Adam, nothing leaks and training goes on") {
  fail_each_in_turn([](std::vector<Tensor> params) {
    return std::make_unique<optim::Adam>(std::move(params),
                                         optim::AdamOptions{.lr = 0.01, .amsgrad = true});
  });
}
