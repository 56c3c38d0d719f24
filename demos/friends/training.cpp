#include "training.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <string>

namespace friends {
namespace {

// A line that a terminal redraws; plain lines, one for each tenth of the way, anywhere else.
class Progress {
 public:
  Progress(std::int64_t steps, bool quiet, const Terminal& terminal)
      : steps_(steps), quiet_(quiet), terminal_(terminal) {}

  void show(std::int64_t step, double loss) {
    if (quiet_) return;
    const bool last = step == steps_;
    if (terminal_.interactive) {
      const auto now = std::chrono::steady_clock::now();
      if (!last && now - drawn_ < std::chrono::milliseconds(30)) return;
      drawn_ = now;
      const double share = steps_ > 0 ? static_cast<double>(step) / static_cast<double>(steps_) : 1;
      std::cout << "\r  " << terminal_.bar(share, 24) << line(step, loss) << "\x1b[K" << std::flush;
      redrawn_ = true;
      if (last) end();
    } else if (last || step % std::max<std::int64_t>(1, steps_ / 10) == 0) {
      std::cout << " " << line(step, loss) << "\n";
    }
  }

  // Whatever is printed next starts on a line of its own.
  void end() {
    if (redrawn_) std::cout << "\n";
    redrawn_ = false;
  }

 private:
  std::string line(std::int64_t step, double loss) const {
    char text[64];
    std::snprintf(text, sizeof text, " step %5lld of %lld   loss %.6f",
                  static_cast<long long>(step), static_cast<long long>(steps_), loss);
    return text;
  }

  std::int64_t steps_;
  bool quiet_, redrawn_ = false;
  const Terminal& terminal_;
  std::chrono::steady_clock::time_point drawn_{};
};

}  // namespace

Training train(const Tensor& friends, Layer& layer, const Options& options,
               const Terminal& terminal) {
  const Tensor target = target_of(friends);
  heed::optim::SGD optimizer(layer.parameters(), {.lr = options.lr, .momentum = options.momentum});
  Training training;
  training.loss.reserve(static_cast<std::size_t>(options.steps) + 1);
  Progress progress(options.steps, options.quiet, terminal);
  const auto began = std::chrono::steady_clock::now();

  for (std::int64_t step = 0;; ++step) {
    const Tensor loss = mse_loss(layer(friends), target);
    training.loss.push_back(loss.item());
    training.diverged = !std::isfinite(training.loss.back());
    if (training.diverged) break;
    progress.show(step, training.loss.back());
    if (step == options.steps) break;
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
  }
  progress.end();
  training.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  return training;
}

}  // namespace friends
