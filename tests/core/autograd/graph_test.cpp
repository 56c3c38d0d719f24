#include "core/autograd/graph.h"

#include <doctest/doctest.h>

#include <string>

#include "core/factory.h"
#include "core/ops/ops.h"

using namespace heed;

namespace {

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

bool contains(const std::string& text, const std::string& part) { return count(text, part) > 0; }

}  // namespace

TEST_CASE("the drawing holds operations, shapes and names") {
  const Tensor friends = ones({4, 3});
  const Tensor w = ones({3, 2}, {.requires_grad = true});
  const Tensor scores = matmul(friends, w);
  const Tensor y = softmax(scores, 1);
  const std::string dot =
      autograd::to_dot(y, {{"friends", friends}, {"W_Q", w}, {"scores", scores}});
  CHECK(dot.substr(0, 17) == "digraph autograd ");
  CHECK(contains(dot, "scores = Mm"));
  CHECK(contains(dot, "4×2"));
  CHECK(contains(dot, "Softmax"));
  CHECK(contains(dot, "W_Q\\n3×2"));
  CHECK(contains(dot, "friends\\n4×3"));
  CHECK(contains(dot, "style=dashed"));
  CHECK(contains(dot, "tooltip=\"MmBackward0\""));
  CHECK_FALSE(contains(dot, "|grad|"));
}

TEST_CASE("after backward, leaves and retained results show the norm of their gradient") {
  const Tensor x = tensor({3., 4.}, {.requires_grad = true});
  const Tensor y = x * x;
  y.retain_grad();
  const Tensor loss = sum(y) / 2;
  loss.backward();
  const std::string dot = autograd::to_dot(loss, {{"x", x}});
  CHECK(contains(dot, "x\\n2\\n|grad| = 5"));
  CHECK(contains(dot, "|grad| = 0.707"));
}

TEST_CASE("a node that is used twice is drawn once, with an edge for each use") {
  const Tensor x = ones({2}, {.requires_grad = true});
  const Tensor shared = x * 2;
  const std::string dot = autograd::to_dot(sum(shared * shared + shared));
  CHECK(count(dot, "[shape=box") == 5);  // x, two products, an addition, a sum
  CHECK(count(dot, " -> ") == 6);
}

TEST_CASE("names are quoted, and a leaf alone is a drawing too") {
  const Tensor x = ones({}, {.requires_grad = true});
  const std::string dot = autograd::to_dot(x, {{"a \"quoted\" \\ name", x}});
  CHECK(contains(dot, "a \\\"quoted\\\" \\\\ name\\nscalar"));
  CHECK_THROWS_AS(autograd::to_dot(Tensor()), Error);
}

TEST_CASE("an operation along a dim says along which") {
  const Tensor x = ones({2, 3}, {.requires_grad = true});
  CHECK(contains(autograd::to_dot(softmax(x, -1)), "Softmax (dim=1)"));
  CHECK(contains(autograd::to_dot(log_softmax(x, 0)), "LogSoftmax (dim=0)"));
  CHECK(contains(autograd::to_dot(sort(x, 0).values), "Sort (dim=0)"));
}

TEST_CASE("a very deep graph is drawn without recursion") {
  Tensor y = ones({1}, {.requires_grad = true});
  for (int i = 0; i < 100000; ++i) y = y + 1;
  CHECK(count(autograd::to_dot(y), " -> ") == 100000);
}
