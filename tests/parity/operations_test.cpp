// Every case of the operations' fixtures, in float64 and in float32.
#include <doctest/doctest.h>

#include <set>

#include "tests/parity/support/compare.h"

namespace {

using heed::DType;
using heed::parity::Json;

bool has_floating_input(const Json& record) {
  for (const Json& input : record["in"]) {
    if (!input.contains("d")) return true;
  }
  return false;
}

void run_family(const char* name) {
  const Json fixture = heed::parity::load_fixture(name);
  int number = 0;
  for (const Json& record : fixture["cases"]) {
    const bool floating = has_floating_input(record);
    for (const DType dtype : {heed::float64, heed::float32}) {
      if (dtype == heed::float32 && (!floating || record.value("only", "") == "f64")) continue;
      const std::string wrong = heed::parity::run_case(record, dtype);
      CHECK_MESSAGE(wrong.empty(), std::string(name) << " case " << number << ": " << wrong);
    }
    ++number;
  }
  CHECK(number > 0);
}

}  // namespace

TEST_CASE("elementwise operations give PyTorch's results and gradients") {
  run_family("elementwise");
}
TEST_CASE("reductions and orderings give PyTorch's results and gradients") {
  run_family("reductions");
}
TEST_CASE("products of matrices give PyTorch's results and gradients") { run_family("linalg"); }
TEST_CASE("views, copies and indexing give PyTorch's results and gradients") {
  run_family("shape");
}
TEST_CASE("softmax, norms and attention give PyTorch's results and gradients") {
  run_family("neural");
}
TEST_CASE("losses give PyTorch's results and gradients") { run_family("losses"); }
TEST_CASE("operations in place give PyTorch's results and gradients") { run_family("in_place"); }

TEST_CASE("every operation of the registry has a case") {
  std::set<std::string> seen;
  for (const char* family :
       {"elementwise", "reductions", "linalg", "shape", "neural", "losses", "in_place", "errors"}) {
    const Json fixture = heed::parity::load_fixture(family);
    for (const Json& record : fixture["cases"]) seen.insert(record["op"]);
  }
  for (const auto& entry : heed::parity::registry()) {
    const std::string& name = entry.first;
    // What writes in place has two entries, one on a row; either counts for both.
    const auto tail = name.find("of_row");
    const std::string base = tail == std::string::npos ? name : name.substr(0, tail);
    CHECK_MESSAGE((seen.count(name) || seen.count(base)), name << " has no case");
  }
}

TEST_CASE("the comparison refuses what is a little off") {
  using heed::parity::difference;
  const heed::Tensor x = heed::parity::tensor_of({1, 2}, {2}, heed::float64);
  CHECK(difference(x, {2}, heed::float64, {1, 2}, {.relative = 1e-12}).empty());
  CHECK(!difference(x, {2}, heed::float64, {1, 2 + 1e-11}, {.relative = 1e-12}).empty());
  CHECK(!difference(x, {1, 2}, heed::float64, {1, 2}, {.relative = 1e-12}).empty());
  CHECK(!difference(x, {2}, heed::float32, {1, 2}, {.relative = 1e-12}).empty());
  CHECK(!difference(x, {2}, heed::float64, {1, std::numeric_limits<double>::quiet_NaN()},
                    {.relative = 1})
             .empty());
  const heed::Tensor y = heed::parity::tensor_of({1}, {1}, heed::float32);
  CHECK(difference(y, {1}, heed::float32, {1 + 0x1p-22}, {.ulps = 2}).empty());
  CHECK(!difference(y, {1}, heed::float32, {1 + 0x1.8p-22}, {.ulps = 2}).empty());
}
