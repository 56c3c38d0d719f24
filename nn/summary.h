// summary: a model as a table of layers, output shapes, parameters and memory.
#pragma once

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "core/autograd/grad_mode.h"
#include "core/factory.h"
#include "nn/module.h"

namespace heed::nn {

namespace detail {

/// Writes down the output of each module that is called while it lives.
class OutputRecorder final : public CallObserver {
 public:
  struct Output {
    const Module* module;
    Dims sizes;
    DType dtype;
  };

  OutputRecorder() : before_(std::exchange(call_observer, this)) {}
  ~OutputRecorder() { call_observer = before_; }
  OutputRecorder(const OutputRecorder&) = delete;
  OutputRecorder& operator=(const OutputRecorder&) = delete;

  void called(const Module& module, const Tensor& output) override;
  const std::vector<Output>& outputs() const { return outputs_; }

 private:
  CallObserver* before_;
  std::vector<Output> outputs_;
};

std::string summary_table(const Module& module, const std::vector<OutputRecorder::Output>& outputs);

}  // namespace detail

/// Calls the module once on the inputs, as after eval() and without recording a graph, and tells of
/// each module below it: its output's shape, its parameters (those of a layer that shares another's
/// are counted once in the total), and the bytes of parameters and output. The module itself is
/// left as it was.
template <class M>
std::string summary(const M& module, const std::vector<Tensor>& inputs) {
  NoGradGuard no_grad;
  M copy(module);
  copy.eval();
  detail::OutputRecorder recorder;
  const auto run = [&](const auto&... x) {
    if constexpr (requires { copy(x...); }) {
      copy(x...);
    } else {
      HEED_CHECK(false, "summary: ", copy.kind(), " does not take ", sizeof...(x), " tensors");
    }
  };
  switch (inputs.size()) {
    case 1: run(inputs[0]); break;
    case 2: run(inputs[0], inputs[1]); break;
    case 3: run(inputs[0], inputs[1], inputs[2]); break;
    default: HEED_CHECK(false, "summary takes one to three inputs, got ", inputs.size());
  }
  return detail::summary_table(copy, recorder.outputs());
}

template <class M>
std::string summary(const M& module, std::initializer_list<Tensor> inputs) {
  return summary(module, std::vector<Tensor>(inputs));
}

/// The same on an input of zeros; dtype int64 for what takes tokens.
template <class M>
std::string summary(const M& module, const Dims& input_shape, DType dtype = float32) {
  return summary(module, std::vector<Tensor>{zeros(input_shape, {.dtype = dtype})});
}

}  // namespace heed::nn
