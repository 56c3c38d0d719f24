// Memory that runs out around an optimizer: at each allocation in turn.
#include <doctest/doctest.h>

#include <memory>
#include <vector>

#include "nn/clip_grad.h"
#include "optim/optim.h"
#include "support/digest.h"
#include "support/failing_new.h"

using namespace heed;
using test::Action;
using test::digest;
using test::fail_each_allocation;
using test::seeded;

namespace {

struct Problem {
  Tensor w = seeded({5, 4}, 1), b = seeded({5}, 2), x = seeded({6, 4}, 3, false);
  void backward() const { mean(square(linear(x, w, b))).backward(); }
};

/// Two steps from the start, and the state that they leave.
template <class Optimizer, class Options>
std::int64_t fail_in_steps(const char* name, const Options& options) {
  return fail_each_allocation(name, [&]() -> Action {
    return [options] {
      const Problem problem;
      Optimizer optimizer({problem.w, problem.b}, options);
      for (int i = 0; i < 2; ++i) {
        optimizer.zero_grad();
        problem.backward();
        nn::utils::clip_grad_norm_({problem.w, problem.b}, 0.5);
        optimizer.step();
      }
      return digest(problem.w) + digest(problem.b) + digest(optimizer.state_dict());
    };
  });
}

}  // namespace

TEST_CASE("when memory runs out anywhere in steps of an optimizer, nothing leaks") {
  CHECK(fail_in_steps<optim::SGD>("SGD", optim::SGDOptions{.lr = 0.1, .momentum = 0.9}) > 50);
  fail_in_steps<optim::Adam>("Adam", optim::AdamOptions{.lr = 0.01, .amsgrad = true});
  fail_in_steps<optim::AdamW>("AdamW", optim::AdamWOptions{.lr = 0.01});
  fail_in_steps<optim::RMSprop>("RMSprop",
                                optim::RMSpropOptions{.momentum = 0.5, .centered = true});
  fail_in_steps<optim::Adagrad>("Adagrad", optim::AdagradOptions{});
  fail_in_steps<optim::Lion>("Lion", optim::LionOptions{});
}

TEST_CASE("when memory runs out anywhere in a step, training goes on from there") {
  // The step may have been made for some parameters only: what counts is that the next one works.
  struct Training {
    Problem problem;
    optim::Adam optimizer{{problem.w, problem.b}, optim::AdamOptions{.lr = 0.01, .amsgrad = true}};
  };
  fail_each_allocation("going on", []() -> Action {
    return [training = std::make_shared<Training>()] {
      training->optimizer.zero_grad();
      training->problem.backward();
      training->optimizer.step();
      return all(isfinite(training->problem.w)).item() + all(isfinite(training->problem.b)).item();
    };
  });
}

TEST_CASE("when memory runs out while a state is saved or loaded, it can be done again") {
  fail_each_allocation("state of an optimizer", []() -> Action {
    const Problem problem;
    const auto trained = std::make_shared<optim::Adam>(std::vector<Tensor>{problem.w, problem.b},
                                                       optim::AdamOptions{.lr = 0.01});
    problem.backward();
    trained->step();
    const auto fresh = std::make_shared<optim::Adam>(std::vector<Tensor>{problem.w, problem.b},
                                                     optim::AdamOptions{.lr = 0.5});
    return [trained, fresh] {
      fresh->load_state_dict(trained->state_dict());
      return digest(fresh->state_dict());
    };
  });
  fail_each_allocation("groups", []() -> Action {
    const Problem problem;
    const auto optimizer =
        std::make_shared<optim::SGD>(std::vector<Tensor>{problem.w}, optim::SGDOptions{.lr = 0.01});
    return [optimizer, problem] {
      if (optimizer->num_groups() == 1) {
        optimizer->add_param_group({{problem.b}, {.lr = 0.5, .momentum = 0.5}});
      }
      return optimizer->lr(0) + optimizer->lr(1) + digest(optimizer->params(1));
    };
  });
}

TEST_CASE("when memory runs out around schedules and averages, nothing leaks") {
  fail_each_allocation("schedules", []() -> Action {
    const Problem problem;
    return [problem] {
      optim::SGD optimizer({problem.w, problem.b}, optim::SGDOptions{.lr = 0.1});
      optim::WarmupCosineLR warmup(optimizer, {.warmup = 2, .total = 10});
      optim::StepLR steps(optimizer, {.step_size = 2});
      for (int i = 0; i < 4; ++i) {
        optimizer.step();
        warmup.step();
        steps.step();
      }
      steps.load_state_dict(steps.state_dict());
      return optimizer.lr() + digest(warmup.state_dict()) + digest(steps.state_dict());
    };
  });
  fail_each_allocation("average", []() -> Action {
    const Problem problem;
    return [problem] {
      optim::ExponentialMovingAverage average({problem.w, problem.b}, {.decay = 0.5});
      average.update();
      const double before = digest(problem.w);
      double during = 0;
      {
        const auto averaged = average.average_parameters();
        during = digest(problem.w);
      }
      average.load_state_dict(average.state_dict());
      return before + during + digest(problem.w) + digest(average.shadow());
    };
  });
}
