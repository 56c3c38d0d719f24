// What all optimizers share: groups of parameters, gradients to clear, state to save.
//
// An optimizer knows tensors, not modules: it takes net.parameters(), or groups of them with their
// own options:
//
//   optim::AdamW optimizer({{matrices, {.lr = 3e-4, .weight_decay = 0.1}},
//                           {vectors, {.lr = 3e-4, .weight_decay = 0}}});
//   for (…) {
//     optimizer.zero_grad();
//     loss(net(x), y).backward();
//     optimizer.step();
//   }
//
// step() reads .grad and never writes it; a parameter without a gradient is left alone, its state
// too. The update is written into the parameter's own memory in one pass and raises its version, so
// that a backward through a graph from before the step is refused, as in PyTorch.
//
// An optimizer stays where it was made: schedules and checkpoints refer to it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/autograd/grad_mode.h"
#include "core/state_dict.h"
#include "core/tensor.h"

namespace heed::optim {

/// Stands for an option that has no default.
inline constexpr double kRequired = std::numeric_limits<double>::quiet_NaN();

/// Two decay rates, of the first and the second moment.
using Betas = std::array<double, 2>;

/// One option of a group, by name: what schedules change and state_dict() saves.
struct OptionRef {
  const char* name;
  std::variant<double*, bool*, Betas*> value;
};

class Optimizer {
 public:
  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  /// Updates each parameter that has a gradient.
  virtual void step() = 0;
  /// Calls closure(), which computes the loss and its gradients, updates, and returns the loss.
  template <class Closure>
  Tensor step(Closure&& closure) {
    Tensor loss = [&] {
      EnableGradGuard enable_grad;
      return std::forward<Closure>(closure)();
    }();
    step();
    return loss;
  }
  /// Clears every gradient: forgets it, or, with set_to_none = false, fills it with zeros.
  void zero_grad(bool set_to_none = true);

  std::size_t num_groups() const { return groups_.size(); }
  const std::vector<Tensor>& params(std::size_t group = 0) const { return checked(group).params; }

  double lr(std::size_t group = 0) const;
  void set_lr(std::size_t group, double lr);
  /// The same for all groups.
  void set_lr(double lr);
  /// The options of a group by name, for who does not know the optimizer's type.
  virtual std::vector<OptionRef> option_refs(std::size_t group) = 0;
  /// The learning rate that schedules start from: that of the group when the first was attached.
  double initial_lr(std::size_t group);
  void set_initial_lr(std::size_t group, double lr);

  /// All options ("param_groups.0.lr") and all that has been gathered on the parameters
  /// ("state.3.exp_avg", "state.3.step"), parameters counted through all groups. The tensors share
  /// memory with the optimizer: write or clone() them before the next step.
  StateDict state_dict();
  /// Continues where state_dict() was taken. All or nothing: one error lists every missing,
  /// unexpected and wrongly shaped key, and then nothing is changed.
  void load_state_dict(const StateDict& state);

 protected:
  static constexpr std::size_t kMaxBuffers = 3;

  /// What an optimizer gathers on one parameter. Buffers are contiguous, of the parameter's shape
  /// and dtype, and undefined until they are needed.
  struct ParamState {
    std::int64_t step = 0;
    std::array<Tensor, kMaxBuffers> buffers;
  };
  struct Group {
    std::vector<Tensor> params;
    std::vector<ParamState> states;
    double initial_lr = kRequired;
  };

  Optimizer() = default;
  /// Errors: an empty list, a parameter that is no leaf or is there twice.
  void add_params(std::vector<Tensor> params);
  /// The names of ParamState::buffers in state_dict(), and the optimizer's own name.
  virtual std::span<const char* const> buffer_names() const = 0;
  /// How many of them, from the first, every parameter has that was updated once. The others depend
  /// on options.
  virtual std::size_t lasting_buffers() const { return 1; }
  virtual const char* kind() const = 0;

  std::vector<Group> groups_;

 private:
  const Group& checked(std::size_t group) const;
  double& lr_ref(std::size_t group) const;
};

/// An optimizer whose groups have options of type Options, which has option_refs() and
/// check() (the argument errors).
template <class Options>
class OptimizerWith : public Optimizer {
 public:
  /// Parameters with options of their own.
  struct Group {
    std::vector<Tensor> params;
    Options options = {};
  };

  /// The options of a group, to be read or changed between steps.
  Options& options(std::size_t group = 0) {
    params(group);  // checks the index
    return options_[group];
  }
  /// One more group. Errors: as in the constructor.
  void add_param_group(Group group) {
    group.options.check();
    options_.reserve(options_.size() + 1);  // so that no group is left without options
    add_params(std::move(group.params));
    options_.push_back(group.options);
  }
  std::vector<OptionRef> option_refs(std::size_t group) override {
    return options(group).option_refs();
  }

 protected:
  OptimizerWith(std::vector<Tensor> params, const Options& options) {
    add_param_group({std::move(params), options});
  }
  explicit OptimizerWith(std::vector<Group> groups) {
    HEED_CHECK(!groups.empty(), "optimizer got an empty parameter list");
    for (Group& group : groups) add_param_group(std::move(group));
  }

  std::vector<Options> options_;
};

namespace detail {
/// The checks of options that several optimizers have, with PyTorch's words. NaN is refused.
void check_lr(double lr);
void check_not_negative(const char* what, double value);
void check_betas(const Betas& betas);
}  // namespace detail

}  // namespace heed::optim
