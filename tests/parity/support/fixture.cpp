#include "tests/parity/support/fixture.h"

#include <cmath>
#include <fstream>

namespace heed::parity {

Json load_fixture(const std::string& name) {
  const std::string path = std::string(HEED_TEST_DATA_DIR) + "/parity/fixtures/" + name + ".json";
  std::ifstream file(path);
  HEED_CHECK(file, "cannot open ", path);
  return Json::parse(file);
}

double number(const Json& value) {
  if (!value.is_string()) return value.get<double>();
  const std::string& text = value.get_ref<const std::string&>();
  if (text == "nan") return std::numeric_limits<double>::quiet_NaN();
  HEED_CHECK(text == "inf" || text == "-inf", "not a number: ", text);
  const double infinity = std::numeric_limits<double>::infinity();
  return text == "inf" ? infinity : -infinity;
}

std::vector<double> numbers(const Json& values) {
  std::vector<double> out;
  for (const Json& value : values) out.push_back(number(value));
  return out;
}

Dims dims(const Json& values) { return Dims(values.get<std::vector<std::int64_t>>()); }

DType dtype_of_kind(const std::string& kind, DType floating) {
  if (kind == "f") return floating;
  if (kind == "f32") return float32;
  if (kind == "f64") return float64;
  HEED_CHECK(kind == "i" || kind == "b", "unknown kind ", kind);
  return kind == "i" ? int64 : boolean;
}

Tensor tensor_of(const std::vector<double>& values, const Dims& sizes, DType dtype) {
  Tensor x = empty(sizes, {.dtype = dtype});
  HEED_CHECK(x.numel() == static_cast<std::int64_t>(values.size()), "fixture with ", values.size(),
             " values for ", sizes);
  const auto fill = [&]<class T>(T* to) {
    for (const double value : values) *to++ = static_cast<T>(value);
  };
  switch (dtype) {
    case DType::Float32: fill(x.data<float>()); break;
    case DType::Float64: fill(x.data<double>()); break;
    case DType::Int64: fill(x.data<std::int64_t>()); break;
    case DType::Bool: fill(x.data<bool>()); break;
  }
  return x;
}

Tensor build_input(const Json& input, DType floating) {
  const std::string kind = input.value("d", "f");
  Tensor x = tensor_of(numbers(input["v"]), dims(input["s"]), dtype_of_kind(kind, floating));
  if (input.contains("views")) {
    for (const Json& view : input["views"]) {
      const std::string name = view[0];
      if (name == "transpose") {
        x = x.transpose(view[1], view[2]);
      } else if (name == "slice") {
        x = x.slice(view[1], view[2].get<std::int64_t>(), view[3].get<std::int64_t>(), view[4]);
      } else if (name == "select") {
        x = x.select(view[1], view[2]);
      } else {
        HEED_CHECK(name == "expand", "unknown view ", name);
        x = x.expand(dims(view[1]));
      }
    }
  }
  x = x.detach();
  if (kind == "f" && input.value("grad", true)) x.requires_grad_();
  return x;
}

std::vector<double> grad_output(std::int64_t n) {
  std::vector<double> out;
  for (std::int64_t k = 0; k < n; ++k) {
    out.push_back(static_cast<double>((7 * k + 3) % 11 - 5) / 4 + 0.125);
  }
  return out;
}

Scalar Args::scalar(const char* name) const {
  const Json& value = args_.at(name);
  if (value.is_number_integer()) return value.get<std::int64_t>();
  return number(value);
}

const Registry& registry() {
  static const Registry ops = [] {
    Registry all;
    for (auto add : {add_elementwise, add_reductions, add_products, add_shapes, add_indexing,
                     add_neural, add_in_place}) {
      add(all);
    }
    return all;
  }();
  return ops;
}

}  // namespace heed::parity
