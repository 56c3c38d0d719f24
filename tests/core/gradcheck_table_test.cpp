// Every operation of ops.h against finite differences, first and second derivatives. A new
// operation is one row in gradcheck_rows/; the first test tells when it is missing.
#include <doctest/doctest.h>

#include <fstream>
#include <map>
#include <regex>
#include <string>

#include "gradcheck_rows/table.h"

using namespace heed;
using namespace heed::testing;

namespace {

// How often each operation is declared in ops.h.
std::map<std::string, int> declared_operations() {
  const std::string path = std::string(HEED_TEST_DATA_DIR) + "/../core/ops/ops.h";
  std::ifstream header(path);
  REQUIRE_MESSAGE(header, "cannot read ", path);
  const std::regex declaration(
      R"(^(?:Tensor|ValuesIndices|std::vector<Tensor>|void|bool) (operator[^ (]+|\w+)\()");
  std::map<std::string, int> count;
  std::smatch match;
  for (std::string line; std::getline(header, line);) {
    if (std::regex_search(line, match, declaration)) ++count[match[1]];
  }
  return count;
}

const char* name_of(Layout layout) {
  return layout == Layout::Contiguous   ? "contiguous"
         : layout == Layout::Transposed ? "transposed"
                                        : "every second element";
}

}  // namespace

TEST_CASE("every operation that ops.h declares has a row for each overload") {
  std::map<std::string, int> rows;
  for (const Row& row : table()) ++rows[row.op];
  const auto declared = declared_operations();
  CHECK(declared.size() > 130);
  for (const auto& entry : declared) {
    const std::string& op = entry.first;
    const int overloads = entry.second;
    CHECK_MESSAGE(rows[op] >= overloads, op, " is declared ", overloads, " times and has ",
                  rows[op], " rows");
  }
  for (const Row& row : table()) {
    CHECK_MESSAGE(declared.count(row.op) == 1, row.op, " has a row but is not declared");
    CHECK((row.not_differentiable.empty() ? row.fn != nullptr && !row.shapes.empty()
                                          : row.value_test != nullptr));
  }
}

TEST_CASE("first derivatives agree with finite differences, whatever the layout") {
  Generator generator(20240607);
  for (const Row& row : table()) {
    if (!row.fn) continue;
    for (const Layout layout : {Layout::Contiguous, Layout::Transposed, Layout::EverySecond}) {
      for (const Shapes& shapes : row.shapes) {
        Inputs inputs;
        for (const Dims& sizes : shapes) {
          inputs.push_back(make_input(sizes, row.domain, layout, generator));
        }
        CAPTURE(row.op);
        CAPTURE(row.what);
        CAPTURE(name_of(layout));
        try {
          const auto result = autograd::gradcheck(row.fn, inputs);
          CHECK_MESSAGE(result, result.message);
        } catch (const std::exception& error) {
          FAIL_CHECK(error.what());
        }
      }
    }
  }
}

TEST_CASE("second derivatives agree with finite differences") {
  Generator generator(777);
  for (const Row& row : table()) {
    if (!row.fn) continue;
    for (const Shapes& shapes : row.shapes) {
      Inputs inputs;
      for (const Dims& sizes : shapes) {
        inputs.push_back(make_input(sizes, row.domain, Layout::EverySecond, generator));
      }
      CAPTURE(row.op);
      CAPTURE(row.what);
      try {
        const auto result = autograd::gradgradcheck(row.fn, inputs);
        CHECK_MESSAGE(result, result.message);
      } catch (const std::exception& error) {
        FAIL_CHECK(error.what());
      }
    }
  }
}

TEST_CASE("an expanded input gives what its copy gives, gradients too") {
  Generator generator(99);
  const auto expanded = [&](const Dims& sizes, Domain domain) {
    Dims base = sizes;
    for (std::int64_t& size : base) size = std::min<std::int64_t>(size, 1);
    return make_input(base, domain, Layout::Contiguous, generator).detach().expand(sizes);
  };
  for (const Row& row : table()) {
    // Where all are equal, what is largest is a matter of order, not of layout.
    if (!row.fn || row.domain == Domain::Distinct) continue;
    for (const Shapes& shapes : row.shapes) {
      Inputs views, copies;
      for (const Dims& sizes : shapes) {
        views.push_back(expanded(sizes, row.domain).requires_grad_());
        copies.push_back(views.back().detach().clone().requires_grad_());
      }
      CAPTURE(row.op);
      CAPTURE(row.what);
      const std::vector<Tensor> results = row.fn(views), expected = row.fn(copies);
      REQUIRE(results.size() == expected.size());
      for (std::size_t i = 0; i < results.size(); ++i) {
        CHECK(allclose(results[i], expected[i], 1e-13, 1e-13, true));
        if (!results[i].requires_grad()) continue;
        sum(square(results[i])).backward({}, true);
        sum(square(expected[i])).backward({}, true);
      }
      for (std::size_t i = 0; i < views.size(); ++i) {
        REQUIRE(views[i].grad().defined() == copies[i].grad().defined());
        if (!views[i].grad().defined()) continue;
        CHECK(allclose(views[i].grad(), copies[i].grad(), 1e-12, 1e-12, true));
      }
    }
  }
}

TEST_CASE("operations without a gradient give the right values") {
  for (const Row& row : table()) {
    if (!row.value_test) continue;
    CAPTURE(row.op);
    row.value_test();
  }
}
