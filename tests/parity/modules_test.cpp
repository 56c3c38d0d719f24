// Modules made with PyTorch's seeds or holding PyTorch's weights: outputs and every gradient.
#include "tests/parity/support/modules.h"

#include <doctest/doctest.h>

#include "core/autograd/engine.h"
#include "core/random.h"
#include "tests/parity/support/compare.h"

namespace {

using namespace heed;
using namespace heed::parity;

/// 1e-10 in float64, 1e-5 in float32, of the largest element or of 1.
Tolerance tolerance_of(const Json& record, DType dtype, const std::vector<double>& expected) {
  // A seeded GPT starts with float32 normals in blocks of 16, which agree to 1e-6.
  const bool seeded_normals = record.contains("seed") && record["module"] == "GPT";
  const double relative = dtype == float64 && !seeded_normals ? 1e-10 : 1e-5;
  return {.relative = relative, .scale = std::max(1.0, largest(expected))};
}

AnyModule prepared(const Json& record, DType dtype, bool train) {
  if (record.contains("seed")) manual_seed(record["seed"].get<std::uint64_t>());
  AnyModule made = make_module(record["module"], Args(record["options"]), dtype);
  if (record.contains("state")) {
    StateDict state;
    for (const auto& [key, value] : record["state"].items()) {
      state.add(key, tensor_of(parity::numbers(value["v"]), dims(value["s"]), float64));
    }
    made.module->load_state_dict(state);
  }
  made.module->to(dtype);
  made.module->train(train);
  return made;
}

std::string check_outputs(const Json& record, const Results& results, DType dtype) {
  const Json& outputs = record["out"];
  if (results.size() != outputs.size()) {
    return heed::detail::concat(results.size(), " results instead of ", outputs.size());
  }
  for (std::size_t i = 0; i < results.size(); ++i) {
    const std::vector<double> expected = parity::numbers(outputs[i]["v"]);
    const std::string wrong = difference(results[i], dims(outputs[i]["s"]), dtype, expected,
                                         tolerance_of(record, dtype, expected));
    if (!wrong.empty()) return heed::detail::concat("result ", i, ": ", wrong);
  }
  return {};
}

std::string check_gradient(const Json& record, const std::string& name, const Tensor& x,
                           const Json& values) {
  const std::vector<double> expected = parity::numbers(values);
  if (!x.grad().defined()) return "gradient of " + name + " is missing";
  const std::string wrong = difference(x.grad(), x.sizes(), x.dtype(), expected,
                                       tolerance_of(record, x.dtype(), expected));
  return wrong.empty() ? wrong : "gradient of " + name + ": " + wrong;
}

std::string check_gradients(const Json& record, const std::vector<Tensor>& inputs,
                            const Results& results, const nn::Module& module) {
  std::vector<Tensor> roots, seeds;
  for (const Tensor& y : results) {
    if (!y.requires_grad()) continue;
    roots.push_back(y);
    seeds.push_back(tensor_of(grad_output(y.numel()), y.sizes(), y.dtype()));
  }
  if (roots.empty()) return {};
  autograd::backward(roots, seeds);
  std::size_t next = 0;
  for (const Tensor& x : inputs) {
    if (!x.requires_grad()) continue;
    const std::string name = heed::detail::concat("input ", next);
    const std::string wrong = check_gradient(record, name, x, record["grads"][next++]);
    if (!wrong.empty()) return wrong;
  }
  std::size_t found = 0;
  for (const auto& [name, parameter] : module.named_parameters()) {
    if (!record["param_grads"].contains(name)) {
      if (parameter.grad().defined()) return "PyTorch has no gradient of " + name;
      continue;
    }
    ++found;
    const std::string wrong = check_gradient(record, name, parameter, record["param_grads"][name]);
    if (!wrong.empty()) return wrong;
  }
  if (found != record["param_grads"].size()) return "parameters have other names";
  return {};
}

std::string run_module(const Json& record, DType dtype, bool train) {
  try {
    const AnyModule made = prepared(record, dtype, train);
    std::vector<Tensor> inputs;
    for (const Json& input : record["in"]) inputs.push_back(build_input(input, dtype));
    if (record.contains("forward_seed")) {
      manual_seed(record["forward_seed"].get<std::uint64_t>());
    }
    const Results results = made.forward(inputs, Args(record["call"]));
    const std::string wrong = check_outputs(record, results, dtype);
    return wrong.empty() ? check_gradients(record, inputs, results, *made.module) : wrong;
  } catch (const Error& error) {
    return std::string("threw: ") + error.what();
  }
}

}  // namespace

TEST_CASE("modules give PyTorch's outputs and gradients, seeded and with loaded weights") {
  const Json fixture = load_fixture("modules");
  int number = 0;
  for (const Json& record : fixture["cases"]) {
    for (const DType dtype : {float64, float32}) {
      for (const bool train : {true, false}) {
        if (record.contains("train") && record["train"].get<bool>() != train) continue;
        const std::string wrong = run_module(record, dtype, train);
        CHECK_MESSAGE(wrong.empty(),
                      "modules case "
                          << number << ", " << dtype_name(dtype) << ": "
                          << record["module"].get<std::string>() << " " << record["options"].dump()
                          << " call " << record["call"].dump().substr(0, 300)
                          << (train ? " train" : " eval")
                          << (record.contains("seed") ? " seeded" : " loaded") << ": " << wrong);
      }
    }
    ++number;
  }
  CHECK(number > 80);
}

TEST_CASE("sinusoidal positions are those of the paper") {
  const Json fixture = load_fixture("modules");
  for (const Json& table : fixture["sinusoidal"]) {
    const std::int64_t length = table["length"], width = table["width"];
    const std::vector<double> expected = parity::numbers(table["v"]);
    for (const DType dtype : {float64, float32}) {
      const std::string wrong =
          difference(nn::sinusoidal_positions(length, width, dtype), {length, width}, dtype,
                     expected, {.relative = dtype == float64 ? 1e-12 : 1e-6, .scale = 1});
      CHECK_MESSAGE(wrong.empty(), length << "x" << width << ": " << wrong);
    }
  }
}

TEST_CASE("rotary positions turn pairs as the paper says") {
  const Json fixture = load_fixture("modules");
  for (const Json& turn : fixture["rotary"]) {
    for (const DType dtype : {float64, float32}) {
      const Tensor x = build_input(turn["in"][0], dtype);
      const nn::RotaryPositions rotary(x.size(-1),
                                       {.interleaved = turn["interleaved"].get<bool>()});
      const Tensor y = rotary(x, turn["offset"].get<std::int64_t>());
      const Tolerance close{.relative = dtype == float64 ? 1e-10 : 1e-5, .scale = 1};
      const std::string wrong =
          difference(y, x.sizes(), dtype, parity::numbers(turn["out"]), close);
      CHECK_MESSAGE(wrong.empty(), wrong);
      y.backward(tensor_of(grad_output(y.numel()), y.sizes(), dtype));
      const std::string wrong_grad =
          difference(x.grad(), x.sizes(), dtype, parity::numbers(turn["grad"]), close);
      CHECK_MESSAGE(wrong_grad.empty(), wrong_grad);
    }
  }
}
