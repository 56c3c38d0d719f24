// Tensors printed character for character as PyTorch prints them.
#include <doctest/doctest.h>

#include "core/print.h"
#include "tests/parity/support/fixture.h"

namespace {

using namespace heed;
using namespace heed::parity;

Tensor printed(const Json& record) {
  Tensor x = tensor_of(parity::numbers(record["v"]), dims(record["s"]),
                       dtype_of_kind(record["d"], float32));
  if (record.contains("views")) {
    for (const Json& view : record["views"]) x = x.transpose(view[0], view[1]);
  }
  const std::string how = record.value("how", "");
  if (how.empty()) return x;
  x.requires_grad_();
  if (how == "exp") return x.exp();
  if (how == "mul") return x * 2;
  return how == "sum" ? x.sum() : x;
}

PrintOptions options_of(const Json& record) {
  PrintOptions options{.profile = "default"};
  if (!record.contains("options")) return options;
  const Args args(record["options"]);
  options.precision = args.maybe_whole("precision");
  options.threshold = args.maybe_whole("threshold");
  options.edgeitems = args.maybe_whole("edgeitems");
  options.linewidth = args.maybe_whole("linewidth");
  if (args.has("sci_mode")) options.sci_mode = args.flag("sci_mode");
  return options;
}

}  // namespace

TEST_CASE("tensors are printed as PyTorch prints them") {
  const Json fixture = load_fixture("printing");
  int number = 0;
  for (const Json& record : fixture["cases"]) {
    set_printoptions(options_of(record));
    const std::string text = to_string(printed(record));
    CHECK_MESSAGE(text == record["text"].get<std::string>(), "printing case " << number);
    ++number;
  }
  set_printoptions({.profile = "default"});
  CHECK(number > 100);
}
