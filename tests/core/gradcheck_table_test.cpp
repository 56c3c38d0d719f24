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

TEST_CASE("operations without a gradient give the right values") {
  for (const Row& row : table()) {
    if (!row.value_test) continue;
    CAPTURE(row.op);
    row.value_test();
  }
}
