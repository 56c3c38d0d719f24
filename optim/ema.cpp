#include "optim/ema.h"

#include <algorithm>

#include "core/autograd/grad_mode.h"
#include "core/factory.h"
#include "core/ops/ops.h"
#include "optim/update.h"

namespace heed::optim {
namespace {

std::string shadow_key(std::size_t i) { return heed::detail::concat("shadow.", i); }

template <class T>
void average(const Tensor& shadow, const Tensor& param, double decay) {
  const T rest = static_cast<T>(1 - decay);
  const auto update = [&](T* s, const T* p, std::int64_t, std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i) s[i] += rest * (p[i] - s[i]);
  };
  detail::update_pieces(shadow.data<T>(), param.data<T>(), shadow.numel(), update);
  heed::detail::bump_version(shadow);
}

}  // namespace

ExponentialMovingAverage::ExponentialMovingAverage(std::vector<Tensor> params,
                                                   const Options& options)
    : options_(options), params_(std::move(params)) {
  HEED_CHECK(options.decay >= 0 && options.decay <= 1, "Invalid decay value: ", options.decay);
  NoGradGuard no_grad;
  for (const Tensor& param : params_) {
    HEED_CHECK(param.defined() && param.is_floating_point(),
               "an average of weights needs defined tensors of floating point");
    shadow_.push_back(empty(param.sizes(), {.dtype = param.dtype()}).copy_(param));
  }
}

void ExponentialMovingAverage::update() {
  NoGradGuard no_grad;
  ++updates_;
  const double t = static_cast<double>(updates_);
  const double decay =
      options_.warmup ? std::min(options_.decay, (1 + t) / (10 + t)) : options_.decay;
  for (std::size_t i = 0; i < params_.size(); ++i) {
    const Tensor param = params_[i].detach().contiguous();
    if (param.dtype() == DType::Float32) {
      average<float>(shadow_[i], param, decay);
    } else {
      average<double>(shadow_[i], param, decay);
    }
  }
}

void ExponentialMovingAverage::copy_to_parameters() const {
  NoGradGuard no_grad;
  for (std::size_t i = 0; i < params_.size(); ++i) params_[i].copy_(shadow_[i]);
}

ExponentialMovingAverage::Averaged::Averaged(const ExponentialMovingAverage& ema)
    : params_(ema.params_) {
  NoGradGuard no_grad;
  for (const Tensor& param : params_) saved_.push_back(param.detach().clone());
  ema.copy_to_parameters();
}

ExponentialMovingAverage::Averaged::~Averaged() {
  NoGradGuard no_grad;
  for (std::size_t i = 0; i < params_.size(); ++i) params_[i].copy_(saved_[i]);
}

StateDict ExponentialMovingAverage::state_dict() const {
  StateDict state;
  state.add("num_updates", tensor_from(&updates_, DType::Int64, {}));
  for (std::size_t i = 0; i < shadow_.size(); ++i) state.add(shadow_key(i), shadow_[i]);
  return state;
}

void ExponentialMovingAverage::load_state_dict(const StateDict& state) {
  HEED_CHECK(state.size() == shadow_.size() + 1, "a state of ", state.size(),
             " entries does not fit an average of ", shadow_.size(), " weights, which has ",
             shadow_.size() + 1);
  for (std::size_t i = 0; i < shadow_.size(); ++i) {
    const Tensor& loaded = state.at(shadow_key(i));
    HEED_CHECK(loaded.sizes() == shadow_[i].sizes(), "size mismatch for ", shadow_key(i),
               ": the loaded average has shape ", loaded.sizes(), ", the weight ",
               shadow_[i].sizes());
  }
  const auto updates = state.at("num_updates").item<std::int64_t>();
  NoGradGuard no_grad;
  for (std::size_t i = 0; i < shadow_.size(); ++i) shadow_[i].copy_(state.at(shadow_key(i)));
  updates_ = updates;
}

}  // namespace heed::optim
