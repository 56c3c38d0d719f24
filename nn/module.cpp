#include "nn/module.h"

#include <algorithm>
#include <ostream>
#include <sstream>
#include <typeinfo>
#include <unordered_map>
#include <unordered_set>

#include "core/autograd/grad_mode.h"
#include "core/ops/inplace.h"
#include "core/ops/ops.h"

namespace heed::nn {

constinit thread_local detail::CallObserver* detail::call_observer = nullptr;

namespace {

Visitor parts_of(const Module& module) {
  Visitor parts;
  const_cast<Module&>(module).visit(parts);  // visit lists, and changes nothing
  return parts;
}

std::vector<Visitor::NamedChild> children_of(const Module& module) {
  return parts_of(module).children();
}

std::string join(const std::string& path, const std::string& name) {
  return path.empty() ? name : path + "." + name;
}

// Calls action(path, part) for each tensor below a module, parents before children.
template <class Action>
void for_each_tensor(const Module& module, const std::string& path, const Action& action) {
  const Visitor parts = parts_of(module);
  for (const auto& part : parts.tensors()) action(join(path, part.name), part);
  for (const auto& child : parts.children()) {
    for_each_tensor(*child.module, join(path, child.name), action);
  }
}

void list_modules(const Module& module, const std::string& path,
                  std::vector<std::pair<std::string, Module*>>& out) {
  out.emplace_back(path, const_cast<Module*>(&module));
  for (const auto& child : children_of(module)) {
    list_modules(*child.module, join(path, child.name), out);
  }
}

// An error that knows which module it is about, so that each module further out can say by which
// path it reaches that one.
class LocatedError final : public Error {
 public:
  LocatedError(const Module* module, const std::string& path, std::string message)
      : Error(path + ": " + message), module_(module), message_(std::move(message)) {}
  const Module* module() const { return module_; }
  const std::string& message() const { return message_; }

 private:
  const Module* module_;
  std::string message_;
};

void print(std::ostream& out, const Module& module, const std::string& indent) {
  const Visitor parts = parts_of(module);
  const std::string extra = module.extra_repr();
  out << module.kind() << '(';
  if (parts.children().empty()) {
    out << extra << ')';
    return;
  }
  out << '\n';
  if (!extra.empty()) out << indent << "  " << extra << '\n';
  for (const auto& child : parts.children()) {
    out << indent << "  (" << child.name << "): ";
    print(out, *child.module, indent + "  ");
    out << '\n';
  }
  out << indent << ')';
}

std::string quoted(const std::vector<std::string>& keys) {
  std::string text;
  for (const std::string& key : keys) text += (text.empty() ? "\"" : ", \"") + key + '"';
  return text;
}

}  // namespace

void Visitor::check_name(std::string_view name) const {
  HEED_CHECK(!name.empty(), "a part of a module needs a name");
  HEED_CHECK(name.find('.') == name.npos, "the name of a module's part cannot hold a dot: '", name,
             "'");
  for (const auto& part : tensors_) {
    HEED_CHECK(part.name != name, "a module lists two parts named '", name, "'");
  }
  for (const auto& child : children_) {
    HEED_CHECK(child.name != name, "a module lists two parts named '", name, "'");
  }
}

Visitor& Visitor::operator()(std::string_view name, Tensor& parameter) {
  check_name(name);
  if (!parameter.defined()) return *this;
  const auto first_buffer = std::find_if(tensors_.begin(), tensors_.end(),
                                         [](const NamedTensor& x) { return !x.is_parameter; });
  tensors_.insert(first_buffer, {std::string(name), &parameter, true});
  return *this;
}

Visitor& Visitor::operator()(std::string_view name, Module& child) {
  check_name(name);
  children_.push_back({std::string(name), &child});
  return *this;
}

Visitor& Visitor::buffer(std::string_view name, Tensor& tensor) {
  check_name(name);
  if (tensor.defined()) tensors_.push_back({std::string(name), &tensor, false});
  return *this;
}

NamedTensors Module::named_parameters() const {
  NamedTensors list;
  std::unordered_set<const TensorImpl*> seen;
  for_each_tensor(*this, "", [&](const std::string& path, const Visitor::NamedTensor& part) {
    if (part.is_parameter && seen.insert(part.tensor->impl()).second) {
      list.emplace_back(path, *part.tensor);
    }
  });
  return list;
}

std::vector<Tensor> Module::parameters() const {
  std::vector<Tensor> list;
  for (auto& [name, parameter] : named_parameters()) list.push_back(std::move(parameter));
  return list;
}

NamedTensors Module::named_buffers() const {
  NamedTensors list;
  std::unordered_set<const TensorImpl*> seen;
  for_each_tensor(*this, "", [&](const std::string& path, const Visitor::NamedTensor& part) {
    if (!part.is_parameter && seen.insert(part.tensor->impl()).second) {
      list.emplace_back(path, *part.tensor);
    }
  });
  return list;
}

std::vector<std::pair<std::string, Module*>> Module::named_modules() const {
  std::vector<std::pair<std::string, Module*>> list;
  list_modules(*this, "", list);
  return list;
}

std::vector<std::pair<std::string, Module*>> Module::named_children() const {
  std::vector<std::pair<std::string, Module*>> list;
  for (const auto& child : children_of(*this)) list.emplace_back(child.name, child.module);
  return list;
}

StateDict Module::state_dict() const {
  StateDict state;
  for_each_tensor(*this, "", [&](const std::string& path, const Visitor::NamedTensor& part) {
    state.add(path, part.tensor->detach());
  });
  return state;
}

LoadResult Module::load_state_dict(const StateDict& state, bool strict) {
  LoadResult result;
  std::vector<std::pair<Tensor, const Tensor*>> copies;
  std::unordered_set<std::string> known;
  std::string mismatches;
  for_each_tensor(*this, "", [&](const std::string& path, const Visitor::NamedTensor& part) {
    known.insert(path);
    const Tensor* source = state.find(path);
    if (!source) {
      result.missing_keys.push_back(path);
    } else if (source->sizes() == part.tensor->sizes()) {
      copies.emplace_back(*part.tensor, source);
    } else {
      mismatches += heed::detail::concat(
          "\n\tsize mismatch for ", path, ": copying a param with shape ", source->sizes(),
          " from checkpoint, the shape in current model is ", part.tensor->sizes(), ".");
    }
  });
  for (const auto& [key, tensor] : state) {
    if (!known.count(key)) result.unexpected_keys.push_back(key);
  }

  std::string problems;
  if (strict && !result.missing_keys.empty()) {
    problems += "\n\tMissing key(s) in state_dict: " + quoted(result.missing_keys) + ".";
  }
  if (strict && !result.unexpected_keys.empty()) {
    problems += "\n\tUnexpected key(s) in state_dict: " + quoted(result.unexpected_keys) + ".";
  }
  problems += mismatches;
  HEED_CHECK(problems.empty(), "Error(s) in loading state_dict for ", kind(), ":", problems);

  NoGradGuard no_grad;
  for (const auto& [parameter, source] : copies) heed::detail::check_writable(parameter);
  for (const auto& [parameter, source] : copies) parameter.copy_(*source);
  return result;
}

void Module::train(bool mode) {
  training_ = mode;
  for (const auto& child : children_of(*this)) child.module->train(mode);
}

void Module::zero_grad() const {
  for (const Tensor& parameter : parameters()) parameter.set_grad({});
}

void Module::requires_grad_(bool requires_grad) const {
  for (const Tensor& parameter : parameters()) parameter.requires_grad_(requires_grad);
}

void Module::replace_tensors(const std::function<Tensor(const Tensor&)>& replace) {
  // Old tensors are kept until the end: an address must not come back as another tensor's.
  std::unordered_map<const TensorImpl*, std::pair<Tensor, Tensor>> replaced;
  for_each_tensor(*this, "", [&](const std::string&, const Visitor::NamedTensor& part) {
    const Tensor old = *part.tensor;
    auto [entry, is_new] = replaced.try_emplace(old.impl());
    if (is_new) {
      NoGradGuard no_grad;
      entry->second = {old, replace(old)};
      if (old.requires_grad()) entry->second.second.requires_grad_();
      // Should a part be listed twice, the second visit meets the new tensor and leaves it.
      replaced.try_emplace(entry->second.second.impl(), entry->second);
    }
    *part.tensor = replaced.at(old.impl()).second;
  });
}

void Module::own_tensors() {
  replace_tensors([](const Tensor& old) { return old.clone(); });
}

void Module::to(DType dtype) {
  HEED_CHECK(is_floating_point(dtype), "a module can be moved to float32 or float64, not to ",
             dtype_name(dtype));
  replace_tensors([dtype](const Tensor& old) {
    if (!old.is_floating_point() || old.dtype() == dtype) return old;
    const Tensor converted = old.to(dtype);
    if (const Tensor grad = old.grad(); grad.defined()) converted.set_grad(grad.to(dtype));
    return converted;
  });
}

void Module::apply(const std::function<void(Module&)>& action) {
  for (const auto& child : children_of(*this)) child.module->apply(action);
  action(*this);
}

std::int64_t Module::num_parameters() const {
  std::int64_t count = 0;
  for (const Tensor& parameter : parameters()) count += parameter.numel();
  return count;
}

void Module::relay(const Error& error) const {
  const auto* located = dynamic_cast<const LocatedError*>(&error);
  if (!located) {
    if (typeid(error) != typeid(Error)) throw;  // a special error is somebody's to catch
    throw LocatedError(this, std::string(kind()), error.what());
  }
  for (const auto& [path, module] : named_modules()) {
    if (module == located->module() && !path.empty()) {
      throw LocatedError(module, path, located->message());
    }
  }
  throw;
}

std::ostream& operator<<(std::ostream& out, const Module& module) {
  print(out, module, "");
  return out;
}

}  // namespace heed::nn
