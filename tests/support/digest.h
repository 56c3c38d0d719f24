// Numbers that tell results apart, for tests that may not allocate where it counts.
#pragma once

#include <string>
#include <vector>

#include "core/autograd/grad_mode.h"
#include "core/factory.h"
#include "core/ops/ops.h"
#include "core/random.h"
#include "core/state_dict.h"

namespace heed::test {

inline double digest(const Tensor& x) {
  if (!x.defined()) return -1;
  const NoGradGuard guard;
  const Tensor flat = x.detach().to(float64).contiguous();
  double sum = static_cast<double>(x.numel());
  for (std::int64_t i = 0; i < flat.numel(); ++i) sum = sum * 0.75 + flat.data<double>()[i];
  return sum;
}
inline double digest(const std::string& text) {
  double sum = static_cast<double>(text.size());
  for (const char c : text) sum = sum * 0.75 + c;
  return sum;
}
inline double digest(const std::vector<Tensor>& list) {
  double sum = 0;
  for (const Tensor& x : list) sum = sum * 0.5 + digest(x);
  return sum;
}
inline double digest(const StateDict& state) {
  double sum = 0;
  for (const auto& [name, x] : state) sum = sum * 0.5 + digest(name) + digest(x);
  return sum;
}

/// Normal numbers that the seed decides.
inline Tensor seeded(const Dims& sizes, std::uint64_t seed, bool requires_grad = true) {
  Generator generator(seed);
  return randn(sizes, {.requires_grad = requires_grad, .generator = &generator});
}

}  // namespace heed::test
