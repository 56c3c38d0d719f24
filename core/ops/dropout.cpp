#include <mutex>

#include "core/factory.h"
#include "core/ops/dispatch.h"
#include "core/ops/ops.h"
#include "core/random.h"

namespace heed {

// y = x m, where m is 1 / (1 - p) with probability 1 - p, else 0 (Srivastava et al. 2014). One draw
// an element in row-major order, kept where it is below 1 - p: PyTorch's mask.
Tensor dropout(const Tensor& x, double p, bool training, Generator* generator) {
  HEED_CHECK(p >= 0 && p <= 1, "dropout probability has to be between 0 and 1, but got ", p);
  if (p == 0 || !training || x.numel() == 0) return x;
  if (p == 1) return mul(x, zeros(x.sizes(), {.dtype = x.dtype()}));
  const Tensor mask = detail::make_tensor(x.sizes(), x.dtype());
  Generator& source = generator ? *generator : default_generator();
  detail::dispatch_floating(x.dtype(), "dropout", [&]<class T>() {
    const std::lock_guard lock(source.mutex());
    const T kept = static_cast<T>(1 / (1 - p));
    T* m = mask.data<T>();
    for (std::int64_t i = 0; i < x.numel(); ++i) {
      m[i] = source.uniform_double() < 1 - p ? kept : T{0};
    }
  });
  return mul(x, mask);
}

}  // namespace heed
