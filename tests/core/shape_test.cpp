#include "core/shape.h"

#include <doctest/doctest.h>

#include <limits>
#include <sstream>

using namespace heed;

TEST_CASE("a list of dims is written with brackets") {
  std::ostringstream out;
  out << Dims{} << Dims{3} << Dims{2, -1};
  CHECK(out.str() == "[][3][2, -1]");
}

TEST_CASE("dims can be pushed, inserted, erased and searched, up to eight") {
  Dims dims{1, 2, 3};
  dims.push_back(4);
  dims.insert(1, 9);
  CHECK(dims == Dims{1, 9, 2, 3, 4});
  dims.erase(0);
  dims.pop_back();
  CHECK(dims == Dims{9, 2, 3});
  CHECK(dims.contains(2));
  CHECK_FALSE(dims.contains(1));
  CHECK(dims.back() == 3);
  dims.back() = 5;
  CHECK(dims[2] == 5);
  CHECK(Dims::filled(3, 7) == Dims{7, 7, 7});
  CHECK(Dims{1, 2} != Dims{1, 2, 3});
  CHECK_THROWS_WITH_AS(Dims::filled(9, 1), "a tensor has at most 8 dimensions", Error);
}

TEST_CASE("strides of a contiguous tensor are products of the sizes behind") {
  CHECK(contiguous_strides({2, 3, 4}) == Dims{12, 4, 1});
  CHECK(contiguous_strides({}) == Dims{});
  CHECK(contiguous_strides({2, 0, 3}) == Dims{3, 3, 1});
}

TEST_CASE("what is contiguous does not hang on dims of size one or on empty tensors") {
  CHECK(is_contiguous({2, 3}, {3, 1}));
  CHECK_FALSE(is_contiguous({2, 3}, {1, 2}));
  CHECK(is_contiguous({1, 3}, {99, 1}));
  CHECK(is_contiguous({2, 1, 3}, {3, 77, 1}));
  CHECK(is_contiguous({0, 3}, {5, 5}));
  CHECK(is_contiguous({3, 0}, {7, 9}));
  CHECK(is_contiguous({}, {}));
  CHECK_FALSE(is_contiguous({2, 3}, {6, 2}));
}

TEST_CASE("sizes are checked before memory is asked for") {
  CHECK(checked_numel({2, 3}) == 6);
  CHECK(checked_numel({}) == 1);
  CHECK(checked_numel({0, std::int64_t{1} << 40}) == 0);
  CHECK_THROWS_WITH_AS(checked_numel({2, -1}),
                       "Trying to create tensor with negative dimension -1: [2, -1]", Error);
  const std::int64_t big = std::numeric_limits<std::int64_t>::max();
  CHECK_THROWS_WITH_AS(checked_numel({big, 2}), doctest::Contains("overflows int64"), Error);
  CHECK_THROWS_AS(checked_numel({0, big, big}), Error);
}

TEST_CASE("dims count from the end when negative, and a scalar has one") {
  CHECK(wrap_dim(-1, 3) == 2);
  CHECK(wrap_dim(0, 3) == 0);
  CHECK(wrap_dim(-1, 0) == 0);
  CHECK_THROWS_WITH_AS(wrap_dim(2, 2),
                       "Dimension out of range (expected to be in range of [-2, 1], but got 2)",
                       Error);
  CHECK_THROWS_WITH_AS(wrap_dim(1, 0),
                       "Dimension out of range (expected to be in range of [-1, 0], but got 1)",
                       Error);
  CHECK(dim_mask({0, -1}, 3) == 0b101);
  CHECK(dim_mask({}, 3) == 0b111);
  CHECK_THROWS_WITH_AS(dim_mask({0, -3}, 3), "dim 0 appears multiple times in the list of dims",
                       Error);
}

TEST_CASE("shapes are broadcast from the last dim") {
  CHECK(broadcast_shapes({2, 1}, {3}) == Dims{2, 3});
  CHECK(broadcast_shapes({}, {2, 2}) == Dims{2, 2});
  CHECK(broadcast_shapes({0, 1}, {1, 5}) == Dims{0, 5});
  CHECK_THROWS_WITH_AS(broadcast_shapes({3, 4}, {3, 5}),
                       doctest::Contains("The size of tensor a (4) must match the size of tensor b "
                                         "(5) at non-singleton dimension 1"),
                       Error);
  CHECK(is_broadcastable_to({1, 3}, {2, 3}));
  CHECK_FALSE(is_broadcastable_to({2, 3}, {3}));
  CHECK_FALSE(is_broadcastable_to({2}, {3}));
  CHECK(broadcast_strides({3, 1}, {1, 1}, {2, 3, 4}) == Dims{0, 1, 0});
}
