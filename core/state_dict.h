// StateDict: what is saved of a model, an optimizer or a schedule, as tensors with names.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/tensor.h"

namespace heed {

/// Tensors by name, in the order in which they were added; names are unique. Everything that heed
/// saves has this one form (a number is a tensor without dimensions), so that every file format
/// holds every state.
class StateDict {
 public:
  using value_type = std::pair<std::string, Tensor>;
  using const_iterator = std::vector<value_type>::const_iterator;

  StateDict() = default;
  StateDict(std::initializer_list<value_type> entries) {
    for (const auto& [key, tensor] : entries) add(key, tensor);
  }
  /// From named_parameters() and the like. Error: a name used twice.
  explicit StateDict(const std::vector<value_type>& entries) {
    for (const auto& [key, tensor] : entries) add(key, tensor);
  }

  /// Adds an entry at the end. Errors: an undefined tensor, a name that is taken.
  void add(std::string key, Tensor tensor) {
    HEED_CHECK(tensor.defined(), "state_dict: the tensor \"", key, "\" is undefined");
    HEED_CHECK(!contains(key), "state_dict holds \"", key, "\" twice");
    entries_.emplace_back(std::move(key), std::move(tensor));
    try {
      index_.emplace(entries_.back().first, entries_.size() - 1);
    } catch (...) {
      entries_.pop_back();  // what can be found and what is listed stay the same
      throw;
    }
  }
  /// Adds all entries of another, each name behind the prefix.
  void add_all(const StateDict& other, std::string_view prefix) {
    for (const auto& [key, tensor] : other) add(std::string(prefix) + key, tensor);
  }
  /// The entries whose name begins with the prefix, without it.
  StateDict with_prefix(std::string_view prefix) const {
    StateDict part;
    for (const auto& [key, tensor] : entries_) {
      if (std::string_view(key).starts_with(prefix)) part.add(key.substr(prefix.size()), tensor);
    }
    return part;
  }

  /// The tensor of that name, or null.
  const Tensor* find(const std::string& key) const {
    const auto found = index_.find(key);
    return found == index_.end() ? nullptr : &entries_[found->second].second;
  }
  bool contains(const std::string& key) const { return find(key) != nullptr; }
  /// The tensor of that name. Error where there is none.
  const Tensor& at(const std::string& key) const {
    const Tensor* tensor = find(key);
    HEED_CHECK(tensor, "state_dict holds no \"", key, "\"");
    return *tensor;
  }

  std::size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }
  const_iterator begin() const { return entries_.begin(); }
  const_iterator end() const { return entries_.end(); }
  const value_type& operator[](std::size_t i) const { return entries_[i]; }

 private:
  std::vector<value_type> entries_;
  std::unordered_map<std::string, std::size_t> index_;
};

}  // namespace heed
