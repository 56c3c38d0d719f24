// Learning rates that change as training goes on: PyTorch's schedules, with PyTorch's numbers.
//
//   optim::SGD optimizer(net.parameters(), {.lr = 0.1});
//   optim::CosineAnnealingLR schedule(optimizer, {.T_max = 100});
//   for (…) {
//     …
//     optimizer.step();
//     schedule.step();
//   }
//
// A schedule sets the first learning rate when it is made, and the next at each step(). Like
// PyTorch's, most derive it from the present one, so that several on one optimizer multiply. A
// schedule refers to its optimizer, which must outlive it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "core/state_dict.h"
#include "optim/optimizer.h"

namespace heed::optim {

class LRScheduler {
 public:
  virtual ~LRScheduler() = default;
  LRScheduler(const LRScheduler&) = delete;
  LRScheduler& operator=(const LRScheduler&) = delete;

  /// Sets the learning rates of the next epoch (or of the next step, where one counts those).
  virtual void step();
  /// The learning rate of each group, as last set.
  const std::vector<double>& get_last_lr() const { return last_lr_; }
  /// How often step() was called.
  std::int64_t last_epoch() const { return last_epoch_; }

  /// The position in the schedule; the optimizer's own state_dict() holds its learning rates.
  virtual StateDict state_dict() const;
  /// Error: keys of another kind of schedule, or of another number of groups.
  virtual void load_state_dict(const StateDict& state);

 protected:
  explicit LRScheduler(Optimizer& optimizer);
  /// To be called at the end of a constructor: the learning rates of epoch 0.
  void start();
  /// The learning rate of a group at last_epoch(), given that `lr` was that of the epoch before.
  virtual double next_lr(std::size_t group, double lr) = 0;
  /// The same without the epoch before; SequentialLR enters a schedule with it.
  virtual double lr_on_entry(std::size_t group, double lr) { return next_lr(group, lr); }
  /// The numbers in state_dict() that next_lr() changes, besides those of LRScheduler.
  void expect_keys(const StateDict& state, std::initializer_list<std::string_view> keys) const;

  Optimizer& optimizer_;
  std::vector<double> base_lrs_, last_lr_;
  std::int64_t last_epoch_ = -1;

 private:
  friend class SequentialLR;
  void apply(bool entry);
};

/// lr × gamma every step_size epochs.
class StepLR final : public LRScheduler {
 public:
  struct Options {
    std::int64_t step_size;
    double gamma = 0.1;
  };
  StepLR(Optimizer& optimizer, const Options& options);

 protected:
  double next_lr(std::size_t group, double lr) override;
  double lr_on_entry(std::size_t group, double lr) override;

 private:
  Options options_;
};

/// lr × gamma at each milestone; one that is named twice counts twice.
class MultiStepLR final : public LRScheduler {
 public:
  struct Options {
    std::vector<std::int64_t> milestones;
    double gamma = 0.1;
  };
  MultiStepLR(Optimizer& optimizer, const Options& options);

 protected:
  double next_lr(std::size_t group, double lr) override;
  double lr_on_entry(std::size_t group, double lr) override;

 private:
  Options options_;
};

/// lr × gamma every epoch.
class ExponentialLR final : public LRScheduler {
 public:
  struct Options {
    double gamma;
  };
  ExponentialLR(Optimizer& optimizer, const Options& options);

 protected:
  double next_lr(std::size_t group, double lr) override;
  double lr_on_entry(std::size_t group, double lr) override;

 private:
  Options options_;
};

/// From start_factor·lr to end_factor·lr along a line, over total_iters epochs.
/// Error: a factor that is not between 0 and 1.
class LinearLR final : public LRScheduler {
 public:
  struct Options {
    double start_factor = 1.0 / 3;
    double end_factor = 1;
    std::int64_t total_iters = 5;
  };
  explicit LinearLR(Optimizer& optimizer) : LinearLR(optimizer, Options()) {}
  LinearLR(Optimizer& optimizer, const Options& options);

 protected:
  double next_lr(std::size_t group, double lr) override;
  double lr_on_entry(std::size_t group, double lr) override;

 private:
  Options options_;
};

/// eta_min + (lr − eta_min)·(1 + cos(π·epoch / T_max)) / 2 (Loshchilov and Hutter 2017), which goes
/// up again after T_max.
class CosineAnnealingLR final : public LRScheduler {
 public:
  struct Options {
    std::int64_t T_max;
    double eta_min = 0;
  };
  CosineAnnealingLR(Optimizer& optimizer, const Options& options);

 protected:
  double next_lr(std::size_t group, double lr) override;
  double lr_on_entry(std::size_t group, double lr) override;

 private:
  Options options_;
};

/// lr × f(epoch), with one f for all groups or one a group. What f is, is not saved.
class LambdaLR : public LRScheduler {
 public:
  using Lambda = std::function<double(std::int64_t epoch)>;
  LambdaLR(Optimizer& optimizer, Lambda lambda);
  /// Error: Expected 2 lr_lambdas, but got 3.
  LambdaLR(Optimizer& optimizer, std::vector<Lambda> lambdas);

 protected:
  double next_lr(std::size_t group, double lr) override;

 private:
  std::vector<Lambda> lambdas_;
};

/// From 0 to lr along a line over `warmup` steps, then half a cosine down to floor·lr at step
/// `total`, and floor·lr from there on: how GPTs are trained.
class WarmupCosineLR final : public LambdaLR {
 public:
  struct Options {
    std::int64_t warmup;
    std::int64_t total;
    double floor = 0;
  };
  WarmupCosineLR(Optimizer& optimizer, const Options& options);
};

/// One schedule after another: schedules[i + 1] begins at milestones[i]. All of the same optimizer.
class SequentialLR final : public LRScheduler {
 public:
  using Schedules = std::vector<std::shared_ptr<LRScheduler>>;
  SequentialLR(Optimizer& optimizer, Schedules schedules, std::vector<std::int64_t> milestones);

  void step() override;
  StateDict state_dict() const override;
  void load_state_dict(const StateDict& state) override;

 protected:
  double next_lr(std::size_t group, double lr) override;

 private:
  Schedules schedules_;
  std::vector<std::int64_t> milestones_;
};

}  // namespace heed::optim
