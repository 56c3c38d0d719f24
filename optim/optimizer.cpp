#include "optim/optimizer.h"

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "core/factory.h"

namespace heed::optim {
namespace {

using heed::detail::concat;

Tensor to_tensor(const OptionRef& option) {
  if (double* const* number = std::get_if<double*>(&option.value)) {
    return tensor_from(*number, DType::Float64, {});
  }
  if (bool* const* flag = std::get_if<bool*>(&option.value)) {
    return tensor_from(*flag, DType::Bool, {});
  }
  return tensor_from(std::get<Betas*>(option.value)->data(), DType::Float64, {2});
}

// An option and what it will be, in the one form that holds all kinds.
struct Assignment {
  OptionRef option;
  std::array<double, 2> value{};

  Assignment(const OptionRef& option_, const Tensor& loaded) : option(option_) {
    const std::vector<double> numbers = loaded.to_vector<double>();
    std::copy(numbers.begin(), numbers.end(), value.begin());
  }
  void make() const noexcept {
    if (double* const* number = std::get_if<double*>(&option.value)) {
      **number = value[0];
    } else if (bool* const* flag = std::get_if<bool*>(&option.value)) {
      **flag = value[0] != 0;
    } else if (Betas* const* betas = std::get_if<Betas*>(&option.value)) {
      **betas = value;
    }
  }
};

std::string option_key(std::size_t group, const char* name) {
  return concat("param_groups.", group, ".", name);
}
std::string state_key(std::size_t param, const char* name) {
  return concat("state.", param, ".", name);
}

std::string quoted(const std::vector<std::string>& keys) {
  std::string list;
  for (const std::string& key : keys) list += (list.empty() ? "\"" : ", \"") + key + "\"";
  return list;
}

// What a loaded state does not have in common with the optimizer, gathered for one message.
struct Mismatches {
  std::vector<std::string> missing, unexpected;
  std::string shapes;

  void check_shape(const std::string& key, const Tensor& loaded, const Dims& expected) {
    if (loaded.sizes() == expected) return;
    shapes +=
        concat("\n\tsize mismatch for ", key, ": copying a tensor with shape ", loaded.sizes(),
               " from checkpoint, the shape in current optimizer is ", expected, ".");
  }
  std::string text() const {
    std::string all;
    if (!missing.empty()) all += "\n\tMissing key(s) in state_dict: " + quoted(missing) + ".";
    if (!unexpected.empty()) {
      all += "\n\tUnexpected key(s) in state_dict: " + quoted(unexpected) + ".";
    }
    return all + shapes;
  }
};

}  // namespace

void Optimizer::add_params(std::vector<Tensor> params) {
  HEED_CHECK(!params.empty(), "optimizer got an empty parameter list");
  std::unordered_set<const TensorImpl*> others, own;
  for (const Group& group : groups_) {
    for (const Tensor& param : group.params) others.insert(param.impl());
  }
  for (const Tensor& param : params) {
    HEED_CHECK(param.defined(), "optimizer got an undefined tensor as a parameter");
    HEED_CHECK(param.is_leaf() || param.retains_grad(), "can't optimize a non-leaf Tensor");
    HEED_CHECK(param.is_floating_point(), "can't optimize a tensor of dtype ",
               dtype_name(param.dtype()));
    HEED_CHECK(!others.count(param.impl()),
               "some parameters appear in more than one parameter group");
    HEED_CHECK(own.insert(param.impl()).second,
               "optimizer contains a parameter group with duplicate parameters");
  }
  Group group;
  group.states.resize(params.size());
  group.params = std::move(params);
  groups_.push_back(std::move(group));
}

void Optimizer::zero_grad(bool set_to_none) {
  for (const Group& group : groups_) {
    for (const Tensor& param : group.params) {
      TensorImpl& impl = *param.impl();
      if (set_to_none || !impl.grad) {
        impl.grad.reset();
        continue;
      }
      // A gradient that create_graph made is a result of the graph: its values are kept, the graph
      // is let go.
      if (impl.grad->wants_grad()) param.set_grad(param.grad().detach());
      param.grad().zero_();
    }
  }
}

const Optimizer::Group& Optimizer::checked(std::size_t group) const {
  HEED_CHECK(group < groups_.size(), kind(), ": there is no parameter group ", group, " of ",
             groups_.size());
  return groups_[group];
}

double& Optimizer::lr_ref(std::size_t group) const {
  checked(group);
  for (const OptionRef& option : const_cast<Optimizer*>(this)->option_refs(group)) {
    if (std::string_view(option.name) == "lr") return *std::get<double*>(option.value);
  }
  throw Error(concat(kind(), " has no option lr"));
}

double Optimizer::lr(std::size_t group) const { return lr_ref(group); }

void Optimizer::set_lr(std::size_t group, double lr) { lr_ref(group) = lr; }

void Optimizer::set_lr(double lr) {
  for (std::size_t g = 0; g < groups_.size(); ++g) set_lr(g, lr);
}

double Optimizer::initial_lr(std::size_t group) {
  checked(group);
  double& value = groups_[group].initial_lr;
  if (std::isnan(value)) value = lr(group);
  return value;
}

void Optimizer::set_initial_lr(std::size_t group, double lr) {
  checked(group);
  groups_[group].initial_lr = lr;
}

StateDict Optimizer::state_dict() {
  StateDict state;
  std::size_t index = 0;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    const Group& group = groups_[g];
    std::vector<std::int64_t> members;
    for (std::size_t i = 0; i < group.params.size(); ++i) {
      members.push_back(static_cast<std::int64_t>(index + i));
    }
    state.add(option_key(g, "params"), tensor(members));
    for (const OptionRef& option : option_refs(g)) {
      state.add(option_key(g, option.name), to_tensor(option));
    }
    if (!std::isnan(group.initial_lr)) {
      state.add(option_key(g, "initial_lr"), tensor_from(&group.initial_lr, DType::Float64, {}));
    }
    for (const ParamState& param : group.states) {
      if (param.step > 0) {
        state.add(state_key(index, "step"), tensor_from(&param.step, DType::Int64, {}));
      }
      const auto names = buffer_names();
      for (std::size_t b = 0; b < names.size(); ++b) {
        if (param.buffers[b].defined()) {
          state.add(state_key(index, names[b]), param.buffers[b].detach());
        }
      }
      ++index;
    }
  }
  return state;
}

// Everything is looked up, checked and copied before anything is assigned.
void Optimizer::load_state_dict(const StateDict& state) {
  Mismatches mismatches;
  std::unordered_set<std::string> known;
  const auto expect = [&](const std::string& key, const Dims& sizes) {
    known.insert(key);
    const Tensor* found = state.find(key);
    if (found) {
      mismatches.check_shape(key, *found, sizes);
    } else {
      mismatches.missing.push_back(key);
    }
  };
  const auto accept = [&](const std::string& key, const Dims& sizes, bool needed = false) {
    if (needed || state.contains(key)) expect(key, sizes);
  };

  const auto names = buffer_names();
  std::size_t index = 0;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    expect(option_key(g, "params"), {static_cast<std::int64_t>(groups_[g].params.size())});
    for (const OptionRef& option : option_refs(g)) {
      expect(option_key(g, option.name), to_tensor(option).sizes());
    }
    accept(option_key(g, "initial_lr"), {});
    for (const Tensor& param : groups_[g].params) {
      // A parameter that was updated has its counter and its lasting buffers: starting one of them
      // anew would be a quiet loss.
      bool updated = state.contains(state_key(index, "step"));
      for (const char* name : names) updated |= state.contains(state_key(index, name));
      const std::size_t needed = updated ? lasting_buffers() : 0;
      accept(state_key(index, "step"), {}, needed > 0);
      for (std::size_t b = 0; b < names.size(); ++b) {
        accept(state_key(index, names[b]), param.sizes(), b < needed);
      }
      ++index;
    }
  }
  for (const auto& [key, tensor] : state) {
    if (!known.count(key)) mismatches.unexpected.push_back(key);
  }
  const std::string problems = mismatches.text();
  HEED_CHECK(problems.empty(), "Error(s) in loading state_dict for ", kind(), ":", problems);

  NoGradGuard no_grad;
  std::vector<std::vector<ParamState>> loaded;
  index = 0;
  for (const Group& group : groups_) {
    std::vector<ParamState>& states = loaded.emplace_back(group.params.size());
    for (std::size_t i = 0; i < states.size(); ++i, ++index) {
      if (const Tensor* step = state.find(state_key(index, "step"))) {
        states[i].step = step->item<std::int64_t>();
      }
      for (std::size_t b = 0; b < names.size(); ++b) {
        if (const Tensor* buffer = state.find(state_key(index, names[b]))) {
          states[i].buffers[b] =
              empty(buffer->sizes(), {.dtype = group.params[i].dtype()}).copy_(*buffer);
        }
      }
    }
  }
  std::vector<Assignment> options;
  std::vector<double> initial_lrs;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    for (const OptionRef& option : option_refs(g)) {
      options.emplace_back(option, state.at(option_key(g, option.name)));
    }
    const Tensor* initial = state.find(option_key(g, "initial_lr"));
    initial_lrs.push_back(initial ? initial->item<double>() : kRequired);
  }

  // From here on nothing can fail.
  for (const Assignment& option : options) option.make();
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    groups_[g].states = std::move(loaded[g]);
    groups_[g].initial_lr = initial_lrs[g];
  }
}

namespace detail {

void check_lr(double lr) {
  HEED_CHECK(!std::isnan(lr),
             "parameter group didn't specify a value of required optimization parameter lr");
  HEED_CHECK(lr >= 0, "Invalid learning rate: ", lr);
}

void check_not_negative(const char* what, double value) {
  HEED_CHECK(value >= 0, "Invalid ", what, " value: ", value);
}

void check_betas(const Betas& betas) {
  for (std::size_t i = 0; i < 2; ++i) {
    HEED_CHECK(betas[i] >= 0 && betas[i] < 1, "Invalid beta parameter at index ", i, ": ",
               betas[i]);
  }
}

}  // namespace detail
}  // namespace heed::optim
