#include "core/autograd/gradcheck.h"

#include <algorithm>
#include <cmath>

#include "core/autograd/engine.h"
#include "core/autograd/grad_mode.h"
#include "core/factory.h"
#include "core/ops/inplace.h"
#include "core/random.h"

namespace heed::autograd {
namespace {

Dims index_of(std::int64_t linear, const Dims& sizes) {
  Dims index = sizes;
  for (std::int64_t d = sizes.size() - 1; d >= 0; --d) {
    index[d] = linear % sizes[d];
    linear /= sizes[d];
  }
  return index;
}

std::int64_t offset_of(std::int64_t linear, const Tensor& x) {
  const Dims index = index_of(linear, x.sizes());
  std::int64_t offset = 0;
  for (std::int64_t d = 0; d < index.size(); ++d) offset += index[d] * x.strides()[d];
  return offset;
}

// A copy with the same strides, so that the function meets the layout that it was to be checked on.
// Where elements share memory they could not be moved one by one: such a copy is contiguous.
Tensor copy_with_layout(const Tensor& x) {
  const NoGradGuard guard;
  Tensor copy = heed::detail::make_tensor(x.sizes(), x.dtype());
  bool shared = false;
  std::int64_t extent = 1;
  for (std::int64_t d = 0; d < x.dim(); ++d) {
    shared = shared || (x.sizes()[d] > 1 && x.strides()[d] == 0);
    extent += (x.sizes()[d] - 1) * x.strides()[d];
  }
  if (!x.is_contiguous() && !shared && x.numel() > 0) {
    const Tensor memory = heed::detail::make_tensor(Dims{extent}, x.dtype());
    copy = heed::detail::make_alias(memory, x.sizes(), x.strides(), 0);
  }
  heed::detail::copy_values(copy, x);
  return copy;
}

std::vector<Tensor> copies_of(const std::vector<Tensor>& inputs) {
  std::vector<Tensor> copies;
  for (const Tensor& x : inputs) {
    copies.push_back(x.defined() ? copy_with_layout(x) : Tensor());
    if (x.defined() && x.requires_grad()) copies.back().requires_grad_();
  }
  return copies;
}

// Column after column: jacobian[i][j] is the derivative of output element j with respect to input
// element i.
using Jacobian = std::vector<std::vector<double>>;

std::vector<double> values_of(const Tensor& x) { return x.detach().to_vector<double>(); }

// For each output, the Jacobian with respect to input `which` by central differences.
std::vector<Jacobian> numerical_jacobians(const CheckedFunction& fn,
                                          const std::vector<Tensor>& inputs, std::size_t which,
                                          std::size_t num_outputs, double eps) {
  std::vector<Jacobian> jacobians(num_outputs);
  const auto values_at = [&](std::int64_t element, double step) {
    std::vector<Tensor> moved = copies_of(inputs);
    const Tensor& x = moved[which];
    x.data<double>()[offset_of(element, x)] += step;
    std::vector<std::vector<double>> values;
    for (const Tensor& y : fn(moved)) values.push_back(values_of(y));
    HEED_CHECK(values.size() == num_outputs, "gradcheck: the function returned ", values.size(),
               " tensors after ", num_outputs, " before");
    return values;
  };
  for (std::int64_t i = 0; i < inputs[which].numel(); ++i) {
    const auto above = values_at(i, eps), below = values_at(i, -eps);
    for (std::size_t out = 0; out < num_outputs; ++out) {
      HEED_CHECK(above[out].size() == below[out].size(), "gradcheck: the size of output ", out,
                 " depends on the values of the inputs");
      std::vector<double> column;
      for (std::size_t j = 0; j < above[out].size(); ++j) {
        column.push_back((above[out][j] - below[out][j]) / (2 * eps));
      }
      jacobians[out].push_back(std::move(column));
    }
  }
  return jacobians;
}

// For each input of `wanted`, the Jacobian of one output, by one backward pass for each of its
// elements.
std::vector<Jacobian> analytical_jacobians(const Tensor& y, const std::vector<Tensor>& wanted) {
  const auto columns = static_cast<std::size_t>(y.numel());
  std::vector<Jacobian> jacobians;
  for (const Tensor& x : wanted) {
    jacobians.emplace_back(static_cast<std::size_t>(x.numel()), std::vector<double>(columns, 0.0));
  }
  if (!y.requires_grad()) return jacobians;
  for (std::size_t j = 0; j < columns; ++j) {
    Tensor start = zeros(y.sizes(), {.dtype = y.dtype()});
    if (y.dtype() == DType::Float64) start.data<double>()[j] = 1;
    if (y.dtype() == DType::Float32) start.data<float>()[j] = 1;
    const auto grads =
        grad({y}, wanted, {.grad_outputs = {start}, .retain_graph = true, .allow_unused = true});
    for (std::size_t k = 0; k < wanted.size(); ++k) {
      if (!grads[k].defined()) continue;
      const std::vector<double> row = values_of(grads[k]);
      for (std::size_t i = 0; i < row.size(); ++i) jacobians[k][i][j] = row[i];
    }
  }
  return jacobians;
}

// The largest difference between two backward passes from the same start.
double nondeterminism(const Tensor& y, const std::vector<Tensor>& wanted) {
  if (!y.requires_grad() || y.numel() == 0) return 0;
  const auto pass = [&] {
    return grad({y}, wanted,
                {.grad_outputs = {ones(y.sizes(), {.dtype = y.dtype()})},
                 .retain_graph = true,
                 .allow_unused = true});
  };
  const auto first = pass(), second = pass();
  double worst = 0;
  for (std::size_t k = 0; k < wanted.size(); ++k) {
    if (!first[k].defined()) continue;
    const auto a = values_of(first[k]), b = values_of(second[k]);
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (a[i] != b[i] && !(std::isnan(a[i]) && std::isnan(b[i]))) {
        worst = std::max(worst, std::abs(a[i] - b[i]));
      }
    }
  }
  return worst;
}

struct Mismatch {
  std::int64_t input_element, output_element;
  double numerical, analytical;
  double error() const {
    const double difference = std::abs(numerical - analytical);
    return std::isnan(difference) ? HUGE_VAL : difference;
  }
};

class Comparison {
 public:
  Comparison(const GradcheckOptions& options, GradcheckResult& result)
      : options_(options), result_(result) {}

  void compare(const Jacobian& numerical, const Jacobian& analytical) {
    for (std::size_t i = 0; i < numerical.size(); ++i) {
      for (std::size_t j = 0; j < numerical[i].size(); ++j) {
        const Mismatch pair{static_cast<std::int64_t>(i), static_cast<std::int64_t>(j),
                            numerical[i][j], analytical[i][j]};
        result_.worst_error = std::max(result_.worst_error, pair.error());
        const double allowed = options_.atol + options_.rtol * std::abs(pair.numerical);
        if (!(pair.error() <= allowed)) mismatches_.push_back(pair);
      }
    }
  }

  /// "" where all agreed; else the worst elements, numerical beside analytical.
  std::string report(const char* what, std::size_t out, const Dims& out_sizes, std::size_t in,
                     const Dims& in_sizes, std::int64_t compared) {
    if (mismatches_.empty()) return {};
    heed::detail::TextStream text;
    text.precision(10);
    text << what << ": Jacobian mismatch for output " << out << " (size " << out_sizes
         << ") with respect to input " << in << " (size " << in_sizes << "): " << mismatches_.size()
         << " of " << compared << " derivatives differ";
    constexpr std::size_t kShown = 5;
    std::stable_sort(mismatches_.begin(), mismatches_.end(),
                     [](const Mismatch& a, const Mismatch& b) { return a.error() > b.error(); });
    if (mismatches_.size() > kShown) text << "; the worst " << kShown;
    text << ":";
    for (std::size_t i = 0; i < std::min(kShown, mismatches_.size()); ++i) {
      const Mismatch& at = mismatches_[i];
      text << "\n  input element " << index_of(at.input_element, in_sizes) << ", output element "
           << index_of(at.output_element, out_sizes) << ": numerical " << at.numerical
           << ", analytical " << at.analytical;
    }
    return text.str();
  }

 private:
  const GradcheckOptions& options_;
  GradcheckResult& result_;
  std::vector<Mismatch> mismatches_;
};

void check_inputs(const char* what, const std::vector<Tensor>& inputs) {
  bool any = false;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].defined() || !inputs[i].requires_grad()) continue;
    any = true;
    HEED_CHECK(inputs[i].dtype() == DType::Float64, what, ": input ", i, " of size ",
               inputs[i].sizes(), " is ", dtype_name(inputs[i].dtype()),
               ", in which finite differences drown in rounding: give float64 inputs");
  }
  HEED_CHECK(any, what, " expects at least one input tensor to require gradient, but none of the ",
             inputs.size(), " inputs has requires_grad");
}

GradcheckResult check(const char* what, const CheckedFunction& fn,
                      const std::vector<Tensor>& inputs, const GradcheckOptions& options) {
  check_inputs(what, inputs);
  const EnableGradGuard recording;
  const std::vector<Tensor> leaves = copies_of(inputs);
  std::vector<Tensor> wanted;
  std::vector<std::size_t> places;  // in inputs
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    if (!leaves[i].defined() || !leaves[i].requires_grad()) continue;
    wanted.push_back(leaves[i]);
    places.push_back(i);
  }
  const std::vector<Tensor> outputs = fn(leaves);

  GradcheckResult result;
  std::vector<std::vector<Jacobian>> analytical;  // [output][wanted input]
  for (std::size_t out = 0; out < outputs.size(); ++out) {
    analytical.push_back(analytical_jacobians(outputs[out], wanted));
    if (const double off = nondeterminism(outputs[out], wanted); off > options.nondet_tol) {
      result.message = heed::detail::concat(
          what, ": backward is not reentrant: two passes from output ", out, " (size ",
          outputs[out].sizes(), ") differ by ", off, ", more than nondet_tol ", options.nondet_tol);
    }
  }
  for (std::size_t k = 0; k < wanted.size(); ++k) {
    const auto numerical = numerical_jacobians(fn, inputs, places[k], outputs.size(), options.eps);
    for (std::size_t out = 0; out < outputs.size(); ++out) {
      if (!outputs[out].is_floating_point()) continue;
      Comparison comparison(options, result);
      comparison.compare(numerical[out], analytical[out][k]);
      const std::string report =
          comparison.report(what, out, outputs[out].sizes(), places[k], wanted[k].sizes(),
                            wanted[k].numel() * outputs[out].numel());
      if (!report.empty()) result.message += (result.message.empty() ? "" : "\n") + report;
    }
  }
  result.passed = result.message.empty();
  HEED_CHECK(result.passed || !options.raise_exception, result.message);
  return result;
}

}  // namespace

GradcheckResult gradcheck(const CheckedFunction& fn, const std::vector<Tensor>& inputs,
                          const GradcheckOptions& options) {
  return check("gradcheck", fn, inputs, options);
}

GradcheckResult gradgradcheck(const CheckedFunction& fn, const std::vector<Tensor>& inputs,
                              const GradcheckOptions& options,
                              const std::vector<Tensor>& grad_outputs) {
  check_inputs("gradgradcheck", inputs);
  const EnableGradGuard recording;
  std::vector<Tensor> all = inputs;
  std::vector<std::size_t> differentiable;  // of the outputs
  const std::vector<Tensor> outputs = fn(copies_of(inputs));
  HEED_CHECK(grad_outputs.empty() || grad_outputs.size() == outputs.size(), "gradgradcheck: got ",
             grad_outputs.size(), " grad_outputs for ", outputs.size(), " outputs");
  Generator generator(0);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (!outputs[i].requires_grad()) continue;
    differentiable.push_back(i);
    all.push_back(grad_outputs.empty()
                      ? randn(outputs[i].sizes(), {.dtype = float64, .generator = &generator})
                      : copy_with_layout(grad_outputs[i]));
    all.back().requires_grad_();
  }
  HEED_CHECK(!differentiable.empty(), "gradgradcheck: none of the ", outputs.size(),
             " outputs requires grad");
  const std::size_t count = inputs.size();
  const auto gradient_of = [&](const std::vector<Tensor>& arguments) {
    const std::vector<Tensor> xs(arguments.begin(),
                                 arguments.begin() + static_cast<std::ptrdiff_t>(count));
    const std::vector<Tensor> starts(arguments.begin() + static_cast<std::ptrdiff_t>(count),
                                     arguments.end());
    const std::vector<Tensor> all_outputs = fn(xs);
    std::vector<Tensor> ys, wanted;
    for (const std::size_t i : differentiable) ys.push_back(all_outputs[i]);
    for (const Tensor& x : xs) {
      if (x.defined() && x.requires_grad()) wanted.push_back(x);
    }
    std::vector<Tensor> grads =
        grad(ys, wanted, {.grad_outputs = starts, .create_graph = true, .allow_unused = true});
    for (std::size_t i = 0; i < grads.size(); ++i) {
      if (!grads[i].defined()) grads[i] = zeros_like(wanted[i]);
    }
    return grads;
  };
  return check("gradgradcheck", gradient_of, all, options);
}

}  // namespace heed::autograd
