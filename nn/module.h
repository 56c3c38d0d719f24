// Module: a layer or a model, a value that lists its parts.
//
//   struct Net : nn::ModuleOf<Net> {
//     nn::Linear hidden{3, 16}, out{16, 2};
//     Tensor forward(const Tensor& x) const { return out(tanh(hidden(x))); }
//     void visit(nn::Visitor& parts) override { parts("hidden", hidden)("out", out); }
//   };
//
// visit() names each parameter, buffer and child once; parameters(), state_dict(), train(), to()
// and the rest are derived from that list whenever they are asked. Nothing else is registered, so
// nothing can dangle when a module moves.
//
// Copies. A Tensor is a handle, so a copy of a module shares its parameters, while `training` and
// which tensor a member names are the copy's own. clone() also copies the values. Parameters that
// are the same tensor (tied weights) stay the same tensor in a clone and after to(). Children are
// members by value, or in a Sequential or ModuleList; a child behind a shared_ptr would be shared
// by copies and clones alike.
//
// Errors. What forward refuses is reported with the path of the module that refused, seen from the
// outermost module that was called: "blocks.2.attn.query: expected last dimension 128, got 64". The
// path is looked up in the list of parts when an error passes by; a call that succeeds pays nothing
// for it.
#pragma once

#include <functional>
#include <iosfwd>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/state_dict.h"
#include "core/tensor.h"

namespace heed::nn {

class Module;

/// Tensors with their names, in the order in which the modules list them.
using NamedTensors = std::vector<std::pair<std::string, Tensor>>;

namespace detail {
/// Told of every module that this thread calls, when it has answered (see summary.h).
class CallObserver {
 public:
  virtual void called(const Module& module, const Tensor& output) = 0;

 protected:
  ~CallObserver() = default;
};
extern constinit thread_local CallObserver* call_observer;
}  // namespace detail

/// Where a module's visit() names its parts. Undefined tensors (a layer without a bias) are
/// skipped. Errors: a name used twice, an empty name, a name with a dot.
class Visitor {
 public:
  Visitor& operator()(std::string_view name, Tensor& parameter);
  Visitor& operator()(std::string_view name, Module& child);
  /// A tensor that is saved with the module but not trained.
  Visitor& buffer(std::string_view name, Tensor& tensor);

  struct NamedTensor {
    std::string name;
    Tensor* tensor;
    bool is_parameter;
  };
  struct NamedChild {
    std::string name;
    Module* module;
  };
  const std::vector<NamedTensor>& tensors() const { return tensors_; }
  const std::vector<NamedChild>& children() const { return children_; }

 private:
  void check_name(std::string_view name) const;

  std::vector<NamedTensor> tensors_;  // parameters before buffers
  std::vector<NamedChild> children_;
};

/// Which keys load_state_dict(state, strict = false) left aside.
struct LoadResult {
  std::vector<std::string> missing_keys, unexpected_keys;
};

class Module {
 public:
  virtual ~Module() = default;

  /// Names the parts of this module. Called whenever they are needed, so it must always name the
  /// same ones, and must change nothing.
  virtual void visit(Visitor& /*parts*/) {}
  /// The name of the class: "Linear".
  virtual std::string_view kind() const = 0;
  /// What stands between the parentheses when the module is printed.
  virtual std::string extra_repr() const { return {}; }

  /// Each parameter once, also when two modules share it.
  std::vector<Tensor> parameters() const;
  NamedTensors named_parameters() const;
  NamedTensors named_buffers() const;
  /// This module (named "") and everything below it, parents first.
  std::vector<std::pair<std::string, Module*>> named_modules() const;
  std::vector<std::pair<std::string, Module*>> named_children() const;

  /// All parameters and buffers by their path ("layers.0.weight"), tied ones under each of their
  /// names. The tensors share memory with the module and are cut from the graph.
  StateDict state_dict() const;
  /// Copies values into the parameters and buffers, converting their type. All or nothing: one
  /// error lists every missing, unexpected and wrongly shaped key, and then nothing is changed.
  /// strict = false permits missing and unexpected keys, and returns them.
  LoadResult load_state_dict(const StateDict& state, bool strict = true);

  /// False after eval(): then dropout does nothing. Gradients are another matter (NoGradGuard).
  bool training() const { return training_; }
  void train(bool mode = true);
  void eval() { train(false); }
  /// Clears the gradient of every parameter.
  void zero_grad() const;
  /// Freezes (false) or thaws every parameter.
  void requires_grad_(bool requires_grad = true) const;
  /// Converts parameters and buffers of floating point. The converted ones are new tensors: make
  /// optimizers afterwards.
  void to(DType dtype);
  /// Calls visit(module) for everything below this module, children first, and then for itself.
  void apply(const std::function<void(Module&)>& action);
  std::int64_t num_parameters() const;

 protected:
  Module() = default;
  Module(const Module&) = default;
  Module& operator=(const Module&) = default;

  /// Replaces each parameter and buffer by replace(it), tied ones by the same tensor.
  void replace_tensors(const std::function<Tensor(const Tensor&)>& replace);
  void own_tensors();
  /// compute(), with errors located and watchers told: around forward, and around whatever else a
  /// module computes.
  template <class Compute>
  decltype(auto) call(const Compute& compute) const {
    try {
      if (!detail::call_observer) [[likely]]
        return compute();
      decltype(auto) result = compute();
      if constexpr (std::is_convertible_v<decltype(result), const Tensor&>) {
        detail::call_observer->called(*this, result);
      } else if constexpr (requires { result.output; }) {
        detail::call_observer->called(*this, result.output);
      }
      return result;
    } catch (const Error& error) {
      relay(error);
    }
  }
  /// Called with the exception in flight: throws it again with the path of the module it is about.
  [[noreturn, gnu::cold]] void relay(const Error& error) const;

 private:
  bool training_ = true;
};

/// Prints a module and what it consists of, as PyTorch does.
std::ostream& operator<<(std::ostream& out, const Module& module);

namespace detail {
// "Linear" for heed::nn::Linear, "ModuleList" for heed::nn::ModuleList<Block>.
template <class T>
constexpr std::string_view class_name() {
  std::string_view name = __PRETTY_FUNCTION__;  // "... [with T = heed::nn::Linear; ...]"
  name.remove_prefix(name.find("T = ") + 4);
  name = name.substr(0, name.find_first_of(";]<"));
  if (const auto colons = name.rfind("::"); colons != name.npos) name.remove_prefix(colons + 2);
  return name;
}
}  // namespace detail

/// The base of every module class: class Net : public ModuleOf<Net>. Gives it the call operator,
/// copies, and a name.
template <class Self>
class ModuleOf : public Module {
 public:
  std::string_view kind() const override { return detail::class_name<Self>(); }

  /// forward(arguments...), with errors located. (Self is named as a parameter because it is not
  /// complete yet where these are declared.)
  template <class... Arguments, class Callee = const Self>
  requires requires(Callee& self, Arguments&&... arguments) {
    self.forward(std::forward<Arguments>(arguments)...);
  }
  decltype(auto) operator()(Arguments&&... arguments) const {
    return call([&]() -> decltype(auto) {
      return static_cast<const Self*>(this)->forward(std::forward<Arguments>(arguments)...);
    });
  }
  template <class... Arguments, class Callee = Self>
  requires requires(Callee& self, Arguments&&... arguments) {
    self.forward(std::forward<Arguments>(arguments)...);
  }
  decltype(auto) operator()(Arguments&&... arguments) {
    return call([&]() -> decltype(auto) {
      return static_cast<Self*>(this)->forward(std::forward<Arguments>(arguments)...);
    });
  }

  /// A copy with parameters and buffers of its own. Gradients stay behind.
  Self clone() const {
    Self copy(*static_cast<const Self*>(this));
    copy.own_tensors();
    return copy;
  }

  // Module's, returning the module so that calls can be chained.
  Self& train(bool mode = true) { return Module::train(mode), self(); }
  Self& eval() { return Module::eval(), self(); }
  Self& to(DType dtype) { return Module::to(dtype), self(); }
  Self& requires_grad_(bool requires_grad = true) {
    return Module::requires_grad_(requires_grad), self();
  }

 private:
  Self& self() { return *static_cast<Self*>(this); }
};

}  // namespace heed::nn
