// Rows of views, copies and indexing.
#pragma once

#include "row.h"

namespace heed::testing {

inline std::vector<Row> shape_rows() {
  const std::vector<Shapes> m{{{2, 3}}};
  const std::vector<Shapes> any{{{2, 3}}, {{1, 3}}, {{2, 1}}};
  const std::vector<Shapes> cube{{{2, 3, 2}}};
  return {
      on(
          "view", "",
          [](const Inputs& x) {
            return view(contiguous(x[0]), {3, -1});
          },
          m),
      on(
          "reshape", "",
          [](const Inputs& x) {
            return reshape(x[0], {3, -1});
          },
          m),
      on(
          "flatten", "", [](const Inputs& x) { return flatten(x[0], 1); }, cube),
      on("unflatten", "",
         [](const Inputs& x) {
           return unflatten(x[0], -1, {2, -1});
         },
         {{{3, 4}}}),
      on(
          "transpose", "", [](const Inputs& x) { return transpose(x[0], 0, -1); }, cube),
      on("t", "", [](const Inputs& x) { return t(x[0]); }, {{{2, 3}}, {{3}}, {{}}}),
      on(
          "permute", "",
          [](const Inputs& x) {
            return permute(x[0], {2, 0, 1});
          },
          cube),
      on(
          "movedim", "", [](const Inputs& x) { return movedim(x[0], 0, -1); }, cube),
      on(
          "movedim", "lists",
          [](const Inputs& x) {
            return movedim(x[0], {0, 2}, {1, 0});
          },
          cube),
      on("squeeze", "", [](const Inputs& x) { return squeeze(x[0]); }, {{{2, 1, 3, 1}}, {{1}}}),
      on("squeeze", "dim", [](const Inputs& x) { return squeeze(x[0], -2); },
         {{{2, 1, 3}}, {{2, 3}}}),
      on(
          "unsqueeze", "", [](const Inputs& x) { return unsqueeze(x[0], -1); }, any),
      on("expand", "",
         [](const Inputs& x) {
           return expand(x[0], {2, -1, 3});
         },
         {{{2, 1}}, {{2, 3}}, {{1, 1}}}),
      on("broadcast_to", "",
         [](const Inputs& x) {
           return broadcast_to(x[0], {2, 2, 3});
         },
         {{{2, 1}}, {{3}}, {{}}}),
      on(
          "repeat", "",
          [](const Inputs& x) {
            return repeat(x[0], {2, 1, 3});
          },
          m),
      on(
          "narrow", "", [](const Inputs& x) { return narrow(x[0], -1, 1, 2); }, m),
      on("slice", "", [](const Inputs& x) { return slice(x[0], -1, 0, {}, 2); }, {{{2, 5}}}),
      on("slice", "bounds from the end", [](const Inputs& x) { return slice(x[0], 0, -2, -1); },
         {{{4, 2}}}),
      on(
          "select", "", [](const Inputs& x) { return select(x[0], -1, -2); }, m),
      on(
          "chunk", "", [](const Inputs& x) { return chunk(x[0], 2, -1); }, m),
      on(
          "split", "", [](const Inputs& x) { return split(x[0], 2, 1); }, m),
      on(
          "split", "sizes",
          [](const Inputs& x) {
            return split(x[0], std::vector<std::int64_t>{1, 2}, -1);
          },
          m),
      on("cat", "",
         [](const Inputs& x) {
           return cat({x[0], x[1], x[0]}, -1);
         },
         {{{2, 3}, {2, 1}}, {{2, 0}, {2, 1}}}),
      on("stack", "",
         [](const Inputs& x) {
           return stack({x[0], x[1]}, -1);
         },
         {{{2, 3}, {2, 3}}}),
      on(
          "flip", "",
          [](const Inputs& x) {
            return flip(x[0], {0, -1});
          },
          cube),
      on(
          "roll", "dim", [](const Inputs& x) { return roll(x[0], -1, 0); }, any),
      on(
          "roll", "dims",
          [](const Inputs& x) {
            return roll(x[0], {1, -2}, {0, -1});
          },
          cube),
      on(
          "roll", "flattened", [](const Inputs& x) { return roll(x[0], 4); }, m),
      on("tril", "", [](const Inputs& x) { return tril(x[0], -1); }, {{{3, 3}}, {{2, 3, 3}}}),
      on("triu", "", [](const Inputs& x) { return triu(x[0], 1); }, {{{3, 4}}}),
      on("diagonal", "", [](const Inputs& x) { return diagonal(x[0]); }, {{{3, 3}}, {{2, 3}}}),
      on("diagonal", "of a batch", [](const Inputs& x) { return diagonal(x[0], -1, -2, -1); },
         {{{2, 3, 3}}}),
      on(
          "contiguous", "", [](const Inputs& x) { return contiguous(x[0]); }, any),
      on(
          "clone", "", [](const Inputs& x) { return clone(x[0]); }, any),
      on("unfold", "", [](const Inputs& x) { return unfold(x[0], -1, 3, 2); },
         {{{2, 5}}, {{2, 7}}}),
      on("unfold", "overlapping", [](const Inputs& x) { return unfold(x[0], 0, 2, 1); },
         {{{4, 2}}}),
      on("as_strided", "",
         [](const Inputs& x) {
           return as_strided(contiguous(x[0]), {2, 2}, {1, 3}, 1);
         },
         {{{2, 3}}, {{7}}}),
      on(
          "as_strided", "overlapping",
          [](const Inputs& x) {
            return as_strided(contiguous(x[0]), {3, 2}, {1, 1});
          },
          m),
  };
}

inline std::vector<Row> index_rows() {
  const std::vector<Shapes> m{{{3, 4}}};
  const Tensor twice = tensor({2, 0, 2});
  const Tensor grid = tensor({{0, 1, 2, 0}, {2, 2, 1, 1}});
  const Tensor mask =
      tensor({{true, false, true, true}, {false, false, true, false}, {true, true, false, false}});
  return {
      on(
          "index", "integers, ranges, None and Ellipsis",
          [](const Inputs& x) {
            return std::vector<Tensor>{index(x[0], {1}), index(x[0], {Ellipsis, Slice(1, {}, 2)}),
                                       index(x[0], {None, Slice(), -1})};
          },
          m),
      on(
          "index", "an index that repeats",
          [twice](const Inputs& x) { return index(x[0], {twice}); }, m),
      on(
          "index", "an index after a range",
          [twice](const Inputs& x) {
            return index(x[0], {Slice(), twice});
          },
          m),
      on(
          "index", "two indices broadcast",
          [twice](const Inputs& x) {
            return index(x[0], {twice.unsqueeze(1), twice});
          },
          m),
      on(
          "index", "a mask", [mask](const Inputs& x) { return index(x[0], {mask}); }, m),
      on("index", "a mask of two dims before an integer and a range",
         [mask](const Inputs& x) {
           return std::vector<Tensor>{index(x[0], {mask, 1}), index(x[0], {mask, Slice(0, {}, 2)})};
         },
         {{{3, 4, 3}}}),
      on("index", "an index beside a mask of two dims",
         [mask](const Inputs& x) {
           return std::vector<Tensor>{index(x[0], {tensor({1}), mask}),
                                      index(x[0], {tensor({0, 1, 1, 0, 1, 0}), mask})};
         },
         {{{2, 3, 4}}}),
      on("index_put_", "a row",
         [](const Inputs& x) {
           const Tensor y = clone(x[0]);
           index_put_(y, {1}, x[1]);
           return y;
         },
         {{{3, 4}, {4}}, {{3, 4}, {}}}),
      on("index_put_", "a mask",
         [mask](const Inputs& x) {
           const Tensor y = clone(x[0]);
           index_put_(y, {mask}, x[1]);
           return y;
         },
         {{{3, 4}, {}}, {{3, 4}, {6}}}),
      on("index_put_", "an index",
         [](const Inputs& x) {
           const Tensor y = clone(x[0]);
           index_put_(y, {tensor({2, 0})}, x[1]);
           return y;
         },
         {{{3, 4}, {2, 4}}}),
      on(
          "index_select", "", [twice](const Inputs& x) { return index_select(x[0], -1, twice); },
          m),
      on(
          "index_select", "first dim",
          [twice](const Inputs& x) { return index_select(x[0], 0, twice); }, m),
      on(
          "gather", "", [grid](const Inputs& x) { return gather(x[0], 0, grid); }, m),
      on(
          "gather", "last dim", [grid](const Inputs& x) { return gather(x[0], -1, grid); }, m),
      on("scatter_add", "", [grid](const Inputs& x) { return scatter_add(x[0], 0, grid, x[1]); },
         {{{3, 4}, {2, 4}}}),
      on("scatter_add", "last dim",
         [grid](const Inputs& x) { return scatter_add(x[0], -1, grid, x[1]); }, {{{3, 4}, {2, 4}}}),
      on(
          "masked_select", "", [mask](const Inputs& x) { return masked_select(x[0], mask); }, m),
      on(
          "embedding", "", [grid](const Inputs& x) { return embedding(x[0], grid); }, m),
      // The row of padding_idx gets no gradient although it has a derivative; the rows around it
      // are checked.
      on(
          "embedding", "without the row of padding",
          [](const Inputs& x) {
            return embedding(x[0], tensor({1, 2, 1}), 0);
          },
          m),
      on(
          "embedding", "without the row of padding, counted from the end",
          [](const Inputs& x) {
            return embedding(x[0], tensor({1, 0, 1}), -1);
          },
          m),
  };
}

}  // namespace heed::testing
