// Rows of reductions and sorting.
#pragma once

#include <limits>

#include "row.h"

namespace heed::testing {

inline std::vector<Row> reduction_rows() {
  const std::vector<Shapes> whole{{{2, 3}}, {{}}, {{1}}, {{2, 1, 2}}};
  const std::vector<Shapes> maybe_empty{{{2, 3}}, {{}}, {{0, 2}}, {{2, 1, 2}}};
  const std::vector<Shapes> matrix{{{3, 4}}, {{2, 1}}, {{1, 3}}};
  const std::vector<Shapes> cube{{{2, 3, 2}}, {{1, 2, 3}}};
  const double inf = std::numeric_limits<double>::infinity();
  return {
      on(
          "sum", "all", [](const Inputs& x) { return sum(x[0]); }, maybe_empty),
      on(
          "sum", "dim", [](const Inputs& x) { return sum(x[0], -1); }, matrix),
      on(
          "sum", "dims, kept",
          [](const Inputs& x) {
            return sum(x[0], Dims{0, -1}, true);
          },
          cube),
      on(
          "sum", "dims",
          [](const Inputs& x) {
            return sum(x[0], Dims{1, 2});
          },
          cube),
      on(
          "mean", "all", [](const Inputs& x) { return mean(x[0]); }, whole),
      on(
          "mean", "dim", [](const Inputs& x) { return mean(x[0], 0); }, matrix),
      on(
          "mean", "dims",
          [](const Inputs& x) {
            return mean(x[0], Dims{-3, 1});
          },
          cube),
      on(
          "prod", "all", [](const Inputs& x) { return prod(x[0]); }, maybe_empty),
      on(
          "prod", "dim", [](const Inputs& x) { return prod(x[0], -1, true); }, matrix),
      on(
          "max", "all", [](const Inputs& x) { return max(x[0]); }, whole, Domain::Distinct),
      on(
          "max", "dim", [](const Inputs& x) { return max(x[0], -1).values; }, matrix,
          Domain::Distinct),
      on(
          "min", "all", [](const Inputs& x) { return min(x[0]); }, whole, Domain::Distinct),
      on(
          "min", "dim, kept", [](const Inputs& x) { return min(x[0], 0, true).values; }, matrix,
          Domain::Distinct),
      on(
          "amax", "all", [](const Inputs& x) { return amax(x[0]); }, whole, Domain::Distinct),
      on(
          "amax", "dims",
          [](const Inputs& x) {
            return amax(x[0], {0, 2});
          },
          cube, Domain::Distinct),
      on(
          "amin", "dims, kept",
          [](const Inputs& x) {
            return amin(x[0], {-1, 1}, true);
          },
          cube, Domain::Distinct),
      on("var", "all", [](const Inputs& x) { return var(x[0]); }, {{{2, 3}}, {{4}}}),
      on("var", "biased", [](const Inputs& x) { return var(x[0], false); }, {{{2, 3}}, {{4}}}),
      on(
          "var", "dims",
          [](const Inputs& x) {
            return var(x[0], Dims{0, -1});
          },
          cube),
      on(
          "var", "dims, biased, kept",
          [](const Inputs& x) { return var(x[0], Dims{1}, false, true); }, cube),
      on("std", "all", [](const Inputs& x) { return heed::std(x[0]); }, {{{2, 3}}, {{4}}}),
      on(
          "std", "dims",
          [](const Inputs& x) {
            return heed::std(x[0], Dims{0, -1});
          },
          cube),
      on(
          "std", "dims, biased, kept",
          [](const Inputs& x) { return heed::std(x[0], Dims{1}, false, true); }, cube),
      on(
          "logsumexp", "", [](const Inputs& x) { return logsumexp(x[0], {-1}); }, matrix),
      on(
          "logsumexp", "dims, kept",
          [](const Inputs& x) {
            return logsumexp(x[0], {0, 2}, true);
          },
          cube),
      on(
          "norm", "2", [](const Inputs& x) { return norm(x[0]); }, whole),
      on(
          "norm", "1", [](const Inputs& x) { return norm(x[0], 1); }, whole),
      on(
          "norm", "3 over dims", [](const Inputs& x) { return norm(x[0], 3, {-1}); }, matrix),
      on(
          "norm", "2 over dims, kept",
          [](const Inputs& x) {
            return norm(x[0], 2, {0, 2}, true);
          },
          cube),
      on(
          "norm", "infinite", [inf](const Inputs& x) { return norm(x[0], inf, {1}); }, matrix,
          Domain::Distinct),
      on("norm", "0", [](const Inputs& x) { return norm(x[0], 0); }, {{{2, 3}}}),
      on(
          "cumsum", "", [](const Inputs& x) { return cumsum(x[0], -1); }, matrix),
      on(
          "cumsum", "first dim", [](const Inputs& x) { return cumsum(x[0], 0); }, cube),
      on(
          "topk", "", [](const Inputs& x) { return topk(x[0], 2).values; }, {{{3, 4}}, {{5}}},
          Domain::Distinct),
      on(
          "topk", "smallest of a dim",
          [](const Inputs& x) { return topk(x[0], 2, 0, false).values; }, {{{3, 4}}},
          Domain::Distinct),
      on(
          "sort", "", [](const Inputs& x) { return sort(x[0]).values; }, matrix, Domain::Distinct),
      on(
          "sort", "descending", [](const Inputs& x) { return sort(x[0], 0, true).values; }, matrix,
          Domain::Distinct),
  };
}

}  // namespace heed::testing
