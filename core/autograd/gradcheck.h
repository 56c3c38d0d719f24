// Is a gradient right? The derivative that backward computes, beside the one that finite
// differences measure.
#pragma once

#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/tensor.h"

namespace heed::autograd {

/// A function under check: takes the inputs, returns one tensor or several. Any callable on
/// std::vector<Tensor> will do.
class CheckedFunction {
 public:
  template <class F>
  requires std::is_invocable_v < F&, const std::vector<Tensor>
  & > &&(!std::is_same_v<std::remove_cvref_t<F>, CheckedFunction>)CheckedFunction(F function) {
    using Result = std::invoke_result_t<F&, const std::vector<Tensor>&>;
    call_ = [function = std::move(function)](const std::vector<Tensor>& inputs) mutable {
      if constexpr (std::is_convertible_v<Result, Tensor>) {
        return std::vector<Tensor>{function(inputs)};
      } else {
        return std::vector<Tensor>(function(inputs));
      }
    };
  }
  std::vector<Tensor> operator()(const std::vector<Tensor>& inputs) const { return call_(inputs); }

 private:
  std::function<std::vector<Tensor>(const std::vector<Tensor>&)> call_;
};

struct GradcheckOptions {
  double eps = 1e-6;   ///< half the distance between the two points of a finite difference
  double atol = 1e-7;  ///< allowed: |analytical - numerical| <= atol + rtol |numerical|
  double rtol = 1e-5;
  double nondet_tol = 0;         ///< allowed between two backward passes of the same graph
  bool raise_exception = false;  ///< throw heed::Error instead of returning a failure
};

/// What a check found. True where all derivatives agree.
struct GradcheckResult {
  bool passed = true;
  /// Empty when passed; else which output, which input, which elements, and both derivatives.
  std::string message;
  /// The largest |analytical - numerical| met, passed or not.
  double worst_error = 0;
  explicit operator bool() const { return passed; }
};

/// Compares the whole Jacobian of fn at `inputs`, element by element, for each input that requires
/// grad. fn must compute its result from its argument alone, smoothly around it. Inputs may have
/// any strides and be empty; those that require grad must be float64, for in float32 the difference
/// drowns in rounding. fn is called twice for each input element and is given copies, so `inputs`
/// and their .grad stay untouched. Errors: no input requires grad; one that does is not float64.
GradcheckResult gradcheck(const CheckedFunction& fn, const std::vector<Tensor>& inputs,
                          const GradcheckOptions& options = {});

/// The same for the gradient itself, as a function of the inputs and of the gradient it starts
/// from: second derivatives. grad_outputs: where to start; by default reproducible random numbers.
GradcheckResult gradgradcheck(const CheckedFunction& fn, const std::vector<Tensor>& inputs,
                              const GradcheckOptions& options = {},
                              const std::vector<Tensor>& grad_outputs = {});

}  // namespace heed::autograd
