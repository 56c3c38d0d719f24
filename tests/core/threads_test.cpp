// The same bits for any number of threads and in every run; several threads that each train.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <thread>
#include <vector>

#include "core/autograd/grad_mode.h"
#include "core/factory.h"
#include "core/ops/ops.h"
#include "core/parallel.h"
#include "core/random.h"

using namespace heed;

namespace {

struct ThreadCount {
  explicit ThreadCount(int n) : before(num_threads()) { set_num_threads(n); }
  ~ThreadCount() { set_num_threads(before); }
  int before;
};

// Some steps of training a small network with attention; every value that comes out, in order.
std::vector<float> train(std::uint64_t seed, std::int64_t batch, std::int64_t width, int steps) {
  Generator generator(seed);
  const auto parameter = [&](const Dims& sizes) {
    const Tensor p = randn(sizes, {.generator = &generator}) * 0.1;
    return p.detach().requires_grad_();
  };
  const Tensor embedding_table = parameter({17, width}), wq = parameter({width, width}),
               wk = parameter({width, width}), wv = parameter({width, width}),
               up = parameter({2 * width, width}), up_bias = parameter({2 * width}),
               down = parameter({17, 2 * width}), gain = parameter({width}),
               shift = parameter({width});
  const std::vector<Tensor> parameters{embedding_table, wq, wk, wv, up, up_bias, down, gain, shift};
  const std::int64_t length = 16;
  const Tensor tokens = randint(17, {batch, length}, {.generator = &generator});
  const Tensor next = tokens.roll(-1, 1);
  std::vector<float> trace;
  for (int step = 0; step < steps; ++step) {
    const Tensor x = layer_norm(embedding(embedding_table, tokens), {width}, gain, shift);
    const auto heads = [&](const Tensor& w) {
      return linear(x, w).view({batch, length, 2, width / 2}).transpose(1, 2);
    };
    const Tensor seen =
        scaled_dot_product_attention(heads(wq), heads(wk), heads(wv), {.is_causal = true});
    const Tensor y = x + seen.transpose(1, 2).reshape({batch, length, width});
    const Tensor hidden = dropout(gelu(linear(y, up, up_bias)), 0.1, true, &generator);
    const Tensor logits = linear(hidden, down);
    const Tensor loss = cross_entropy(logits.flatten(0, 1), next.flatten()) +
                        mean(square(softmax(logits, -1).std(Dims{0}))) + sum(x) * 1e-4;
    loss.backward();
    trace.push_back(loss.item<float>());
    const NoGradGuard guard;
    for (const Tensor& p : parameters) {
      p.sub_(p.grad() * 0.1);
      p.set_grad({});
    }
  }
  for (const Tensor& p : parameters) {
    const auto values = p.detach().to_vector<float>();
    trace.insert(trace.end(), values.begin(), values.end());
  }
  return trace;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

}  // namespace

TEST_CASE("training gives the same bits with 1, 2 and 7 threads") {
  std::vector<float> expected;
  {
    const ThreadCount one(1);
    expected = train(3, 24, 64, 3);
  }
  for (const float value : expected) REQUIRE(std::isfinite(value));
  for (const int threads : {2, 7, 1}) {
    const ThreadCount count(threads);
    CHECK(same_bits(train(3, 24, 64, 3), expected));
  }
}

TEST_CASE("reductions and products over large tensors do not depend on the threads") {
  Generator generator(8);
  const Tensor a = randn({700, 300}, {.generator = &generator});
  const Tensor b = randn({300, 500}, {.generator = &generator});
  const auto results = [&] {
    std::vector<float> all;
    for (const Tensor& y : {sum(a), mean(a, 0), var(a, Dims{1}), logsumexp(a, {0}), softmax(a, 0),
                            matmul(a, b), norm(a), cumsum(a, 0), sum(heed::exp(a.t()))}) {
      const auto values = y.to_vector<float>();
      all.insert(all.end(), values.begin(), values.end());
    }
    return all;
  };
  std::vector<float> expected;
  {
    const ThreadCount one(1);
    expected = results();
  }
  for (const int threads : {2, 3, 7}) {
    const ThreadCount count(threads);
    CHECK(same_bits(results(), expected));
  }
}

TEST_CASE("a hundred runs of the same training give the same bits") {
  const ThreadCount two(2);
  const std::vector<float> expected = train(5, 6, 16, 2);
  for (int run = 0; run < 100; ++run) REQUIRE(same_bits(train(5, 6, 16, 2), expected));
}

TEST_CASE("threads that each train a network of their own do not disturb one another") {
  constexpr int kThreads = 6;
  std::vector<std::vector<float>> alone(kThreads), together(kThreads);
  for (int i = 0; i < kThreads; ++i) {
    alone[static_cast<std::size_t>(i)] = train(static_cast<std::uint64_t>(i), 4, 16, 5);
  }
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([i, &together] {
      together[static_cast<std::size_t>(i)] = train(static_cast<std::uint64_t>(i), 4, 16, 5);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::size_t i = 0; i < kThreads; ++i) CHECK(same_bits(alone[i], together[i]));
}

TEST_CASE("threads may run backward at once on graphs that share leaves") {
  const Tensor w = ones({8}, {.dtype = float64, .requires_grad = true});
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&w] {
      for (int k = 0; k < 200; ++k) sum(w * 2).backward();
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(w.grad().to_vector<double>() == std::vector<double>(8, 1600));
}

TEST_CASE("grad mode belongs to its thread") {
  const NoGradGuard guard;
  bool recorded = false;
  std::thread([&] { recorded = (ones({1}, {.requires_grad = true}) * 2).requires_grad(); }).join();
  CHECK(recorded);
  CHECK_FALSE((ones({1}, {.requires_grad = true}) * 2).requires_grad());
}
