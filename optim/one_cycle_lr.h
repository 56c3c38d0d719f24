// OneCycleLR: up and down once, momentum the other way.
#pragma once

#include <initializer_list>
#include <optional>
#include <string_view>
#include <vector>

#include "optim/lr_scheduler.h"

namespace heed::optim {

/// One value for all groups, or one a group.
class PerGroup {
 public:
  PerGroup(double value) : values_{value} {}
  PerGroup(std::initializer_list<double> values) : values_(values) {}
  PerGroup(std::vector<double> values) : values_(std::move(values)) {}
  /// Error: expected 2 values for max_lr, got 3.
  std::vector<double> expand(std::size_t groups, const char* name) const;

 private:
  std::vector<double> values_;
};

enum class Anneal { Cos, Linear };

/// The 1cycle policy (Smith and Topin 2017): the learning rate rises from max_lr / div_factor to
/// max_lr over the first pct_start of the steps and falls to 1 / final_div_factor of its start over
/// the rest (three_phase: first back to its start, symmetrically), while momentum, or Adam's β1,
/// goes from max_momentum to base_momentum and back. step() is called after every batch. Errors:
/// values out of range; more steps than total_steps; cycle_momentum without a momentum.
class OneCycleLR final : public LRScheduler {
 public:
  struct Options {
    PerGroup max_lr;
    /// Or epochs and steps_per_epoch, whose product it then is.
    std::optional<std::int64_t> total_steps = {};
    std::optional<std::int64_t> epochs = {};
    std::optional<std::int64_t> steps_per_epoch = {};
    double pct_start = 0.3;
    Anneal anneal_strategy = Anneal::Cos;
    bool cycle_momentum = true;
    PerGroup base_momentum = 0.85;
    PerGroup max_momentum = 0.95;
    double div_factor = 25;
    double final_div_factor = 1e4;
    bool three_phase = false;
  };
  OneCycleLR(Optimizer& optimizer, const Options& options);

 protected:
  double next_lr(std::size_t group, double lr) override;

 private:
  struct Phase {
    double end_step;
    // Of what the phase leads from and to, one value a group.
    const std::vector<double>*start_lr, *end_lr, *start_momentum, *end_momentum;
  };
  double anneal(double start, double end, double part) const;
  double& momentum(std::size_t group) const;

  Options options_;
  std::int64_t total_steps_;
  std::vector<double> max_lrs_, min_lrs_, start_lrs_, base_momentums_, max_momentums_;
  std::vector<Phase> phases_;
};

}  // namespace heed::optim
