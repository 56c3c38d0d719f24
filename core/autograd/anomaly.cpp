#include "core/autograd/anomaly.h"

#include <atomic>
#include <cmath>

#include "core/ops/dispatch.h"
#include "core/ops/ops.h"

namespace heed::autograd {
namespace {

std::atomic<bool> enabled{false};

bool has_nan(const Tensor& x) {
  if (!x.is_floating_point()) return false;
  const NoGradGuard no_grad;
  const Tensor flat = x.contiguous();
  return heed::detail::dispatch_floating(x.dtype(), "isnan", [&]<class T>() {
    const T* values = flat.data<T>();
    for (std::int64_t i = 0; i < flat.numel(); ++i) {
      if (std::isnan(values[i])) return true;
    }
    return false;
  });
}

}  // namespace

void set_detect_anomaly(bool on) { enabled.store(on, std::memory_order_relaxed); }
bool detect_anomaly_enabled() { return enabled.load(std::memory_order_relaxed); }

void check_for_nan(const Node& node, const Tensor& dy, Grads& grads) {
  for (int i = 0; i < grads.size(); ++i) {
    if (!grads[i].defined() || !has_nan(grads[i])) continue;
    heed::detail::fail("Function '", node.name(), "' returned nan values in its ", i,
                       "th output. (a gradient of size ", grads[i].sizes(),
                       ", computed from the gradient of size ", dy.sizes(), " of its result",
                       has_nan(dy) ? ", which held nan already)" : ")");
  }
}

}  // namespace heed::autograd
