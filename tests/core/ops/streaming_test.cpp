// Results so large that kernels write them past the caches (kStreamBytes in core/ops/common.h).
#include <doctest/doctest.h>

#include "heed.h"

using namespace heed;

TEST_CASE("large results have the bits of their pieces, whatever is done next") {
  // 11 MiB, in rows of no whole number of registers; each piece alone is far from streamed.
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
