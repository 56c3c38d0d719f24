// Rows of products.
#pragma once

#include "row.h"

namespace heed::testing {

inline std::vector<Row> product_rows() {
  return {
      on("matmul", "every pair of ranks", [](const Inputs& x) { return matmul(x[0], x[1]); },
         {{{3}, {3}},
          {{2, 3}, {3}},
          {{3}, {3, 2}},
          {{2, 3}, {3, 4}},
          {{2, 2, 3}, {3}},
          {{3}, {2, 3, 2}},
          {{2, 2, 3}, {3, 2}},
          {{2, 3}, {2, 3, 2}},
          {{2, 2, 3}, {2, 3, 2}},
          {{2, 1, 2, 3}, {2, 3, 2}},
          {{1, 2, 3}, {2, 3, 1}},
          {{2, 0}, {0, 3}},
          {{1, 1}, {1, 1}}}),
      on("matmul", "with itself", [](const Inputs& x) { return matmul(x[0], x[0].T()); },
         {{{2, 3}}}),
      on("mm", "", [](const Inputs& x) { return mm(x[0], x[1]); },
         {{{2, 3}, {3, 4}}, {{1, 3}, {3, 1}}}),
      on("bmm", "", [](const Inputs& x) { return bmm(x[0], x[1]); },
         {{{2, 2, 3}, {2, 3, 2}}, {{1, 1, 2}, {1, 2, 1}}}),
      on("mv", "", [](const Inputs& x) { return mv(x[0], x[1]); }, {{{2, 3}, {3}}}),
      on("dot", "", [](const Inputs& x) { return dot(x[0], x[1]); }, {{{3}, {3}}, {{1}, {1}}}),
      on("outer", "", [](const Inputs& x) { return outer(x[0], x[1]); }, {{{2}, {3}}}),
      on("addmm", "", [](const Inputs& x) { return addmm(x[0], x[1], x[2]); },
         {{{2, 4}, {2, 3}, {3, 4}}, {{4}, {2, 3}, {3, 4}}, {{2, 1}, {2, 3}, {3, 4}}}),
      on("addmm", "scaled", [](const Inputs& x) { return addmm(x[0], x[1], x[2], 0.5, -2); },
         {{{2, 4}, {2, 3}, {3, 4}}, {{1}, {2, 3}, {3, 4}}}),
      on("baddbmm", "", [](const Inputs& x) { return baddbmm(x[0], x[1], x[2]); },
         {{{2, 2, 2}, {2, 2, 3}, {2, 3, 2}}, {{2}, {2, 2, 3}, {2, 3, 2}}}),
      on("baddbmm", "scaled", [](const Inputs& x) { return baddbmm(x[0], x[1], x[2], -1, 0.5); },
         {{{2, 2, 2}, {2, 2, 3}, {2, 3, 2}}}),
      on("linear", "with bias", [](const Inputs& x) { return linear(x[0], x[1], x[2]); },
         {{{2, 3}, {4, 3}, {4}}, {{3}, {4, 3}, {4}}, {{2, 2, 3}, {2, 3}, {2}}}),
      on("linear", "without bias", [](const Inputs& x) { return linear(x[0], x[1]); },
         {{{2, 3}, {4, 3}}, {{3}, {4, 3}}, {{2, 2, 3}, {2, 3}}}),
      on("einsum", "a batch of products",
         [](const Inputs& x) {
           return einsum("bhtd,bhsd->bhts", {x[0], x[1]});
         },
         {{{2, 1, 2, 3}, {2, 1, 2, 3}}}),
      on("einsum", "a trace and a transpose",
         [](const Inputs& x) {
           return std::vector<Tensor>{einsum("ii->", {x[0]}), einsum("ij->ji", {x[0]})};
         },
         {{{3, 3}}}),
      on("einsum", "three operands",
         [](const Inputs& x) {
           return einsum("i,ij,j->", {x[0], x[1], x[2]});
         },
         {{{2}, {2, 3}, {3}}}),
      on("einsum", "batch dims left open",
         [](const Inputs& x) {
           return einsum("...ij,...jk->...ik", {x[0], x[1]});
         },
         {{{2, 2, 3}, {3, 2}}}),
  };
}

}  // namespace heed::testing
