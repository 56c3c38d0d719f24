// An exponential moving average of weights.
#pragma once

#include <cstdint>
#include <vector>

#include "core/state_dict.h"
#include "core/tensor.h"

namespace heed::optim {

/// Keeps a shadow of the parameters, s ← decay·s + (1 − decay)·θ at each update() (Polyak and
/// Juditsky 1992), which often predicts better than the last weights themselves:
///
///   optim::ExponentialMovingAverage ema(net.parameters(), {.decay = 0.999});
///   … optimizer.step(); ema.update(); …
///   { auto averaged = ema.average_parameters(); evaluate(net); }  // the weights are back after
///
/// With warm-up the decay of update t is min(decay, (1 + t) / (10 + t)), so that the first,
/// unlearned weights are soon forgotten.
class ExponentialMovingAverage {
 public:
  struct Options {
    double decay = 0.999;
    bool warmup = false;
  };
  /// Error: Invalid decay value.
  explicit ExponentialMovingAverage(std::vector<Tensor> params)
      : ExponentialMovingAverage(std::move(params), Options()) {}
  ExponentialMovingAverage(std::vector<Tensor> params, const Options& options);

  /// To be called after each step of the optimizer.
  void update();
  /// The averages, in the order of the parameters.
  const std::vector<Tensor>& shadow() const { return shadow_; }
  /// Copies the averages into the parameters, for good.
  void copy_to_parameters() const;

  /// The parameters hold the averages for as long as this lives.
  class Averaged {
   public:
    explicit Averaged(const ExponentialMovingAverage& ema);
    ~Averaged();
    Averaged(const Averaged&) = delete;
    Averaged& operator=(const Averaged&) = delete;

   private:
    std::vector<Tensor> params_, saved_;
  };
  [[nodiscard]] Averaged average_parameters() const { return Averaged(*this); }

  /// "shadow.0", … and "num_updates".
  StateDict state_dict() const;
  /// All or nothing. Errors: a missing or unexpected key, another shape.
  void load_state_dict(const StateDict& state);

 private:
  Options options_;
  std::vector<Tensor> params_, shadow_;
  std::int64_t updates_ = 0;
};

}  // namespace heed::optim
