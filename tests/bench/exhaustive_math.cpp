// exp and tanh of every one of the 2^32 floats, held against double: the largest error in units of
// the last place, and where. Others by name: exhaustive_math [operation…]. The table is the one in
// use; HEED_ISA chooses another. About two minutes an operation on one core.
#include <atomic>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <mutex>
#include <string>
#include <vector>

#include "core/parallel.h"
#include "core/simd/kernels.h"
#include "core/simd/reference/elementwise.h"

namespace {

using heed::simd::UnaryOp;

template <UnaryOp op>
double exact(double x) {
  return heed::simd::reference::unary_value<op>(x);
}
struct Operation {
  const char* name;
  UnaryOp op;
  double (*exact)(double);
};
constexpr Operation kOperations[] = {
    {"exp", UnaryOp::Exp, &exact<UnaryOp::Exp>},
    {"tanh", UnaryOp::Tanh, &exact<UnaryOp::Tanh>},
    {"log", UnaryOp::Log, &exact<UnaryOp::Log>},
    {"erf", UnaryOp::Erf, &exact<UnaryOp::Erf>},
    {"sigmoid", UnaryOp::Sigmoid, &exact<UnaryOp::Sigmoid>},
    {"gelu", UnaryOp::Gelu, &exact<UnaryOp::Gelu>},
    {"gelu_tanh", UnaryOp::GeluTanh, &exact<UnaryOp::GeluTanh>},
    {"silu", UnaryOp::Silu, &exact<UnaryOp::Silu>},
};

// In units of the last place of the true value; infinite where NaN, infinity or a zero's sign is
// wrong.
double error_of(float got, double exact) {
  const float rounded = static_cast<float>(exact);
  if (got == rounded) return std::signbit(got) == std::signbit(rounded) || got != 0 ? 0 : HUGE_VAL;
  if (got != got && rounded != rounded) return 0;
  const double size = std::fabs(exact);
  const double most = static_cast<double>(std::numeric_limits<float>::max());
  const double unit = size < 0x1p-126 ? 0x1p-149 : std::ldexp(1.0, std::ilogb(size) - 23);
  if (std::isinf(got) && size > most - 2 * unit) return 1;
  return got - got != 0 ? HUGE_VAL : std::fabs(static_cast<double>(got) - exact) / unit;
}

bool check(const Operation& operation) {
  constexpr std::int64_t batch = 1 << 16;
  double worst = 0;
  float worst_at = 0;
  std::mutex mutex;
  const auto kernel = heed::simd::kernels().f32.unary[static_cast<int>(operation.op)];
  heed::parallel_for(0, (std::int64_t{1} << 32) / batch, 16, [&](std::int64_t b, std::int64_t e) {
    std::vector<float> x(batch), y(batch);
    double worst_here = 0;
    float at = 0;
    for (std::int64_t block = b; block < e; ++block) {
      for (std::int64_t i = 0; i < batch; ++i) {
        x[static_cast<std::size_t>(i)] =
            std::bit_cast<float>(static_cast<std::uint32_t>(block * batch + i));
      }
      kernel(y.data(), x.data(), batch);
      for (std::size_t i = 0; i < x.size(); ++i) {
        const double error = error_of(y[i], operation.exact(static_cast<double>(x[i])));
        if (error > worst_here) worst_here = error, at = x[i];
      }
    }
    const std::lock_guard lock(mutex);
    if (worst_here > worst) worst = worst_here, worst_at = at;
  });
  std::printf("%-10s worst error %.4f ulp, at %.9g (%a)\n", operation.name, worst,
              static_cast<double>(worst_at), static_cast<double>(worst_at));
  std::fflush(stdout);
  return worst <= 2;
}

}  // namespace

int main(int count, char** names) {
  std::printf("Every float, table %s:\n", heed::simd_isa());
  bool good = true;
  for (const Operation& operation : kOperations) {
    bool wanted = count == 1 && (operation.op == UnaryOp::Exp || operation.op == UnaryOp::Tanh);
    for (int i = 1; i < count; ++i) wanted = wanted || std::strcmp(names[i], operation.name) == 0;
    if (wanted) good = check(operation) && good;
  }
  return good ? 0 : 1;
}
