// The elementwise kernels of every table, held against the plain twins and against double.
#include "core/simd/reference/elementwise.h"

#include <doctest/doctest.h>

#include <bit>
#include <cstring>
#include <limits>
#include <memory>

#include "tables.h"

namespace {

using namespace heed::simd;
using namespace heed::simd::test;

constexpr int kUnaryCount = static_cast<int>(UnaryOp::kCount);
constexpr int kBinaryCount = static_cast<int>(BinaryOp::kCount);
constexpr int kCompareCount = static_cast<int>(CompareOp::kCount);

const char* const kUnaryNames[kUnaryCount] = {
    "neg",  "abs",       "sign",       "exp",      "log",  "log1p",   "expm1",
    "sqrt", "rsqrt",     "reciprocal", "square",   "tanh", "sigmoid", "relu",
    "gelu", "gelu_tanh", "silu",       "softplus", "erf",  "sin",     "cos"};
const char* const kBinaryNames[kBinaryCount] = {
    "add",      "sub",       "mul",          "div",       "pow",       "maximum",
    "minimum",  "tanh_grad", "sigmoid_grad", "relu_grad", "gelu_grad", "gelu_tanh_grad",
    "silu_grad"};

template <UnaryOp op>
double in_double(double x) {
  return reference::unary_value<op>(x);
}
template <int... I>
double exact_unary(int op, double x, std::integer_sequence<int, I...>) {
  static constexpr double (*kAll[])(double) = {&in_double<static_cast<UnaryOp>(I)>...};
  return kAll[op](x);
}
double exact_unary(int op, double x) {
  return exact_unary(op, x, std::make_integer_sequence<int, kUnaryCount>{});
}

// The distance between floats around v.
double float_ulp(double v) {
  v = std::fabs(v);
  if (v < static_cast<double>(std::numeric_limits<float>::min())) return 0x1p-149;
  return std::ldexp(1.0, std::ilogb(v) - 23);
}

// The error in units of the last place; 0 where both are the same NaN, infinity or zero, 1e9 where
// only one is, or where a zero has the wrong sign.
double float_error(float got, double exact) {
  const float rounded = static_cast<float>(exact);
  if (std::isnan(got) || std::isnan(rounded))
    return std::isnan(got) && std::isnan(rounded) ? 0 : 1e9;
  if (got == 0 && rounded == 0) return std::signbit(got) == std::signbit(rounded) ? 0 : 1e9;
  if (std::isinf(got) && std::isinf(rounded)) return got == rounded ? 0 : 1e9;
  if (std::isinf(got) || std::isinf(rounded)) {  // on either side of the largest float
    const double most = static_cast<double>(std::numeric_limits<float>::max());
    return std::fabs(exact) > most * (1 - 0x1p-22) &&
                   std::fabs(got) >= 0.999f * static_cast<float>(most)
               ? 1
               : 1e9;
  }
  return std::fabs(static_cast<double>(got) - exact) / float_ulp(exact);
}

TEST_CASE("float results of every unary operation are within 2 ulp of the double result") {
  // Every 9973rd float, so every exponent, both signs, subnormals, infinities and NaNs.
  constexpr std::int64_t step = 9973, batch = 4096;
  for (const Kernels* table : wide_tables()) {
    for (int op = 0; op < kUnaryCount; ++op) {
      std::vector<float> x(batch), y(batch);
      double worst = 0;
      float at = 0;
      for (std::int64_t bits = 0; bits < (std::int64_t{1} << 32);) {
        for (float& value : x) {
          value = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
          bits += step;
        }
        table->f32.unary[op](y.data(), x.data(), batch);
        for (std::size_t i = 0; i < x.size(); ++i) {
          const double error = float_error(y[i], exact_unary(op, static_cast<double>(x[i])));
          if (error > worst) worst = error, at = x[i];
        }
      }
      INFO("table " << std::string(table->isa) << " " << std::string(kUnaryNames[op])
                    << " worst at x = " << at);
      CHECK(worst <= 2);
    }
  }
}

TEST_CASE("double results of every unary operation are within 1e-12 of the C library's") {
  std::mt19937_64 random(1);
  for (const Kernels* table : wide_tables()) {
    for (int op = 0; op < kUnaryCount; ++op) {
      double worst = 0, at = 0;
      std::vector<double> x(2000), y(x.size());
      for (int turn = 0; turn < 40; ++turn) {
        std::uniform_real_distribution<double> draw(-std::pow(10.0, turn % 6 - 2),
                                                    std::pow(10.0, turn % 6 - 2));
        for (double& value : x)
          value = turn % 4 == 0 ? std::bit_cast<double>(random()) : draw(random);
        table->f64.unary[op](y.data(), x.data(), static_cast<std::int64_t>(x.size()));
        for (std::size_t i = 0; i < x.size(); ++i) {
          const double exact = exact_unary(op, x[i]);
          if (same(exact, y[i])) continue;
          // Below the normal numbers the twin, too, has but a few digits.
          const double error = std::fabs(y[i] - exact) / std::max(std::fabs(exact), 0x1p-1022);
          if (!(error <= worst)) worst = error, at = x[i];
        }
      }
      INFO("table " << std::string(table->isa) << " " << std::string(kUnaryNames[op])
                    << " worst at x = " << at);
      CHECK(worst <= 1e-12);
    }
  }
}

template <class T>
std::vector<T> edge_values() {
  using L = std::numeric_limits<T>;
  std::vector<T> values = {T(0),         L::denorm_min(), L::min(), L::min() / 3, L::epsilon(),
                           T(0.3),       T(0.5),          T(1),     T(2),         T(3),
                           T(20),        T(21),           T(88.7),  T(104),       T(700),
                           T(710),       T(745),          T(1e10),  T(3e37),      L::max(),
                           L::infinity()};
  const std::size_t n = values.size();
  for (std::size_t i = 0; i < n; ++i) values.push_back(-values[i]);
  values.push_back(L::quiet_NaN());
  return values;
}

TEST_CASE_TEMPLATE("unary operations give the plain twin's zeros, infinities and NaNs", T, float,
                   double) {
  const std::vector<T> x = edge_values<T>();
  for (const Kernels* table : wide_tables()) {
    for (int op = 0; op < kUnaryCount; ++op) {
      std::vector<T> got(x.size()), expected(x.size());
      const auto n = static_cast<std::int64_t>(x.size());
      table->of<T>().unary[op](got.data(), x.data(), n);
      plain().of<T>().unary[op](expected.data(), x.data(), n);
      for (std::size_t i = 0; i < x.size(); ++i) {
        INFO("table " << std::string(table->isa) << " " << std::string(kUnaryNames[op]) << " x "
                      << x[i] << " got " << got[i] << " expected " << expected[i]);
        CHECK(std::isnan(got[i]) == std::isnan(expected[i]));
        CHECK(std::isinf(got[i]) == std::isinf(expected[i]));
        CHECK((got[i] == 0) == (expected[i] == 0));
        if (!std::isnan(got[i])) CHECK(std::signbit(got[i]) == std::signbit(expected[i]));
      }
    }
  }
}

// Largest float error in ulp, or relative to the gradient where a derivative passes through zero.
template <class T>
double binary_tolerance(int op) {
  const bool gradient = op >= static_cast<int>(BinaryOp::GeluGrad);
  if (sizeof(T) == sizeof(double)) return 1e-12;
  return gradient ? 5e-7 : 2.4e-7;
}

TEST_CASE_TEMPLATE("binary operations agree with the plain twin for every size, step and address",
                   T, float, double) {
  std::mt19937 random(2);
  for (const Kernels* table : wide_tables()) {
    for (int op = 0; op < kBinaryCount; ++op) {
      // The saved outputs of tanh and sigmoid are not above 1.
      const bool bounded = op == static_cast<int>(BinaryOp::TanhGrad) ||
                           op == static_cast<int>(BinaryOp::SigmoidGrad);
      const double range = bounded ? 1 : 5;
      for (std::int64_t n = 0; n <= 70; ++n) {
        const std::int64_t size = n == 70 ? 100003 : n;
        for (int steps = 0; steps < 4; ++steps) {
          const std::int64_t a_step = steps & 1, b_step = steps / 2;
          const Array<T> a(random, size + 1, 3, n % 4), b(random, size + 1, range, n % 3);
          Array<T> got(size, n % 5), expected(size);
          table->of<T>().binary[op](got.data(), a.data(), a_step, b.data(), b_step, size);
          plain().of<T>().binary[op](expected.data(), a.data(), a_step, b.data(), b_step, size);
          double worst = 0;
          for (std::int64_t i = 0; i < size; ++i) {
            if (same(got[i], expected[i])) continue;
            const double scale = op >= static_cast<int>(BinaryOp::TanhGrad)
                                     ? std::fabs(static_cast<double>(a[i * a_step])) *
                                           (1 + std::pow(static_cast<double>(b[i * b_step]), 2))
                                     : std::fabs(static_cast<double>(expected[i]));
            const double error =
                std::fabs(static_cast<double>(got[i]) - static_cast<double>(expected[i])) / scale;
            if (!(error <= worst)) worst = error;
          }
          INFO("table " << std::string(table->isa) << " " << std::string(kBinaryNames[op]) << " n "
                        << size << " steps " << a_step << " " << b_step);
          REQUIRE(worst <= binary_tolerance<T>(op));
          REQUIRE(got.marks_stand());
        }
      }
    }
  }
}

TEST_CASE_TEMPLATE("binary operations give the plain twin's zeros, infinities and NaNs", T, float,
                   double) {
  const std::vector<T> edges = edge_values<T>();
  std::vector<T> a, b;
  for (T x : edges) {
    for (T y : edges) a.push_back(x), b.push_back(y);
  }
  const auto n = static_cast<std::int64_t>(a.size());
  for (const Kernels* table : wide_tables()) {
    for (int op = 0; op <= static_cast<int>(BinaryOp::Minimum); ++op) {
      std::vector<T> got(a.size()), expected(a.size());
      table->of<T>().binary[op](got.data(), a.data(), 1, b.data(), 1, n);
      plain().of<T>().binary[op](expected.data(), a.data(), 1, b.data(), 1, n);
      for (std::size_t i = 0; i < a.size(); ++i) {
        const bool close = same(got[i], expected[i]) ||
                           std::fabs(got[i] - expected[i]) <=
                               2 * std::numeric_limits<T>::epsilon() * std::fabs(expected[i]) +
                                   std::numeric_limits<T>::denorm_min();
        const bool sign = std::isnan(got[i]) || std::signbit(got[i]) == std::signbit(expected[i]);
        INFO("table " << std::string(table->isa) << " " << std::string(kBinaryNames[op]) << " a "
                      << a[i] << " b " << b[i] << " got " << got[i] << " expected " << expected[i]);
        REQUIRE((close && sign));
      }
    }
  }
}

TEST_CASE_TEMPLATE("streaming kernels give the same bits, whatever the alignment", T, float,
                   double) {
  std::mt19937 random(7);
  for (const Kernels* table : wide_tables()) {
    const auto& kernels = table->of<T>();
    for (const std::int64_t n : {0, 1, 15, 16, 64, 1000}) {
      for (const std::int64_t from : {0, 1, 2}) {  // `got` starts aligned and not
        const Array<T> a(random, n + 1, 3, 1), b(random, n + 1, 1, from);
        const auto check = [&](auto&& run, auto&& run_streaming, const char* name) {
          Array<T> got(n, from), expected(n);
          run_streaming(got.data());
          run(expected.data());
          INFO("table " << std::string(table->isa) << " " << std::string(name) << " n " << n
                        << " from " << from);
          REQUIRE(got.marks_stand());
          for (std::int64_t i = 0; i < n; ++i) REQUIRE(same(got[i], expected[i]));
        };
        check([&](T* out) { std::copy(a.data(), a.data() + n, out); },
              [&](T* out) { kernels.copy_streaming(out, a.data(), n); }, "copy");
        check([&](T* out) { std::fill(out, out + n, T(1.5)); },
              [&](T* out) { kernels.fill(out, T(1.5), n); }, "fill");
        for (int op = 0; op < kUnaryCount; ++op) {
          check([&](T* out) { kernels.unary[op](out, a.data(), n); },
                [&](T* out) { kernels.unary_streaming[op](out, a.data(), n); }, kUnaryNames[op]);
        }
        for (int op = 0; op < kBinaryCount; ++op) {
          for (int steps = 0; steps < 4; ++steps) {
            const auto by = [&](auto kernel) {
              return
                  [&, kernel](T* out) { kernel(out, a.data(), steps & 1, b.data(), steps / 2, n); };
            };
            check(by(kernels.binary[op]), by(kernels.binary_streaming[op]), kBinaryNames[op]);
          }
        }
      }
    }
  }
}

TEST_CASE_TEMPLATE("unary operations write n elements from any address, in place too", T, float,
                   double) {
  std::mt19937 random(3);
  for (const Kernels* table : wide_tables()) {
    for (int op = 0; op < kUnaryCount; ++op) {
      for (std::int64_t n = 0; n <= 70; ++n) {
        const Array<T> x(random, n, 4, n % 7);
        Array<T> y(n, n % 5), expected(n), single(1);
        table->of<T>().unary[op](y.data(), x.data(), n);
        for (std::int64_t i = 0; i < n; ++i) {  // each element as if it stood alone
          table->of<T>().unary[op](single.data(), x.data() + i, 1);
          expected[i] = single[0];
        }
        Array<T> in_place = x;
        table->of<T>().unary[op](in_place.data(), in_place.data(), n);
        INFO("table " << std::string(table->isa) << " " << std::string(kUnaryNames[op]) << " n "
                      << n);
        REQUIRE(y.marks_stand());
        for (std::int64_t i = 0; i < n; ++i) {
          REQUIRE(same(y[i], expected[i]));
          REQUIRE(same(in_place[i], expected[i]));
        }
      }
    }
  }
}

TEST_CASE_TEMPLATE("comparisons, where, clamp and add_scaled agree with the plain twin", T, float,
                   double) {
  std::mt19937 random(4);
  const T nan = std::numeric_limits<T>::quiet_NaN();
  for (const Kernels* table : wide_tables()) {
    for (std::int64_t n = 0; n <= 70; ++n) {
      const std::int64_t size = n == 70 ? 10007 : n;
      Array<T> a(random, size + 1, 2, n % 4), b(random, size + 1, 2, n % 3);
      for (std::int64_t i = 0; i < size; i += 3) b[i] = a[i];
      for (std::int64_t i = 2; i < size; i += 7) a[i] = nan;
      for (int steps = 0; steps < 4; ++steps) {
        const std::int64_t a_step = steps & 1, b_step = steps / 2;
        INFO("table " << std::string(table->isa) << " n " << size << " steps " << a_step << " "
                      << b_step);
        const auto bools = static_cast<std::size_t>(size + 1);
        const std::unique_ptr<bool[]> got(new bool[bools]()), expected(new bool[bools]());
        for (int op = 0; op < kCompareCount; ++op) {
          table->of<T>().compare[op](got.get(), a.data(), a_step, b.data(), b_step, size);
          plain().of<T>().compare[op](expected.get(), a.data(), a_step, b.data(), b_step, size);
          REQUIRE(std::memcmp(got.get(), expected.get(), bools) == 0);
        }
        Array<T> chosen(size, n % 5), twin(size);
        table->of<T>().where(chosen.data(), expected.get(), a.data(), a_step, b.data(), b_step,
                             size);
        plain().of<T>().where(twin.data(), expected.get(), a.data(), a_step, b.data(), b_step,
                              size);
        REQUIRE(chosen.marks_stand());
        for (std::int64_t i = 0; i < size; ++i) REQUIRE(same(chosen[i], twin[i]));
      }
      for (const auto& [low, high] : {std::pair{T(-1), T(0.5)}, std::pair{T(1), T(-1)}}) {
        Array<T> y(size, n % 5), twin(size);
        table->of<T>().clamp(y.data(), a.data(), low, high, size);
        plain().of<T>().clamp(twin.data(), a.data(), low, high, size);
        REQUIRE(y.marks_stand());
        for (std::int64_t i = 0; i < size; ++i) REQUIRE(same(y[i], twin[i]));
      }
      Array<T> y(size, n % 5), twin(size);
      table->of<T>().add_scaled(y.data(), b.data(), b.data(), T(0.7), size);
      plain().of<T>().add_scaled(twin.data(), b.data(), b.data(), T(0.7), size);
      REQUIRE(y.marks_stand());
      REQUIRE(relative_error(y, twin) <= std::numeric_limits<T>::epsilon());
    }
  }
}

}  // namespace
