#include "tests/parity/support/compare.h"

#include <cmath>
#include <limits>

#include "core/autograd/engine.h"
#include "core/autograd/node.h"

namespace heed::parity {

namespace {

/// The distance from |x| to the next float32, where x is a float64 result.
double float_ulp(double x) {
  const float at = std::fabs(static_cast<float>(x));
  const float max = std::numeric_limits<float>::max();
  if (!(at < max)) return static_cast<double>(max) - std::nextafter(max, 0.0f);
  return static_cast<double>(std::nextafter(at, max)) - static_cast<double>(at);
}

/// How far off, in units of what is allowed: more than 1 is wrong.
double excess(double actual, double expected, DType dtype, const Tolerance& tolerance) {
  if (dtype == float32 && std::isfinite(expected) && std::isinf(static_cast<float>(expected))) {
    expected = std::copysign(std::numeric_limits<double>::infinity(), expected);
  }
  const double wrong = std::numeric_limits<double>::infinity();
  if (std::isnan(expected) || std::isnan(actual)) {
    return std::isnan(expected) && std::isnan(actual) ? 0 : wrong;
  }
  if (std::isinf(expected) || std::isinf(actual)) return expected == actual ? 0 : wrong;
  if (actual == expected) return 0;
  double allowed = tolerance.relative * std::max(std::fabs(expected), tolerance.scale);
  if (tolerance.ulps > 0) allowed = std::max(allowed, tolerance.ulps * float_ulp(expected));
  if (is_floating_point(dtype)) {
    allowed = std::max(allowed, dtype == float32 ? std::numeric_limits<float>::denorm_min()
                                                 : std::numeric_limits<double>::denorm_min());
  }
  return allowed > 0 ? std::fabs(actual - expected) / allowed : wrong;
}

/// What one result of a case may be off by.
Tolerance output_tolerance(const Json& record, const Json& out, DType dtype,
                           const std::vector<double>& expected) {
  if (!is_floating_point(dtype)) return {};
  const bool scaled = record.contains("rule");
  // Results of integers that PyTorch gives in float32 carry its own rounding too.
  const bool float_of_integers = out.value("d", "f") == "f32";
  if (!scaled) {
    if (dtype == float64) return {.relative = 1e-12};
    return {.ulps = float_of_integers ? 3.0 : 2.0};
  }
  const double scale =
      out.contains("scale") ? number(out["scale"]) : std::max(largest(expected), 1.0);
  return {.relative = dtype == float64 ? 1e-12 : 1e-6, .scale = scale};
}

/// What the gradient of input i may be off by. The gradients of the outputs are at most 1.375.
Tolerance gradient_tolerance(const Json& record, std::size_t i, DType dtype,
                             const std::vector<double>& expected, bool summed) {
  double scale = 1.375;
  if (record.contains("gradscale")) {
    scale = std::max(number(record["gradscale"][i]), 1e-30);
  } else if (summed || record.contains("rule")) {
    scale = std::max(scale, largest(expected));
  }
  return {.relative = dtype == float64 ? 1e-12 : 1e-6, .scale = scale};
}

std::string check_gradients(const Json& record, const std::vector<Tensor>& inputs,
                            const Results& results, DType floating) {
  std::vector<Tensor> roots, seeds;
  for (const Tensor& y : results) {
    if (!y.requires_grad()) continue;
    roots.push_back(y);
    seeds.push_back(tensor_of(grad_output(y.numel()), y.sizes(), y.dtype()));
  }
  if (roots.empty()) return "no result requires grad";
  autograd::backward(roots, seeds);
  std::size_t next = 0;
  for (const Tensor& x : inputs) {
    if (!x.requires_grad()) continue;
    const std::size_t i = next++;
    const Json& expected = record["grads"][i];
    const Tensor grad = x.grad();
    if (expected.is_null()) {
      if (grad.defined() && largest(grad.to(float64).contiguous().to_vector<double>()) > 0) {
        return detail::concat("gradient ", i, ": PyTorch gives none");
      }
    } else {
      const std::vector<double> want = numbers(expected);
      if (!grad.defined()) {
        if (x.numel() == 0) continue;  // an empty gradient and none are the same
        return detail::concat("gradient ", i, " is missing");
      }
      const bool summed = !(x.sizes() == results[0].sizes());
      const std::string wrong = difference(grad, x.sizes(), floating, want,
                                           gradient_tolerance(record, i, floating, want, summed));
      if (!wrong.empty()) return detail::concat("gradient ", i, ": ", wrong);
    }
  }
  return {};
}

}  // namespace

double largest(const std::vector<double>& values) {
  double most = 0;
  for (const double value : values) {
    if (std::isfinite(value)) most = std::max(most, std::fabs(value));
  }
  return most;
}

std::string difference(const Tensor& actual, const Dims& sizes, DType dtype,
                       const std::vector<double>& expected, const Tolerance& tolerance) {
  if (!(actual.sizes() == sizes)) {
    return detail::concat("shape ", actual.sizes(), " instead of ", sizes);
  }
  if (actual.dtype() != dtype) {
    return detail::concat("dtype ", dtype_name(actual.dtype()), " instead of ", dtype_name(dtype));
  }
  const std::vector<double> values = actual.to_vector<double>();
  double worst = 0;
  std::size_t at = 0, wrong = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double off = excess(values[i], expected[i], dtype, tolerance);
    if (off > 1) ++wrong;
    if (off > worst) {
      worst = off;
      at = i;
    }
  }
  if (wrong == 0) return {};
  std::ostringstream text;
  text.precision(dtype == float32 ? 9 : 17);
  text << wrong << " of " << values.size() << " elements of shape " << sizes
       << " are off; the worst, element " << at << ", is " << values[at] << " instead of "
       << expected[at] << ", " << worst << " times what is allowed";
  return text.str();
}

std::string describe(const Json& record, const std::vector<Tensor>& inputs) {
  std::ostringstream text;
  text << record["op"].get<std::string>() << "(";
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    text << (i ? ", " : "") << dtype_name(inputs[i].dtype()) << " " << inputs[i].sizes();
    if (!inputs[i].is_contiguous()) text << " strides " << inputs[i].strides();
  }
  text << ")";
  if (record.contains("args")) text << " " << record["args"].dump();
  return text.str();
}

std::string run_case(const Json& record, DType floating) {
  std::vector<Tensor> inputs;
  for (const Json& input : record["in"]) inputs.push_back(build_input(input, floating));
  const auto where = [&](const std::string& wrong) {
    return wrong.empty() ? wrong : describe(record, inputs) + ": " + wrong;
  };
  try {
    const auto op = registry().find(record["op"]);
    HEED_CHECK(op != registry().end(), "no such operation in the registry");
    const Args args(record.value("args", Json::object()));
    const Results results = op->second(inputs, args);
    if (results.size() != record["out"].size()) {
      return where(detail::concat(results.size(), " results instead of ", record["out"].size()));
    }
    for (std::size_t k = 0; k < results.size(); ++k) {
      const Json& out = record["out"][k];
      const DType dtype = dtype_of_kind(out.value("d", "f"), floating);
      const std::vector<double> expected = numbers(out["v"]);
      const std::string wrong = difference(results[k], dims(out["s"]), dtype, expected,
                                           output_tolerance(record, out, dtype, expected));
      if (!wrong.empty()) return where(detail::concat("result ", k, ": ", wrong));
    }
    if (record.contains("fn")) {
      const auto node = results[0].grad_fn();
      const std::string name = node ? node->name() : "none";
      if (name != record["fn"])
        return where("grad_fn " + name + " instead of " + record["fn"].dump());
    }
    if (record.contains("grads")) {
      return where(check_gradients(record, inputs, results, floating));
    }
  } catch (const Error& error) {
    return where(std::string("threw: ") + error.what());
  }
  return {};
}

}  // namespace heed::parity
