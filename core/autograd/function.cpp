#include "core/autograd/function.h"

#include <cxxabi.h>

#include <cctype>
#include <cstdlib>

namespace heed::autograd {

Tensor Context::saved(std::size_t i) const {
  HEED_CHECK(i < saved_.size(), "saved(", i, "): the context has ", saved_.size(),
             " saved tensors (they can be read in backward only)");
  return saved_[i]->get();
}

// The output is kept without its history, which would be the node that keeps it; see SavedTensor.
void Context::seal(Node* owner, const Tensor& output) {
  for (const Tensor& x : to_save_) {
    if (x.is(output) && x.defined()) {
      saved_.push_back(std::make_unique<SavedOutput>(owner, x));
    } else {
      saved_.push_back(std::make_unique<SavedTensor>(owner, x));
    }
  }
  to_save_.clear();
}

namespace detail {

std::string backward_name(const std::type_info& type) {
  int status = 0;
  char* demangled = abi::__cxa_demangle(type.name(), nullptr, nullptr, &status);
  std::string name = demangled ? demangled : "Custom";
  std::free(demangled);
  // The last part of ns::outer(int)::Cube, where the template arguments do not count.
  name = name.substr(0, name.find('<'));
  std::size_t start = name.size();
  while (start > 0 &&
         (std::isalnum(static_cast<unsigned char>(name[start - 1])) || name[start - 1] == '_')) {
    --start;
  }
  name = name.substr(start);
  return (name.empty() ? "Custom" : name) + "Backward";
}

ForwardCheck::ForwardCheck(const std::vector<Tensor>& inputs) : inputs_(inputs) {
  for (const Tensor& x : inputs) versions_.push_back(x.defined() ? x.version() : 0);
}

Tensor ForwardCheck::finish(Tensor output, const std::string& name) const {
  HEED_CHECK(output.defined(), "the forward of ", name, " returned an undefined tensor");
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    const Tensor& x = inputs_[i];
    if (!x.defined()) continue;
    HEED_CHECK(x.version() == versions_[i], "the forward of ", name, " wrote into its input ", i,
               " of size ", x.sizes(), ": write into a clone instead");
    // An input returned as it is must not lose its own history.
    if (output.is(x)) output = x.detach();
  }
  HEED_CHECK(output.is_floating_point(), "the forward of ", name,
             " returned a tensor that cannot have a gradient: its type is ",
             dtype_name(output.dtype()));
  return output;
}

}  // namespace detail
}  // namespace heed::autograd
