// The engine's priority queue beside a std::map.
#include "core/autograd/frontier.h"

#include <doctest/doctest.h>

#include <map>
#include <vector>

#include "core/factory.h"
#include "core/random.h"

using namespace heed;
using autograd::Edge;
using autograd::Frontier;
using autograd::Pending;

namespace {

/// Edges to `count` leaves, in ascending number.
std::vector<Edge> targets(std::int64_t count) {
  std::vector<Edge> edges;
  for (std::int64_t i = 0; i < count; ++i) {
    edges.push_back(autograd::gradient_edge(zeros({1}, {.requires_grad = true})));
  }
  return edges;
}

/// What an engine does to its frontier: gradients arrive at random among the targets below the one
/// taken last, several at one target; each must come out once, in order, with all of them.
void walk(const std::vector<Edge>& edges, std::uint64_t seed, std::uint64_t most_at_once,
          Frontier& frontier) {
  Generator random(seed);
  std::map<std::uint64_t, int> expected;  // number → gradients received
  bool found = true;                      // exactly what waits
  const auto send = [&](const Edge& edge) {
    Pending* const waiting = frontier.find(edge);
    const bool expects = expected.contains(edge.number());
    found = found && (waiting != nullptr) == expects;
    ++expected[edge.number()];
    ++frontier.at(edge).ones;
    found = found && frontier.find(edge) == &frontier.at(edge);
  };
  for (std::uint64_t i = 0; i < most_at_once; ++i) {
    send(edges[static_cast<std::size_t>(random.below(edges.size()))]);
  }
  bool same = true;
  while (!expected.empty()) {
    REQUIRE(!frontier.empty());
    const Pending taken = frontier.pop();
    const auto last = std::prev(expected.end());
    same = same && taken.number == last->first && taken.ones == last->second &&
           taken.edge->number() == last->first && !taken.grad.defined();
    expected.erase(last);
    const auto below = taken.number - edges.front().number();
    for (std::int64_t n = random.below(3); n > 0 && below > 0; --n) {
      if (expected.size() < most_at_once) {
        send(edges[static_cast<std::size_t>(random.below(below))]);
      }
    }
  }
  CHECK(same);
  CHECK(found);
  CHECK(frontier.empty());
  frontier.clear();
}

}  // namespace

TEST_CASE("targets come out once each, in descending number, however many wait") {
  const std::vector<Edge> edges = targets(5000);
  Frontier frontier;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    for (const std::uint64_t waiting : {1u, 5u, 16u, 17u, 24u, 100u, 4000u}) {
      walk(edges, seed, waiting, frontier);
    }
  }
}

TEST_CASE("targets whose numbers lie far apart are found") {
  std::vector<Edge> edges;
  for (std::int64_t i = 0; i < 300; ++i) {
    edges.push_back(targets(1).front());
    for (int gap = 0; gap < 63 + 64 * 15 * (i % 3 == 0); ++gap) autograd::next_number();
  }
  Frontier frontier;
  for (const Edge& edge : edges) frontier.at(edge).ones = 1;
  for (const Edge& edge : edges) ++frontier.at(edge).ones;
  for (std::size_t i = edges.size(); i-- > 0;) {
    const Pending taken = frontier.pop();
    CHECK(taken.number == edges[i].number());
    CHECK(taken.ones == 2);
  }
  CHECK(frontier.empty());
}

TEST_CASE("a frontier that was left half way starts afresh") {
  const std::vector<Edge> edges = targets(100);
  Frontier frontier;
  for (const Edge& edge : edges) frontier.at(edge).ones = 1;
  frontier.pop();
  frontier.clear();
  CHECK(frontier.empty());
  CHECK(frontier.at(edges.back()).ones == 0);
  for (const Edge& edge : edges) CHECK(frontier.at(edge).ones == 0);
  CHECK(frontier.pop().number == edges.back().number());
  frontier.clear();
}
