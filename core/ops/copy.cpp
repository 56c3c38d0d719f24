// Copies of values between geometries and types, and contiguous / clone.
#include "core/ops/common.h"
#include "core/ops/inplace.h"

namespace heed {

using namespace detail;

namespace detail {
namespace {

/// The transpose case: the last dim strided, so that blocks of the last two are turned at once.
template <class T>
bool copy_transposed(const Tensor& target, const Tensor& source) {
  if (target.dim() < 2 || target.sizes() != source.sizes() || !target.is_contiguous()) return false;
  const std::int64_t last = source.dim() - 1;
  const std::int64_t rows = source.sizes()[last - 1], cols = source.sizes()[last];
  if (source.strides()[last] <= 1 || source.strides()[last - 1] == 0 || rows * cols < 64)
    return false;
  const std::int64_t batch = target.numel() / (rows * cols);
  parallel_for(0, batch, std::max<std::int64_t>(1, kElementwiseGrain / (rows * cols)),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t i = begin; i < end; ++i) {
                   std::int64_t rest = i, offset = 0;
                   for (std::int64_t d = last - 2; d >= 0; --d) {
                     offset += rest % source.sizes()[d] * source.strides()[d];
                     rest /= source.sizes()[d];
                   }
                   simd::kernels().of<T>().copy_2d(
                       target.data<T>() + i * rows * cols, source.data<T>() + offset, rows, cols,
                       source.strides()[last - 1], source.strides()[last]);
                 }
               });
  return true;
}

}  // namespace

void copy_values(const Tensor& target, const Tensor& source) {
  if (target.numel() == 0) return;
  dispatch(target.dtype(), [&]<class To>() {
    if constexpr (std::is_floating_point_v<To>) {
      if (source.dtype() == target.dtype() && copy_transposed<To>(target, source)) return;
    }
    dispatch(source.dtype(), [&]<class From>() {
      elementwise<To, From>(
          target,
          [past_caches = streams<To>(target)](To* o, std::int64_t n, const From* in,
                                              std::int64_t step) {
            if (step == 0) {
              fill_values(o, static_cast<To>(in[0]), n);
            } else if constexpr (!std::is_same_v<To, From>) {
              for (std::int64_t i = 0; i < n; ++i) o[i] = static_cast<To>(in[i]);
            } else if constexpr (std::is_floating_point_v<To>) {
              past_caches ? simd::kernels().of<To>().copy_streaming(o, in, n)
                          : void(std::copy(in, in + n, o));
            } else {
              std::copy(in, in + n, o);
            }
          },
          source);
    });
  });
}

}  // namespace detail

// ---- y = x in memory of its own;  dx = dy

struct CloneBackward final : Node {
  const char* name() const override { return "CloneBackward0"; }
  Grads backward(const Tensor& dy) override { return dy; }
};

Tensor clone(const Tensor& x) {
  Tensor y = make_tensor(x.sizes(), x.dtype());
  copy_values(y, x);
  return record<CloneBackward>(std::move(y), inputs(x));
}

Tensor contiguous(const Tensor& x) { return x.is_contiguous() ? x : clone(x); }

}  // namespace heed
