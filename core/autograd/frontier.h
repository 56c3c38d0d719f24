// The engine's to-do list: targets that gradients have reached, latest number first.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/autograd/node.h"

namespace heed::autograd {

/// A target and the sum of the gradients that have reached it so far. The graph, held by its roots,
/// keeps the target alive.
struct Pending {
  const Edge* edge = nullptr;
  Tensor grad;
};

/// A heap of targets by number, with each target in it once. A frontier is mostly a handful of
/// entries: up to kScan they are searched one by one; beyond, through a hash table, so that wide
/// graphs stay linear.
class Frontier {
 public:
  bool empty() const { return heap_.empty(); }

  /// The entry of this target, new (with an undefined gradient) if it has none.
  Pending& at(const Edge& edge) {
    if (const std::int32_t slot = find(edge.key()); slot >= 0) return slots_[index(slot)];
    std::int32_t slot;
    if (free_.empty()) {
      slot = static_cast<std::int32_t>(slots_.size());
      slots_.emplace_back();
    } else {
      slot = free_.back();
      free_.pop_back();
    }
    slots_[index(slot)].edge = &edge;
    heap_.push_back({edge.number(), slot});
    std::push_heap(heap_.begin(), heap_.end());
    // A table that is alive holds every target, also while the heap is small again.
    if (table_live_) {
      insert(edge.key(), slot);
    } else if (heap_.size() > kScan) {
      rebuild(std::max<std::size_t>(64, heap_.size() * 4));
    }
    return slots_[index(slot)];
  }

  /// Takes out the entry with the largest number.
  Pending pop() {
    std::pop_heap(heap_.begin(), heap_.end());
    const std::int32_t slot = heap_.back().slot;
    heap_.pop_back();
    Pending out = std::move(slots_[index(slot)]);
    if (table_live_) {
      erase(out.edge->key(), slot);
      if (heap_.size() <= kScan / 2) table_live_ = false;
    }
    free_.push_back(slot);
    return out;
  }

  void clear() {
    heap_.clear();
    slots_.clear();
    free_.clear();
    table_live_ = false;
  }

 private:
  static constexpr std::size_t kScan = 16;
  struct Entry {
    std::uint64_t number;
    std::int32_t slot;
    bool operator<(const Entry& other) const { return number < other.number; }
  };
  static std::size_t index(std::int32_t slot) { return static_cast<std::size_t>(slot); }

  std::int32_t find(std::uintptr_t key) const {
    if (!table_live_) {
      for (const Entry& entry : heap_) {
        if (slots_[index(entry.slot)].edge->key() == key) return entry.slot;
      }
      return -1;
    }
    for (std::size_t i = home(key);; i = (i + 1) & (table_.size() - 1)) {
      if (table_[i] < 0) return -1;
      if (slots_[index(table_[i])].edge->key() == key) return table_[i];
    }
  }

  // Open addressing over slots; a power of two, at most half full.
  std::size_t home(std::uintptr_t key) const {
    return (key * 0x9E3779B97F4A7C15u >> 20) & (table_.size() - 1);
  }
  void insert(std::uintptr_t key, std::int32_t slot) {
    if (heap_.size() * 2 > table_.size()) return rebuild(table_.size() * 2);
    std::size_t i = home(key);
    while (table_[i] >= 0) i = (i + 1) & (table_.size() - 1);
    table_[i] = slot;
  }
  void erase(std::uintptr_t key, std::int32_t slot) {
    const std::size_t mask = table_.size() - 1;
    std::size_t hole = home(key);
    while (table_[hole] != slot) hole = (hole + 1) & mask;
    // Move back what the hole would hide from a search that starts before it.
    for (std::size_t i = (hole + 1) & mask; table_[i] >= 0; i = (i + 1) & mask) {
      const std::size_t start = home(slots_[index(table_[i])].edge->key());
      if (((i - start) & mask) >= ((i - hole) & mask)) {
        table_[hole] = table_[i];
        hole = i;
      }
    }
    table_[hole] = -1;
  }
  void rebuild(std::size_t size) {
    std::size_t power = 64;
    while (power < size) power *= 2;
    table_.assign(power, -1);
    table_live_ = true;
    for (const Entry& entry : heap_) {
      std::size_t i = home(slots_[index(entry.slot)].edge->key());
      while (table_[i] >= 0) i = (i + 1) & (table_.size() - 1);
      table_[i] = entry.slot;
    }
  }

  std::vector<Entry> heap_;
  std::vector<Pending> slots_;
  std::vector<std::int32_t> free_;
  std::vector<std::int32_t> table_;
  bool table_live_ = false;
};

}  // namespace heed::autograd
