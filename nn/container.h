// Sequential and ModuleList: modules in a row.
//
// Both hold their modules by value: a copy of a container has modules of its own, which share
// parameters with the original's, as the copy of any module does.
#pragma once

#include <concepts>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "nn/module.h"

namespace heed::nn {

/// A module that makes a tensor of a tensor.
template <class T>
concept Layer = std::derived_from<T, Module> && requires(T& layer, const Tensor& x) {
  { layer(x) } -> std::convertible_to<Tensor>;
};

/// Layers of any kind, each fed with what the one before it made:
/// Sequential net(Linear(3, 5), Tanh(), Linear(5, 2)). They are named "0", "1", … unless given
/// names.
class Sequential : public ModuleOf<Sequential> {
 public:
  Sequential() = default;
  template <Layer... Layers>
  requires(sizeof...(Layers) > 0 &&
           !(sizeof...(Layers) == 1 &&
             (std::same_as<Layers, Sequential> && ...))) explicit Sequential(Layers... layers) {
    (push_back(std::move(layers)), ...);
  }
  Sequential(const Sequential& other) : ModuleOf(other) {
    for (const auto& slot : other.slots_) slots_.push_back({slot.name, slot.held->copy()});
  }
  Sequential(Sequential&&) noexcept = default;
  Sequential& operator=(Sequential other) noexcept {
    ModuleOf::operator=(other);
    slots_ = std::move(other.slots_);
    return *this;
  }

  /// Adds a layer at the end and returns this.
  template <Layer L>
  Sequential& push_back(L layer) {
    return push_back(std::to_string(slots_.size()), std::move(layer));
  }
  template <Layer L>
  Sequential& push_back(std::string name, L layer) {
    slots_.push_back({std::move(name), std::make_unique<Holder<L>>(std::move(layer))});
    return *this;
  }

  std::size_t size() const { return slots_.size(); }
  bool empty() const { return slots_.empty(); }
  Module& operator[](std::size_t i) const { return slot(i).module(); }
  /// The layer at i as what it is: net.at<Linear>(0).weight. Error where it is another kind.
  template <Layer L>
  L& at(std::size_t i) const {
    auto* layer = dynamic_cast<L*>(&slot(i).module());
    HEED_CHECK(layer, "layer ", i, " is a ", slot(i).module().kind(), ", not a ",
               nn::detail::class_name<L>());
    return *layer;
  }

  Tensor forward(Tensor x) const {
    for (const Slot& each : slots_) x = each.held->call(x);
    return x;
  }
  void visit(Visitor& parts) override {
    for (const Slot& each : slots_) parts(each.name, each.held->module());
  }

 private:
  struct Held {
    virtual ~Held() = default;
    virtual Tensor call(const Tensor& x) = 0;
    virtual Module& module() = 0;
    virtual std::unique_ptr<Held> copy() const = 0;
  };
  template <class L>
  struct Holder final : Held {
    explicit Holder(L held) : layer(std::move(held)) {}
    Tensor call(const Tensor& x) override { return layer(x); }
    Module& module() override { return layer; }
    std::unique_ptr<Held> copy() const override { return std::make_unique<Holder>(layer); }
    L layer;
  };
  struct Slot {
    std::string name;
    std::unique_ptr<Held> held;
  };
  Held& slot(std::size_t i) const {
    HEED_CHECK(i < slots_.size(), "index ", i, " is out of range for a Sequential of ",
               slots_.size());
    return *slots_[i].held;
  }

  std::vector<Slot> slots_;
};

/// Modules of one kind, named "0", "1", …, for a forward of your own to go through:
/// for (const Block& block : blocks) x = block(x).
template <std::derived_from<Module> M>
class ModuleList : public ModuleOf<ModuleList<M>> {
 public:
  ModuleList() = default;
  explicit ModuleList(std::vector<M> modules) : modules_(std::move(modules)) {}

  ModuleList& push_back(M module) {
    modules_.push_back(std::move(module));
    return *this;
  }
  template <class... Arguments>
  M& emplace_back(Arguments&&... arguments) {
    return modules_.emplace_back(std::forward<Arguments>(arguments)...);
  }
  void reserve(std::size_t size) { modules_.reserve(size); }

  std::size_t size() const { return modules_.size(); }
  bool empty() const { return modules_.empty(); }
  /// Error: index 3 is out of range.
  M& operator[](std::size_t i) { return check(i), modules_[i]; }
  const M& operator[](std::size_t i) const { return check(i), modules_[i]; }
  auto begin() { return modules_.begin(); }
  auto end() { return modules_.end(); }
  auto begin() const { return modules_.begin(); }
  auto end() const { return modules_.end(); }

  void visit(Visitor& parts) override {
    for (std::size_t i = 0; i < modules_.size(); ++i) parts(std::to_string(i), modules_[i]);
  }

 private:
  void check(std::size_t i) const {
    HEED_CHECK(i < size(), "index ", i, " is out of range for a ModuleList of ", size());
  }

  std::vector<M> modules_;
};

}  // namespace heed::nn
