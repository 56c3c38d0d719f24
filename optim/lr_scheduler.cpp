#include "optim/lr_scheduler.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/factory.h"

namespace heed::optim {

using std::numbers::pi;

// ---- What all schedules share

LRScheduler::LRScheduler(Optimizer& optimizer) : optimizer_(optimizer) {
  for (std::size_t g = 0; g < optimizer.num_groups(); ++g) {
    base_lrs_.push_back(optimizer.initial_lr(g));
    last_lr_.push_back(optimizer.lr(g));
  }
}

void LRScheduler::start() { LRScheduler::step(); }

void LRScheduler::step() {
  ++last_epoch_;
  apply(false);
}

void LRScheduler::apply(bool entry) {
  HEED_CHECK(base_lrs_.size() == optimizer_.num_groups(), "the schedule was made for ",
             base_lrs_.size(), " parameter groups, the optimizer has ", optimizer_.num_groups());
  for (std::size_t g = 0; g < base_lrs_.size(); ++g) {
    const double lr = optimizer_.lr(g);
    last_lr_[g] = entry ? lr_on_entry(g, lr) : next_lr(g, lr);
  }
  for (std::size_t g = 0; g < base_lrs_.size(); ++g) optimizer_.set_lr(g, last_lr_[g]);
}

StateDict LRScheduler::state_dict() const {
  StateDict state;
  state.add("last_epoch", tensor_from(&last_epoch_, DType::Int64, {}));
  state.add("base_lrs", tensor(base_lrs_));
  state.add("last_lr", tensor(last_lr_));
  return state;
}

void LRScheduler::load_state_dict(const StateDict& state) {
  expect_keys(state, {});
  const std::vector<double> base = state.at("base_lrs").to_vector<double>();
  const std::vector<double> last = state.at("last_lr").to_vector<double>();
  HEED_CHECK(base.size() == base_lrs_.size() && last.size() == base_lrs_.size(),
             "the state of a schedule of ", base.size(), " parameter groups does not fit one of ",
             base_lrs_.size());
  last_epoch_ = state.at("last_epoch").item<std::int64_t>();
  base_lrs_ = base;
  last_lr_ = last;
}

void LRScheduler::expect_keys(const StateDict& state,
                              std::initializer_list<std::string_view> keys) const {
  std::vector<std::string_view> expected{"last_epoch", "base_lrs", "last_lr"};
  expected.insert(expected.end(), keys);
  for (const std::string_view key : expected) {
    HEED_CHECK(state.contains(std::string(key)), "the state of a schedule lacks \"", key, "\"");
  }
  for (const auto& [key, tensor] : state) {
    HEED_CHECK(std::find(expected.begin(), expected.end(), key) != expected.end(), "\"", key,
               "\" is not part of the state of this schedule");
  }
}

// ---- StepLR

StepLR::StepLR(Optimizer& optimizer, const Options& options)
    : LRScheduler(optimizer), options_(options) {
  HEED_CHECK(options.step_size > 0, "Invalid step_size value: ", options.step_size);
  start();
}

double StepLR::next_lr(std::size_t, double lr) {
  return last_epoch_ == 0 || last_epoch_ % options_.step_size != 0 ? lr : lr * options_.gamma;
}

double StepLR::lr_on_entry(std::size_t group, double) {
  return base_lrs_[group] *
         std::pow(options_.gamma, static_cast<double>(last_epoch_ / options_.step_size));
}

// ---- MultiStepLR

MultiStepLR::MultiStepLR(Optimizer& optimizer, const Options& options)
    : LRScheduler(optimizer), options_(options) {
  std::sort(options_.milestones.begin(), options_.milestones.end());
  start();
}

double MultiStepLR::next_lr(std::size_t, double lr) {
  const auto [first, last] =
      std::equal_range(options_.milestones.begin(), options_.milestones.end(), last_epoch_);
  return first == last ? lr : lr * std::pow(options_.gamma, static_cast<double>(last - first));
}

double MultiStepLR::lr_on_entry(std::size_t group, double) {
  const auto& milestones = options_.milestones;
  const auto passed = std::upper_bound(milestones.begin(), milestones.end(), last_epoch_);
  return base_lrs_[group] *
         std::pow(options_.gamma, static_cast<double>(passed - milestones.begin()));
}

// ---- ExponentialLR

ExponentialLR::ExponentialLR(Optimizer& optimizer, const Options& options)
    : LRScheduler(optimizer), options_(options) {
  start();
}

double ExponentialLR::next_lr(std::size_t, double lr) {
  return last_epoch_ == 0 ? lr : lr * options_.gamma;
}

double ExponentialLR::lr_on_entry(std::size_t group, double) {
  return base_lrs_[group] * std::pow(options_.gamma, static_cast<double>(last_epoch_));
}

// ---- LinearLR

LinearLR::LinearLR(Optimizer& optimizer, const Options& options)
    : LRScheduler(optimizer), options_(options) {
  HEED_CHECK(options.start_factor >= 0 && options.start_factor <= 1,
             "Starting multiplicative factor expected to be between 0 and 1.");
  HEED_CHECK(options.end_factor >= 0 && options.end_factor <= 1,
             "Ending multiplicative factor expected to be between 0 and 1.");
  HEED_CHECK(options.total_iters > 0, "Invalid total_iters value: ", options.total_iters);
  start();
}

// The factor grows by the same amount each epoch: f(t) / f(t − 1) = 1 + slope / (total·f(t − 1)).
double LinearLR::next_lr(std::size_t, double lr) {
  if (last_epoch_ == 0) return lr * options_.start_factor;
  if (last_epoch_ > options_.total_iters) return lr;
  const double slope = options_.end_factor - options_.start_factor;
  const double total = static_cast<double>(options_.total_iters);
  return lr * (1.0 + slope / (total * options_.start_factor +
                              static_cast<double>(last_epoch_ - 1) * slope));
}

double LinearLR::lr_on_entry(std::size_t group, double) {
  const double slope = options_.end_factor - options_.start_factor;
  const double passed = static_cast<double>(std::min(options_.total_iters, last_epoch_));
  return base_lrs_[group] *
         (options_.start_factor + slope * passed / static_cast<double>(options_.total_iters));
}

// ---- CosineAnnealingLR

CosineAnnealingLR::CosineAnnealingLR(Optimizer& optimizer, const Options& options)
    : LRScheduler(optimizer), options_(options) {
  HEED_CHECK(options.T_max > 0, "Invalid T_max value: ", options.T_max);
  start();
}

// The quotient of two neighbouring values of 1 + cos, but where the earlier one is 0: there the
// rate starts anew from eta_min.
double CosineAnnealingLR::next_lr(std::size_t group, double lr) {
  if (last_epoch_ == 0) return lr;
  const double t_max = static_cast<double>(options_.T_max);
  if ((last_epoch_ - 1 - options_.T_max) % (2 * options_.T_max) == 0) {
    return lr + (base_lrs_[group] - options_.eta_min) * (1 - std::cos(pi / t_max)) / 2;
  }
  return (1 + std::cos(pi * static_cast<double>(last_epoch_) / t_max)) /
             (1 + std::cos(pi * static_cast<double>(last_epoch_ - 1) / t_max)) *
             (lr - options_.eta_min) +
         options_.eta_min;
}

double CosineAnnealingLR::lr_on_entry(std::size_t group, double) {
  const double turn = pi * static_cast<double>(last_epoch_) / static_cast<double>(options_.T_max);
  return options_.eta_min + (base_lrs_[group] - options_.eta_min) * (1 + std::cos(turn)) / 2;
}

// ---- LambdaLR and WarmupCosineLR

LambdaLR::LambdaLR(Optimizer& optimizer, Lambda lambda)
    : LambdaLR(optimizer, std::vector<Lambda>(optimizer.num_groups(), std::move(lambda))) {}

LambdaLR::LambdaLR(Optimizer& optimizer, std::vector<Lambda> lambdas)
    : LRScheduler(optimizer), lambdas_(std::move(lambdas)) {
  HEED_CHECK(lambdas_.size() == optimizer.num_groups(), "Expected ", optimizer.num_groups(),
             " lr_lambdas, but got ", lambdas_.size());
  start();
}

double LambdaLR::next_lr(std::size_t group, double) {
  return base_lrs_[group] * lambdas_[group](last_epoch_);
}

namespace {

LambdaLR::Lambda warmup_cosine(const WarmupCosineLR::Options& options) {
  HEED_CHECK(options.warmup >= 0 && options.total > options.warmup,
             "WarmupCosineLR: expected 0 <= warmup < total, got ", options.warmup, " and ",
             options.total);
  return [options](std::int64_t step) {
    if (step < options.warmup)
      return static_cast<double>(step) / static_cast<double>(options.warmup);
    const double t = std::min(1.0, static_cast<double>(step - options.warmup) /
                                       static_cast<double>(options.total - options.warmup));
    return options.floor + (1 - options.floor) * 0.5 * (1 + std::cos(pi * t));
  };
}

}  // namespace

WarmupCosineLR::WarmupCosineLR(Optimizer& optimizer, const Options& options)
    : LambdaLR(optimizer, warmup_cosine(options)) {}

// ---- SequentialLR

namespace {
std::string part_prefix(std::size_t i) { return heed::detail::concat("schedules.", i, "."); }
}  // namespace

// The schedules have each set the optimizer's rate when they were made: that is undone, and the
// first one starts anew.
SequentialLR::SequentialLR(Optimizer& optimizer, Schedules schedules,
                           std::vector<std::int64_t> milestones)
    : LRScheduler(optimizer), schedules_(std::move(schedules)), milestones_(std::move(milestones)) {
  HEED_CHECK(!schedules_.empty() && milestones_.size() == schedules_.size() - 1,
             "Sequential Schedulers expects number of schedulers provided to be one more than the "
             "number of milestone points, but got number of schedulers ",
             schedules_.size(), " and the number of milestones to be equal to ",
             milestones_.size());
  HEED_CHECK(std::is_sorted(milestones_.begin(), milestones_.end()),
             "SequentialLR: the milestones must be in increasing order");
  for (std::size_t i = 0; i < schedules_.size(); ++i) {
    HEED_CHECK(schedules_[i] && &schedules_[i]->optimizer_ == &optimizer,
               "Sequential Schedulers expects all schedulers to belong to the same optimizer, but "
               "got schedulers at index ",
               i, " to be different than the optimizer passed in.");
  }
  for (std::size_t g = 0; g < optimizer.num_groups(); ++g) {
    optimizer.set_lr(g, optimizer.initial_lr(g));
  }
  for (const auto& schedule : schedules_) --schedule->last_epoch_;
  last_epoch_ = 0;
  schedules_[0]->step();
  last_lr_ = schedules_[0]->get_last_lr();
}

void SequentialLR::step() {
  ++last_epoch_;
  const auto passed = std::upper_bound(milestones_.begin(), milestones_.end(), last_epoch_);
  const auto index = static_cast<std::size_t>(passed - milestones_.begin());
  LRScheduler& schedule = *schedules_[index];
  if (index > 0 && milestones_[index - 1] == last_epoch_) {
    schedule.last_epoch_ = 0;
    schedule.apply(true);
  } else {
    schedule.step();
  }
  last_lr_ = schedule.get_last_lr();
}

double SequentialLR::next_lr(std::size_t, double lr) { return lr; }

StateDict SequentialLR::state_dict() const {
  StateDict state = LRScheduler::state_dict();
  for (std::size_t i = 0; i < schedules_.size(); ++i) {
    state.add_all(schedules_[i]->state_dict(), part_prefix(i));
  }
  return state;
}

// The parts load one after another. When one refuses, it and those before it are set back.
void SequentialLR::load_state_dict(const StateDict& state) {
  StateDict own;
  std::vector<StateDict> parts(schedules_.size());
  for (const auto& [key, tensor] : state) {
    std::size_t i = 0;
    while (i < parts.size() && !key.starts_with(part_prefix(i))) ++i;
    if (i < parts.size()) {
      parts[i].add(key.substr(part_prefix(i).size()), tensor);
    } else {
      own.add(key, tensor);
    }
  }
  std::vector<StateDict> before;
  try {
    for (std::size_t i = 0; i < parts.size(); ++i) {
      before.push_back(schedules_[i]->state_dict());
      schedules_[i]->load_state_dict(parts[i]);
    }
    LRScheduler::load_state_dict(own);
  } catch (...) {
    for (std::size_t i = before.size(); i-- > 0;) schedules_[i]->load_state_dict(before[i]);
    throw;
  }
}

}  // namespace heed::optim
