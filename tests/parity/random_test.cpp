// Draws after manual_seed, bit for bit those of PyTorch.
#include "core/random.h"

#include <doctest/doctest.h>

#include <cmath>

#include "nn/init.h"
#include "tests/parity/support/compare.h"

namespace {

using namespace heed;
using namespace heed::parity;

/// The parameters of a fresh Linear layer, weight (out, in) then bias, by its initialisation alone:
/// the layer itself is held in modules.json.
Tensor linear_parameters(const Args& args) {
  const std::int64_t in = args.whole("inputs"), out = args.whole("outputs");
  const double root = std::sqrt(static_cast<double>(in));
  const double bound = std::sqrt(3.0) * (std::sqrt(2.0 / (1 + 5)) / root);
  const Tensor weight = empty({out, in}).uniform_(-bound, bound).flatten();
  if (!args.flag("bias")) return weight;
  return cat({weight, empty({out}).uniform_(-1 / root, 1 / root)});
}

Tensor probabilities(const Args& args) {
  const Json& rows = args.json("weights");
  if (!rows[0].is_array()) {
    return tensor_of(numbers(rows), {static_cast<std::int64_t>(rows.size())}, float32);
  }
  std::vector<Tensor> list;
  for (const Json& row : rows) {
    list.push_back(tensor_of(numbers(row), {static_cast<std::int64_t>(row.size())}, float32));
  }
  return stack(list);
}

/// nn::init's function of that name.
Tensor initial(const Args& args, DType dtype) {
  namespace init = nn::init;
  const std::string name = args.text("name", "");
  const Tensor x = empty(args.list("sizes"), {.dtype = dtype});
  const nn::init::KaimingOptions kaiming{.a = args.real("a", 0),
                                         .mode = args.text("mode", "fan_in"),
                                         .nonlinearity = args.text("nonlinearity", "leaky_relu")};
  const double mean = args.real("mean", 0), std = args.real("std", 1);
  if (name == "uniform_") return init::uniform_(x, args.real("a", 0), args.real("b", 1));
  if (name == "normal_") return init::normal_(x, mean, std);
  if (name == "zeros_") return init::zeros_(x);
  if (name == "ones_") return init::ones_(x);
  if (name == "xavier_uniform_") return init::xavier_uniform_(x, args.real("gain", 1));
  if (name == "xavier_normal_") return init::xavier_normal_(x, args.real("gain", 1));
  if (name == "kaiming_uniform_") return init::kaiming_uniform_(x, kaiming);
  if (name == "kaiming_normal_") return init::kaiming_normal_(x, kaiming);
  HEED_CHECK(name == "trunc_normal_", "unknown initialisation ", name);
  return init::trunc_normal_(x, mean, std, args.real("a", -2), args.real("b", 2));
}

Tensor draw(const std::string& name, const Args& args) {
  const DType dtype = dtype_of_kind(args.text("dtype", "f32"), float32);
  if (name == "rand") return rand(args.list("sizes"), {.dtype = dtype});
  if (name == "randn") return randn(args.list("sizes"), {.dtype = dtype});
  if (name == "uniform_") {
    return empty(args.list("sizes"), {.dtype = dtype})
        .uniform_(args.real("low", 0), args.real("high", 1));
  }
  if (name == "normal_") {
    return empty(args.list("sizes"), {.dtype = dtype})
        .normal_(args.real("mean", 0), args.real("std", 1));
  }
  if (name == "randint") return randint(args.whole("low"), args.whole("high"), args.list("sizes"));
  if (name == "randperm") return randperm(args.whole("n"));
  if (name == "bernoulli") return bernoulli(full(args.list("sizes"), args.real("p", 0)));
  if (name == "bernoulli_") return empty(args.list("sizes")).bernoulli_(args.real("p", 0));
  if (name == "dropout") return dropout(ones(args.list("sizes")), args.real("p", 0), true);
  if (name == "multinomial") return multinomial(probabilities(args), 1);
  if (name == "multinomial_many") {
    return multinomial(probabilities(args), args.whole("samples"), args.flag("replacement"));
  }
  if (name == "init") return initial(args, dtype);
  if (name == "linear") return linear_parameters(args);
  HEED_CHECK(name == "embedding", "unknown draw ", name);
  return randn({args.whole("rows") * args.whole("width")});
}

/// float32 normals in blocks of 16 come from another logarithm and cosine than PyTorch's
/// vectorised ones, and truncated ones from another inverse of erf; everything else is exact.
Tolerance tolerance_of(const std::string& name, const Args& args, const Tensor& values) {
  const std::string how = name == "init" ? args.text("name", "") : name;
  if (how == "trunc_normal_") {
    return {.relative = values.dtype() == float32 ? 1e-6 : 1e-14, .scale = 1};
  }
  const bool normal = how == "randn" || how == "embedding" || how.find("normal_") != how.npos;
  if (normal && values.dtype() == float32 && values.numel() >= 16) {
    return {.relative = 1e-6, .scale = 1};
  }
  return {};
}

}  // namespace

TEST_CASE("draws after manual_seed are PyTorch's, bit for bit") {
  const Json fixture = load_fixture("random");
  int number = 0;
  for (const Json& sequence : fixture["sequences"]) {
    manual_seed(static_cast<std::uint64_t>(sequence["seed"].get<std::int64_t>()));
    int step = 0;
    for (const Json& one : sequence["steps"]) {
      const std::string name = one["draw"];
      const Args args(one["args"]);
      const Tensor values = draw(name, args);
      const std::string wrong =
          difference(values, dims(one["s"]), values.dtype(), parity::numbers(one["v"]),
                     tolerance_of(name, args, values));
      CHECK_MESSAGE(wrong.empty(), "sequence " << number << " step " << step << ", " << name
                                               << one["args"].dump() << ": " << wrong);
      ++step;
    }
    ++number;
  }
  CHECK(number > 50);
}
