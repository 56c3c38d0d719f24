// Rows of operations without a gradient: their values are tested instead.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "row.h"

namespace heed::testing {

inline void check_truth(const Tensor& x, const std::vector<double>& expected) {
  CHECK(x.dtype() == boolean);
  CHECK_FALSE(x.requires_grad());
  CHECK(x.to_vector<double>() == expected);
}

inline void check_whole(const Tensor& x, const std::vector<double>& expected) {
  CHECK(x.dtype() == int64);
  CHECK_FALSE(x.requires_grad());
  CHECK(x.to_vector<double>() == expected);
}

inline std::vector<Row> comparison_rows() {
  const char* why = "the result is bool";
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double inf = std::numeric_limits<double>::infinity();
  const Tensor a = tensor({1., 2., 3., nan}, {.requires_grad = true});
  const Tensor b = tensor({2., 2., 2., nan});
  const Tensor odd = tensor({1., nan, inf, -inf}, {.requires_grad = true});
  const Tensor p = tensor({true, true, false, false}), q = tensor({true, false, true, false});
  struct Comparison {
    const char *name, *symbol;
    Tensor (*tensors)(const Tensor&, const Tensor&);
    Tensor (*number)(const Tensor&, Scalar);
    Tensor (*tensors_symbol)(const Tensor&, const Tensor&);
    Tensor (*number_symbol)(const Tensor&, Scalar);
    std::vector<double> expected;
  };
  std::vector<Row> rows;
  for (const Comparison& c : {
           Comparison{"eq", "operator==", eq, eq, operator==, operator==, {0, 1, 0, 0}},
           Comparison{"ne", "operator!=", ne, ne, operator!=, operator!=, {1, 0, 1, 1}},
           Comparison{"lt", "operator<", lt, lt, operator<, operator<, {1, 0, 0, 0}},
           Comparison{"le", "operator<=", le, le, operator<=, operator<=, {1, 1, 0, 0}},
           Comparison{"gt", "operator>", gt, gt, operator>, operator>, {0, 0, 1, 0}},
           Comparison{"ge", "operator>=", ge, ge, operator>=, operator>=, {0, 1, 1, 0}},
       }) {
    rows.push_back(values_only(c.name, why, [=] { check_truth(c.tensors(a, b), c.expected); }));
    rows.push_back(values_only(c.name, why, [=] { check_truth(c.number(a, 2), c.expected); }));
    rows.push_back(
        values_only(c.symbol, why, [=] { check_truth(c.tensors_symbol(a, b), c.expected); }));
    rows.push_back(
        values_only(c.symbol, why, [=] { check_truth(c.number_symbol(a, 2), c.expected); }));
  }
  const auto add = [&](const char* op, std::function<void()> test) {
    rows.push_back(values_only(op, why, std::move(test)));
  };
  add("logical_and", [=] { check_truth(logical_and(p, q), {1, 0, 0, 0}); });
  add("logical_or", [=] { check_truth(logical_or(p, q), {1, 1, 1, 0}); });
  add("logical_xor", [=] { check_truth(logical_xor(p, q), {0, 1, 1, 0}); });
  add("logical_not", [=] { check_truth(logical_not(p), {0, 0, 1, 1}); });
  add("operator&", [=] { check_truth(p & q, {1, 0, 0, 0}); });
  add("operator|", [=] { check_truth(p | q, {1, 1, 1, 0}); });
  add("operator^", [=] { check_truth(p ^ q, {0, 1, 1, 0}); });
  add("operator!", [=] { check_truth(!p, {0, 0, 1, 1}); });
  add("isnan", [=] { check_truth(heed::isnan(odd), {0, 1, 0, 0}); });
  add("isinf", [=] { check_truth(heed::isinf(odd), {0, 0, 1, 1}); });
  add("isfinite", [=] { check_truth(heed::isfinite(odd), {1, 0, 0, 0}); });
  add("equal", [=] {
    CHECK(equal(p, p));
    CHECK_FALSE(equal(p, q));
    CHECK_FALSE(equal(a, a));  // NaN differs from itself
    CHECK_FALSE(equal(zeros({2}), zeros({1, 2})));
  });
  add("allclose", [=] {
    CHECK(allclose(tensor({1., 2.}), tensor({1.000001, 2.})));
    CHECK_FALSE(allclose(tensor({1., 2.}), tensor({1.1, 2.})));
    CHECK(allclose(tensor({1., 2.}), tensor({1.1, 2.}), 0.2));
    CHECK_FALSE(allclose(a, a));
    CHECK(allclose(a, a, 1e-5, 1e-8, true));
  });
  add("all", [=] { check_truth(all(p), {0}); });
  add("all", [=] { check_truth(all(stack({p, q}), 0), {1, 0, 0, 0}); });
  add("any", [=] { check_truth(any(p), {1}); });
  add("any", [=] { check_truth(any(stack({p, q}), 0, true), {1, 1, 1, 0}); });

  const auto index = [&](const char* op, std::function<void()> test) {
    rows.push_back(values_only(op, "the result is an index", std::move(test)));
  };
  const Tensor m = tensor({{3., 1., 3.}, {0., 5., -2.}}, {.requires_grad = true});
  index("argmax", [=] {
    check_whole(argmax(m), {4});
    check_whole(argmax(m, 1), {0, 1});
    check_whole(argmax(m, -2, true), {0, 1, 0});
  });
  index("argmin", [=] {
    check_whole(argmin(m), {5});
    check_whole(argmin(m, -1), {1, 2});
  });
  index("argsort", [=] {
    check_whole(argsort(m), {1, 0, 2, 2, 0, 1});
    check_whole(argsort(m, 0, true), {0, 1, 0, 1, 0, 1});
  });
  index("nonzero", [=] { check_whole(nonzero(m), {0, 0, 0, 1, 0, 2, 1, 1, 1, 2}); });
  rows.push_back(values_only("one_hot", "its input is an index", [] {
    check_whole(one_hot(tensor({2, 0})), {0, 0, 1, 1, 0, 0});
    check_whole(one_hot(tensor({1}), 4), {0, 1, 0, 0});
  }));
  return rows;
}

}  // namespace heed::testing
