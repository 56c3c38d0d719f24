// Anomaly mode: find the operation whose backward made a NaN.
#pragma once

#include "core/autograd/node.h"

namespace heed::autograd {

/// While on, every backward checks each gradient it computes and throws at the first NaN:
/// "Function 'LogBackward0' returned nan values in its 0th output." Costs a pass over each
/// gradient. For the whole process.
void set_detect_anomaly(bool enabled);
bool detect_anomaly_enabled();

/// Anomaly mode for as long as it lives.
class DetectAnomalyGuard {
 public:
  explicit DetectAnomalyGuard(bool enabled = true) : before_(detect_anomaly_enabled()) {
    set_detect_anomaly(enabled);
  }
  ~DetectAnomalyGuard() { set_detect_anomaly(before_); }
  DetectAnomalyGuard(const DetectAnomalyGuard&) = delete;
  DetectAnomalyGuard& operator=(const DetectAnomalyGuard&) = delete;

 private:
  bool before_;
};

/// Throws where a gradient that `node` returned holds a NaN. For the engine.
void check_for_nan(const Node& node, const Tensor& dy, Grads& grads);

}  // namespace heed::autograd
