// Reading a fixture (README.md): JSON values as numbers, tensors and arguments.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/factory.h"
#include "core/ops/ops.h"
#include "core/tensor.h"

namespace heed::parity {

using Json = nlohmann::json;

/// A file of tests/parity/fixtures, parsed.
Json load_fixture(const std::string& name);

/// A number of a fixture: NaN and infinities are strings.
double number(const Json& value);
std::vector<double> numbers(const Json& values);
Dims dims(const Json& values);

/// "f", "f32", "f64", "i" or "b" as a dtype; "f" is the type that the case runs in.
DType dtype_of_kind(const std::string& kind, DType floating);

/// Values in a shape, as a contiguous tensor.
Tensor tensor_of(const std::vector<double>& values, const Dims& sizes, DType dtype);

/// An input of a case: the base tensor and its views, as a leaf that requires grad if it may.
Tensor build_input(const Json& input, DType floating);

/// The gradient that every output of n elements is given.
std::vector<double> grad_output(std::int64_t n);

/// The arguments of a case by name.
class Args {
 public:
  explicit Args(Json args) : args_(std::move(args)) {}
  bool has(const char* name) const { return args_.contains(name) && !args_[name].is_null(); }
  bool is_list(const char* name) const { return args_.at(name).is_array(); }
  std::int64_t whole(const char* name) const { return args_.at(name).get<std::int64_t>(); }
  std::int64_t whole(const char* name, std::int64_t otherwise) const {
    return has(name) ? whole(name) : otherwise;
  }
  std::optional<std::int64_t> maybe_whole(const char* name) const {
    return has(name) ? std::optional(whole(name)) : std::nullopt;
  }
  double real(const char* name, double otherwise) const {
    return has(name) ? number(args_.at(name)) : otherwise;
  }
  bool flag(const char* name, bool otherwise = false) const {
    return has(name) ? args_.at(name).get<bool>() : otherwise;
  }
  std::string text(const char* name, const std::string& otherwise) const {
    return has(name) ? args_.at(name).get<std::string>() : otherwise;
  }
  Dims list(const char* name) const { return dims(args_.at(name)); }
  Scalar scalar(const char* name) const;
  std::optional<Scalar> maybe_scalar(const char* name) const {
    return has(name) ? std::optional(scalar(name)) : std::nullopt;
  }
  const Json& json(const char* name) const { return args_.at(name); }

 private:
  Json args_;
};

using Results = std::vector<Tensor>;
/// An operation of the fixtures, by heed's public functions.
using Call = std::function<Results(const std::vector<Tensor>& in, const Args& args)>;
using Registry = std::map<std::string, Call>;

/// What a case of index or index_put_ indexes with; index tensors are in[1], in[2], …
std::vector<TensorIndex> indices(const std::vector<Tensor>& in, const Json& what);

void add_elementwise(Registry& ops);
void add_reductions(Registry& ops);
void add_products(Registry& ops);
void add_shapes(Registry& ops);
void add_indexing(Registry& ops);
void add_neural(Registry& ops);
void add_in_place(Registry& ops);
/// All of the above.
const Registry& registry();

}  // namespace heed::parity
