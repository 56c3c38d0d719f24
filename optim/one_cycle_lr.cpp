#include "optim/one_cycle_lr.h"

#include <cmath>
#include <numbers>

namespace heed::optim {

std::vector<double> PerGroup::expand(std::size_t groups, const char* name) const {
  if (values_.size() == 1) return std::vector<double>(groups, values_[0]);
  HEED_CHECK(values_.size() == groups, "expected ", groups, " values for ", name, ", got ",
             values_.size());
  return values_;
}

namespace {

std::int64_t count_steps(const OneCycleLR::Options& options) {
  const auto positive = [](std::int64_t number, const char* name) {
    HEED_CHECK(number > 0, "Expected positive integer ", name, ", but got ", number);
    return number;
  };
  if (options.total_steps) return positive(*options.total_steps, "total_steps");
  HEED_CHECK(options.epochs && options.steps_per_epoch,
             "You must define either total_steps OR (epochs AND steps_per_epoch)");
  return positive(*options.epochs, "epochs") *
         positive(*options.steps_per_epoch, "steps_per_epoch");
}

}  // namespace

OneCycleLR::OneCycleLR(Optimizer& optimizer, const Options& options)
    : LRScheduler(optimizer), options_(options), total_steps_(count_steps(options)) {
  HEED_CHECK(options.pct_start >= 0 && options.pct_start <= 1,
             "Expected float between 0 and 1 pct_start, but got ", options.pct_start);
  const std::size_t groups = optimizer.num_groups();
  max_lrs_ = options.max_lr.expand(groups, "max_lr");
  base_momentums_ = options.base_momentum.expand(groups, "base_momentum");
  max_momentums_ = options.max_momentum.expand(groups, "max_momentum");
  if (options.cycle_momentum) {
    for (std::size_t g = 0; g < groups; ++g) momentum(g) = max_momentums_[g];
  }
  for (std::size_t g = 0; g < groups; ++g) {
    start_lrs_.push_back(max_lrs_[g] / options.div_factor);
    min_lrs_.push_back(start_lrs_[g] / options.final_div_factor);
    optimizer.set_initial_lr(g, start_lrs_[g]);
  }
  base_lrs_ = start_lrs_;

  const double total = static_cast<double>(total_steps_);
  const double rising = options.pct_start * total;
  phases_.push_back({rising - 1, &start_lrs_, &max_lrs_, &max_momentums_, &base_momentums_});
  if (options.three_phase) {
    phases_.push_back({2 * options.pct_start * total - 2, &max_lrs_, &start_lrs_, &base_momentums_,
                       &max_momentums_});
    phases_.push_back({total - 1, &start_lrs_, &min_lrs_, &max_momentums_, &max_momentums_});
  } else {
    phases_.push_back({total - 1, &max_lrs_, &min_lrs_, &base_momentums_, &max_momentums_});
  }
  start();
}

double& OneCycleLR::momentum(std::size_t group) const {
  for (const OptionRef& option : optimizer_.option_refs(group)) {
    if (std::string_view(option.name) == "momentum") return *std::get<double*>(option.value);
    if (std::string_view(option.name) == "betas") return (*std::get<Betas*>(option.value))[0];
  }
  throw Error("optimizer must support momentum with `cycle_momentum` option enabled");
}

double OneCycleLR::anneal(double start, double end, double part) const {
  if (options_.anneal_strategy == Anneal::Linear) return (end - start) * part + start;
  return end + (start - end) / 2 * (std::cos(std::numbers::pi * part) + 1);
}

double OneCycleLR::next_lr(std::size_t group, double) {
  HEED_CHECK(last_epoch_ <= total_steps_, "Tried to step ", last_epoch_ + 1,
             " times. The specified number of total steps is ", total_steps_);
  const double step = static_cast<double>(last_epoch_);
  double start = 0;
  std::size_t i = 0;
  while (i + 1 < phases_.size() && step > phases_[i].end_step) start = phases_[i++].end_step;
  const Phase& phase = phases_[i];
  const double length = phase.end_step - start;
  const double part = length == 0 ? 1 : (step - start) / length;
  if (options_.cycle_momentum) {
    momentum(group) = anneal((*phase.start_momentum)[group], (*phase.end_momentum)[group], part);
  }
  return anneal((*phase.start_lr)[group], (*phase.end_lr)[group], part);
}

}  // namespace heed::optim
