#include "optim/reduce_lr_on_plateau.h"

#include <algorithm>
#include <limits>

#include "core/factory.h"

namespace heed::optim {

ReduceLROnPlateau::ReduceLROnPlateau(Optimizer& optimizer, const Options& options)
    : optimizer_(optimizer),
      options_(options),
      min_lrs_(options.min_lr.expand(optimizer.num_groups(), "min_lr")) {
  HEED_CHECK(options.factor < 1, "Factor should be < 1.0.");
  const double infinity = std::numeric_limits<double>::infinity();
  best_ = options.mode == PlateauMode::Min ? infinity : -infinity;
}

bool ReduceLROnPlateau::is_better(double metric) const {
  const bool relative = options_.threshold_mode == ThresholdMode::Rel;
  if (options_.mode == PlateauMode::Min) {
    return metric < (relative ? best_ * (1 - options_.threshold) : best_ - options_.threshold);
  }
  return metric > (relative ? best_ * (1 + options_.threshold) : best_ + options_.threshold);
}

void ReduceLROnPlateau::step(double metric) {
  HEED_CHECK(min_lrs_.size() == optimizer_.num_groups(), "the schedule was made for ",
             min_lrs_.size(), " parameter groups, the optimizer has ", optimizer_.num_groups());
  ++last_epoch_;
  if (is_better(metric)) {
    best_ = metric;
    bad_epochs_ = 0;
  } else {
    ++bad_epochs_;
  }
  if (cooldown_left_ > 0) {
    --cooldown_left_;
    bad_epochs_ = 0;
  }
  if (bad_epochs_ <= options_.patience) return;
  for (std::size_t g = 0; g < min_lrs_.size(); ++g) {
    const double before = optimizer_.lr(g);
    const double after = std::max(before * options_.factor, min_lrs_[g]);
    if (before - after > options_.eps) optimizer_.set_lr(g, after);
  }
  cooldown_left_ = options_.cooldown;
  bad_epochs_ = 0;
}

std::vector<double> ReduceLROnPlateau::get_last_lr() const {
  std::vector<double> rates;
  for (std::size_t g = 0; g < optimizer_.num_groups(); ++g) rates.push_back(optimizer_.lr(g));
  return rates;
}

StateDict ReduceLROnPlateau::state_dict() const {
  StateDict state;
  state.add("last_epoch", tensor_from(&last_epoch_, DType::Int64, {}));
  state.add("best", tensor_from(&best_, DType::Float64, {}));
  state.add("num_bad_epochs", tensor_from(&bad_epochs_, DType::Int64, {}));
  state.add("cooldown_counter", tensor_from(&cooldown_left_, DType::Int64, {}));
  return state;
}

void ReduceLROnPlateau::load_state_dict(const StateDict& state) {
  HEED_CHECK(state.size() == 4, "this is not the state of a ReduceLROnPlateau: it holds ",
             state.size(), " entries instead of 4");
  const auto last_epoch = state.at("last_epoch").item<std::int64_t>();
  const auto best = state.at("best").item<double>();
  const auto bad_epochs = state.at("num_bad_epochs").item<std::int64_t>();
  cooldown_left_ = state.at("cooldown_counter").item<std::int64_t>();
  last_epoch_ = last_epoch;
  best_ = best;
  bad_epochs_ = bad_epochs;
}

}  // namespace heed::optim
