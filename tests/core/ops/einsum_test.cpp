#include "expect.h"

using namespace heed;
using namespace heed::testing;

namespace {
Tensor random64(const Dims& sizes) { return randn(sizes, {.dtype = float64}); }
void check_close(const Tensor& a, const Tensor& b) {
  CHECK(a.sizes() == b.sizes());
  CHECK(allclose(a, b, 1e-12, 1e-13));
}
}  // namespace

TEST_CASE("einsum says what the named operations do") {
  const Tensor a = random64({3, 4}), b = random64({4, 5}), square = random64({4, 4});
  check_close(einsum("ij,jk->ik", {a, b}), matmul(a, b));
  check_close(einsum("ij,jk", {a, b}), matmul(a, b));
  check_close(einsum("jk,ij->ki", {b, a}), matmul(a, b).t());
  check_close(einsum("ij->ji", {a}), a.t());
  check_close(einsum("ij->", {a}), a.sum());
  check_close(einsum("ii->i", {square}), square.diagonal());
  check_close(einsum("ii", {square}), square.diagonal().sum());
  check_close(einsum("i,j->ij", {a.select(1, 0), b.select(0, 0)}),
              outer(a.select(1, 0), b.select(0, 0)));
  check_close(einsum("ij,ij->i", {a, a}), (a * a).sum(1));
  check_close(einsum("ij,j->i", {a, b.select(1, 0)}), mv(a, b.select(1, 0)));
}

TEST_CASE("einsum with batches, ellipses and many operands") {
  const Tensor q = random64({2, 3, 5, 4}), k = random64({2, 3, 6, 4}), v = random64({2, 3, 6, 7});
  const Tensor scores = matmul(q, k.transpose(-2, -1));
  check_close(einsum("bhtd,bhsd->bhts", {q, k}), scores);
  check_close(einsum("...td,...sd->...ts", {q, k}), scores);
  check_close(einsum("bhtd,bhsd,bhsv->bthv", {q, k, v}), matmul(scores, v).transpose(1, 2));
  check_close(einsum("...td,sd->t...s", {q, k.select(0, 0).select(0, 0)}),
              matmul(q, k.select(0, 0).select(0, 0).t()).movedim(2, 0));
}

TEST_CASE("einsum broadcasts dims of size 1") {
  const Tensor a = random64({1, 4}), b = random64({3, 4});
  check_close(einsum("ij,ij->ij", {a, b}), a * b);
  check_close(einsum("ij,ij->i", {a, b}), (a * b).sum(1));
  check_close(einsum("ij,ij->", {a, b}), (a * b).sum());
}

TEST_CASE("einsum refuses in PyTorch's words") {
  const Tensor a = ones({3, 4});
  check_error(
      "einsum(): subscript j has size 5 for operand 1 which does not broadcast with "
      "previously seen size 4",
      [&] {
        einsum("ij,jk->ik", {a, ones({5, 6})});
      });
  check_error(
      "einsum(): the number of subscripts in the equation (3) does not match the number of "
      "dimensions (2) for operand 0 and no ellipsis was given",
      [&] { einsum("ijk->i", {a}); });
  check_error("einsum(): output subscript k does not appear in the equation for any input operand",
              [&] { einsum("ij->ik", {a}); });
  check_error("einsum(): fewer operands were provided than specified in the equation",
              [&] { einsum("ij,jk->ik", {a}); });
  check_error("einsum(): subscript i is repeated for operand 0 but the sizes don't match, 4 != 3",
              [&] { einsum("ii->i", {a}); });
  check_error("einsum(): invalid subscript given at index 1", [&] { einsum("i1->i", {a}); });
  check_error("einsum(): output subscript i appears more than once",
              [&] { einsum("ij->ii", {a}); });
}
