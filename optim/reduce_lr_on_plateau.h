// ReduceLROnPlateau: a smaller learning rate once a metric stops getting better.
#pragma once

#include <cstdint>
#include <vector>

#include "core/state_dict.h"
#include "optim/one_cycle_lr.h"
#include "optim/optimizer.h"

namespace heed::optim {

enum class PlateauMode { Min, Max };
enum class ThresholdMode { Rel, Abs };

/// lr ← max(lr·factor, min_lr) when the metric given to step() has not been better than the best so
/// far, by the threshold (relative or absolute), for more than `patience` steps; then nothing is
/// counted for `cooldown` steps. A change smaller than eps is not made. Error: Factor should be
/// < 1.0.
class ReduceLROnPlateau {
 public:
  struct Options {
    PlateauMode mode = PlateauMode::Min;
    double factor = 0.1;
    std::int64_t patience = 10;
    double threshold = 1e-4;
    ThresholdMode threshold_mode = ThresholdMode::Rel;
    std::int64_t cooldown = 0;
    PerGroup min_lr = 0;
    double eps = 1e-8;
  };
  explicit ReduceLROnPlateau(Optimizer& optimizer) : ReduceLROnPlateau(optimizer, Options()) {}
  ReduceLROnPlateau(Optimizer& optimizer, const Options& options);
  ReduceLROnPlateau(const ReduceLROnPlateau&) = delete;
  ReduceLROnPlateau& operator=(const ReduceLROnPlateau&) = delete;

  void step(double metric);
  std::int64_t last_epoch() const { return last_epoch_; }
  std::vector<double> get_last_lr() const;

  StateDict state_dict() const;
  void load_state_dict(const StateDict& state);

 private:
  bool is_better(double metric) const;

  Optimizer& optimizer_;
  Options options_;
  std::vector<double> min_lrs_;
  double best_;
  std::int64_t bad_epochs_ = 0, cooldown_left_ = 0, last_epoch_ = 0;
};

}  // namespace heed::optim
