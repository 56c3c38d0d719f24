// Misuse is refused at the moment PyTorch refuses it, in its words where users search for them.
#include <doctest/doctest.h>

#include "tests/parity/support/compare.h"

namespace {

using namespace heed::parity;

/// What is wrong with how a case is refused; empty when nothing is.
std::string refusal(const Json& record) {
  std::vector<heed::Tensor> inputs;
  for (const Json& input : record["in"]) inputs.push_back(build_input(input, heed::float32));
  const std::string name = describe(record, inputs) + ": ";
  try {
    registry().at(record["op"])(inputs, Args(record["args"]));
  } catch (const heed::Error& error) {
    if (!record["words"].get<bool>()) return {};
    // The first letter apart: "only Tensors" and "Only Tensors" are PyTorch's from two places.
    const std::string text = record["text"].get<std::string>().substr(1);
    if (std::string(error.what()).find(text) != std::string::npos) return {};
    return name + "\"" + error.what() + "\" instead of \"" + record["text"].get<std::string>() +
           "\"";
  }
  return name + "not refused; PyTorch: " + record["text"].dump();
}

}  // namespace

TEST_CASE("misuse is refused when PyTorch refuses it, and in its words") {
  const Json fixture = load_fixture("errors");
  int number = 0;
  for (const Json& record : fixture["cases"]) {
    const std::string wrong = refusal(record);
    CHECK_MESSAGE(wrong.empty(), "errors case " << number << ": " << wrong);
    ++number;
  }
  CHECK(number > 150);
}
