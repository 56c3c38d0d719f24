// Training: each friend learns to say what the next friend would.
#pragma once

#include <cstdint>
#include <vector>

#include "attention.h"
#include "options.h"
#include "terminal.h"

namespace friends {

struct Training {
  std::vector<double> loss;  // before each step, and once more at the end
  bool diverged = false;     // the loss stopped being a number, and training with it
  double seconds = 0;
};

/// Steps of gradient descent with momentum on the mean squared error between the output and the
/// friends moved up by one row. Progress goes to the terminal unless options.quiet.
Training train(const Tensor& friends, Layer& layer, const Options& options,
               const Terminal& terminal);

}  // namespace friends
