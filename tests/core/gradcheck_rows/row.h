// One row of the gradient-check table, and the inputs it is checked with.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "core/autograd/gradcheck.h"
#include "core/factory.h"
#include "core/ops/ops.h"
#include "core/random.h"

namespace heed::testing {

/// What values an input is filled with.
enum class Domain : std::uint8_t {
  AwayFromZero,  // both signs, at least 0.1 from 0
  Positive,      // 0.5 to 2
  Unit,          // -0.8 to 0.8
  Distinct,      // no two within 0.1 of each other, so that no order changes
};

/// How an input lies in memory. Every row is checked with each.
enum class Layout : std::uint8_t { Contiguous, Transposed, EverySecond };

using Inputs = std::vector<Tensor>;
using Shapes = std::vector<Dims>;

struct Row {
  std::string op;    // the name in ops.h
  std::string what;  // which overload or case
  // A differentiable operation: the function, and the shapes of its inputs, one list a case.
  std::function<std::vector<Tensor>(const Inputs&)> fn = {};
  std::vector<Shapes> shapes = {};
  Domain domain = Domain::AwayFromZero;
  // One that is not: why, and a test of its values.
  std::string not_differentiable = {};
  std::function<void()> value_test = {};
};

inline std::vector<double> drawn(std::int64_t n, Domain domain, Generator& generator) {
  std::vector<double> values(static_cast<std::size_t>(n));
  for (double& v : values) {
    switch (domain) {
      case Domain::AwayFromZero:
        v = generator.uniform(-1.4, 1.4);
        v += v < 0 ? -0.1 : 0.1;
        break;
      case Domain::Positive: v = generator.uniform(0.5, 2.0); break;
      case Domain::Unit: v = generator.uniform(-0.8, 0.8); break;
      case Domain::Distinct: v = generator.uniform(-0.04, 0.04); break;
    }
  }
  if (domain == Domain::Distinct) {
    std::vector<std::int64_t> place(values.size());
    for (std::size_t i = 0; i < place.size(); ++i) place[i] = static_cast<std::int64_t>(i);
    for (std::size_t i = 0; i + 1 < place.size(); ++i) {
      std::swap(place[i], place[i + static_cast<std::size_t>(generator.below(place.size() - i))]);
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] += 0.2 * static_cast<double>(place[i]) - 0.1 * static_cast<double>(n) + 0.09;
    }
  }
  return values;
}

/// A float64 leaf that requires grad.
inline Tensor make_input(const Dims& sizes, Domain domain, Layout layout, Generator& generator) {
  Tensor x = tensor(drawn(checked_numel(sizes), domain, generator), sizes);
  if (layout == Layout::Transposed && x.dim() > 1) x = x.T().contiguous().T();
  if (layout == Layout::EverySecond && x.dim() > 0) {
    const Tensor between = full_like(x, 99);
    x = flatten(stack({between, x}, -1), -2, -1).slice(-1, 1, {}, 2);
  }
  return x.detach().requires_grad_();
}

// Shorthands of the table.

template <class F>
Row unary(const char* op, F f, Domain domain = Domain::AwayFromZero) {
  return {.op = op,
          .what = "",
          .fn = [f](const Inputs& x) { return std::vector<Tensor>{f(x[0])}; },
          .shapes = {{{2, 3}}, {{}}, {{1}}, {{0, 2}}, {{2, 1, 2}}},
          .domain = domain};
}

template <class F>
Row binary(const char* op, const char* what, F f, Domain domain = Domain::AwayFromZero) {
  return {.op = op,
          .what = what,
          .fn = [f](const Inputs& x) { return std::vector<Tensor>{f(x[0], x[1])}; },
          .shapes = {{{2, 3}, {2, 3}},
                     {{2, 3}, {3}},
                     {{2, 1}, {1, 3}},
                     {{}, {2, 2}},
                     {{2, 2}, {}},
                     {{1}, {1}},
                     {{0, 3}, {1, 3}},
                     {{2, 1, 2}, {3, 1}}},
          .domain = domain};
}

template <class F>
Row on(const char* op, const char* what, F f, std::vector<Shapes> shapes,
       Domain domain = Domain::AwayFromZero) {
  return {.op = op,
          .what = what,
          .fn =
              [f](const Inputs& x) {
                if constexpr (std::is_convertible_v<decltype(f(x)), Tensor>) {
                  return std::vector<Tensor>{f(x)};
                } else {
                  return std::vector<Tensor>(f(x));
                }
              },
          .shapes = std::move(shapes),
          .domain = domain};
}

inline Row values_only(const char* op, const char* reason, std::function<void()> test) {
  return {.op = op, .what = "", .not_differentiable = reason, .value_test = std::move(test)};
}

}  // namespace heed::testing
