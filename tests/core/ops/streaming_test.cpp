// Results so large that kernels write them past the caches (core/simd/caches.h).
#include <doctest/doctest.h>

#include "core/simd/caches.h"
#include "heed.h"

using namespace heed;

namespace {
/// Streams whatever may be streamed on any machine, also where the third level would hold it.
struct Streaming {
  std::int64_t before = simd::detail::stream_from(simd::kStreamBytes);
  Streaming() { REQUIRE(simd::past_caches(simd::kStreamBytes)); }
  ~Streaming() { simd::detail::stream_from(before); }
  Streaming(const Streaming&) = delete;
  Streaming& operator=(const Streaming&) = delete;
};
}  // namespace

TEST_CASE("large results have the bits of their pieces, whatever is done next") {
  // 11 MiB, in rows of no whole number of registers; each piece alone is far from streamed.
  const Streaming streaming;
  const std::int64_t rows = 2800, cols = 1031;
  manual_seed(5);
  const Tensor a = randn({rows, cols}), b = randn({rows, cols}), row = randn({cols});
  const auto check = [&](auto&& op) {
    const Tensor whole = op(a, b);
    const Tensor again = whole + 0.0;  // read by another kernel, on other threads
    for (const std::int64_t r : {std::int64_t{0}, std::int64_t{1399}, rows - 1}) {
      const Tensor piece = op(a[r], b[r]);
      CHECK(equal(whole[r], piece));
      CHECK(equal(again[r], piece));
    }
  };
  check([](const Tensor& x, const Tensor& y) { return x + y; });
  check([](const Tensor& x, const Tensor& y) { return x * y; });
  check([](const Tensor& x, const Tensor&) { return exp(x); });
  check([](const Tensor& x, const Tensor&) { return gelu(x); });
  check([](const Tensor& x, const Tensor&) { return 2.0 - x; });
  check([&](const Tensor& x, const Tensor&) { return x + row; });  // rows off the registers
  check([](const Tensor& x, const Tensor&) {                       // in place: not streamed
    Tensor y = x.clone();
    return y.add_(x);
  });
}

TEST_CASE("large copies, constants and gradients of layer_norm have the bits of their pieces") {
  const Streaming streaming;
  const std::int64_t rows = 2800, cols = 1024;
  manual_seed(6);
  const Tensor x = randn({rows, cols}), dy = randn({rows, cols});
  CHECK(equal(x.clone(), x));
  CHECK(equal(x.narrow(1, 3, cols - 5).contiguous()[rows - 1], x[rows - 1].narrow(0, 3, cols - 5)));
  CHECK(equal(x[7].expand({rows, cols}).contiguous()[rows - 1], x[7]));
  CHECK(ones({rows, cols}).eq(1.0).all().item<bool>());
  CHECK(tensor(2.5).expand({rows, cols}).contiguous().eq(2.5).all().item<bool>());

  const Tensor weight = randn({cols}), bias = randn({cols});
  const auto gradient = [&](const Tensor& of, const Tensor& from) {
    const Tensor leaf = of.clone().requires_grad_();
    layer_norm(leaf, {cols}, weight, bias).backward(from);
    return leaf.grad();
  };
  const Tensor dx = gradient(x, dy);
  for (const std::int64_t r : {std::int64_t{0}, std::int64_t{1399}, rows - 1}) {
    CHECK(equal(dx.narrow(0, r, 1), gradient(x.narrow(0, r, 1), dy.narrow(0, r, 1))));
  }
}
