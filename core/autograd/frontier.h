// The engine's to-do list: targets that gradients have reached, latest number first.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <limits>
#include <vector>

#include "core/autograd/node.h"

namespace heed::autograd {

/// A target and the sum of the gradients that have reached it so far. The graph, held by its roots,
/// keeps the target alive.
struct Pending {
  const Edge* edge = nullptr;
  Tensor grad;
  std::uint64_t number = 0;  // edge->number(), so that a search touches no node
  std::int32_t ones = 0;     // how often 1 is to be added: made when it is needed
};

/// A priority queue of targets by number, with each target in it once. A frontier is mostly a
/// handful of entries: up to kFew they lie in a sorted list and are searched one by one. When there
/// are more, they lie in a radix heap (Ahuja, Mehlhorn, Orlin and Tarjan 1990) and are found
/// through a hash table, so that a graph of any width takes linear time.
///
/// The radix heap rests on what the engine is: what is handed on has a smaller number than the node
/// taken last. An entry lies in the bucket of the highest bit in which its number differs from that
/// one's, so that the lowest bucket in use holds the next; when that is not alone there, its bucket
/// is dealt out to lower ones. An entry only ever moves down, and in passes over adjacent memory.
class Frontier {
 public:
  bool empty() const { return few_.empty() && size_ == 0; }

  /// The entry of this target, new (with an undefined gradient) if it has none.
  Pending& at(const Edge& edge) {
    const std::uint64_t number = edge.number();
    if (!many_) {
      // Backwards from the largest: the place to insert, unless the number comes up.
      std::size_t place = few_.size();
      while (place > 0 && few_[place - 1].number > number) --place;
      if (place > 0 && few_[place - 1].number == number) return slots_[index(few_[place - 1].slot)];
      const std::int32_t slot = new_slot(edge, number);
      if (few_.size() < kFew) {
        few_.insert(few_.begin() + static_cast<std::ptrdiff_t>(place), {number, slot});
        return slots_[index(slot)];
      }
      become_many();
      add({number, slot});
      return slots_[index(slot)];
    }
    if (const std::int32_t slot = find_slot(number); slot >= 0) return slots_[index(slot)];
    const std::int32_t slot = new_slot(edge, number);
    add({number, slot});
    return slots_[index(slot)];
  }

  /// The entry of this target, null if it has none.
  Pending* find(const Edge& edge) {
    const std::uint64_t number = edge.number();
    if (many_) {
      const std::int32_t slot = find_slot(number);
      return slot >= 0 ? &slots_[index(slot)] : nullptr;
    }
    for (const Entry& entry : few_) {
      if (entry.number == number) return &slots_[index(entry.slot)];
    }
    return nullptr;
  }

  /// Takes out the entry with the largest number.
  Pending pop() {
    const Entry top = many_ ? take_from_buckets() : take_from_few();
    last_ = top.number;
    free_.push_back(top.slot);
    return std::move(slots_[index(top.slot)]);
  }

  /// Forgets everything: before another walk, whose numbers start anywhere.
  void clear() {
    few_.clear();
    for (std::uint64_t used = used_; used != 0; used &= used - 1) lowest_of(used).clear();
    slots_.clear();
    free_.clear();
    used_ = size_ = 0;
    last_ = kNone;
    many_ = false;
  }

 private:
  static constexpr std::size_t kFew = 16;
  static constexpr std::uint64_t kNone = std::numeric_limits<std::uint64_t>::max();
  struct Entry {
    std::uint64_t number;
    std::int32_t slot;
  };
  static std::size_t index(std::int32_t slot) { return static_cast<std::size_t>(slot); }

  std::int32_t new_slot(const Edge& edge, std::uint64_t number) {
    std::int32_t slot;
    if (free_.empty()) {
      slot = static_cast<std::int32_t>(slots_.size());
      slots_.emplace_back();
    } else {
      slot = free_.back();
      free_.pop_back();
    }
    slots_[index(slot)] = {&edge, Tensor(), number, 0};
    return slot;
  }

  // ---- A few: sorted, the largest at the back

  Entry take_from_few() {
    const Entry top = few_.back();
    few_.pop_back();
    return top;
  }
  void become_many() {
    many_ = true;
    table_.assign(128, -1);
    for (const Entry& entry : few_) add(entry);
    few_.clear();
  }
  void become_few() {
    for (std::uint64_t used = used_; used != 0; used &= used - 1) {
      std::vector<Entry>& bucket = lowest_of(used);
      few_.insert(few_.end(), bucket.begin(), bucket.end());
      bucket.clear();
    }
    std::sort(few_.begin(), few_.end(),
              [](const Entry& a, const Entry& b) { return a.number < b.number; });
    used_ = size_ = 0;
    many_ = false;
  }

  // ---- Many: the radix heap. used_ has a bit for each bucket that is not empty.

  std::vector<Entry>& lowest_of(std::uint64_t used) {
    return buckets_[static_cast<std::size_t>(std::countr_zero(used))];
  }
  void put(const Entry& entry) {
    const auto bucket = static_cast<std::size_t>(std::bit_width(entry.number ^ last_)) - 1;
    buckets_[bucket].push_back(entry);
    used_ |= std::uint64_t{1} << bucket;
  }
  void add(const Entry& entry) {
    if ((++size_) * 4 > table_.size()) grow();
    put(entry);
    insert(entry);
  }
  Entry take_from_buckets() {
    const std::uint64_t lowest = used_ & -used_;
    std::vector<Entry>& bucket = lowest_of(lowest);
    const auto top =
        std::max_element(bucket.begin(), bucket.end(),
                         [](const Entry& a, const Entry& b) { return a.number < b.number; });
    const Entry taken = *top;
    *top = bucket.back();
    bucket.pop_back();
    last_ = taken.number;
    // All of them agree with it in the bit of this bucket: they go to lower ones.
    for (const Entry& entry : bucket) put(entry);
    bucket.clear();
    used_ &= ~lowest;
    erase(taken);
    if (--size_ <= kFew / 2) become_few();
    return taken;
  }

  // ---- Many: the hash table of slots, open addressing, a quarter full at most. Numbers of one
  // graph are mostly dense: 16 in a row share a cache line, and the golden ratio keeps the lines of
  // a dense range apart (Knuth, The Art of Computer Programming 3, 6.4).

  std::size_t home(std::uint64_t number) const {
    const std::uint64_t line = (number >> 4) * 0x9E3779B97F4A7C15u >> std::countl_zero(mask() >> 4);
    return static_cast<std::size_t>(line << 4 | (number & 15));
  }
  std::uint64_t mask() const { return table_.size() - 1; }
  std::int32_t find_slot(std::uint64_t number) const {
    std::size_t i = home(number);
    while (table_[i] >= 0 && slots_[index(table_[i])].number != number) i = (i + 1) & mask();
    return table_[i];
  }
  void insert(const Entry& entry) {
    std::size_t i = home(entry.number);
    while (table_[i] >= 0) i = (i + 1) & mask();
    table_[i] = entry.slot;
  }
  void erase(const Entry& entry) {
    std::size_t hole = home(entry.number);
    while (table_[hole] != entry.slot) hole = (hole + 1) & mask();
    // Move back what the hole would hide from a search that starts before it.
    for (std::size_t i = (hole + 1) & mask(); table_[i] >= 0; i = (i + 1) & mask()) {
      const std::size_t start = home(slots_[index(table_[i])].number);
      if (((i - start) & mask()) >= ((i - hole) & mask())) {
        table_[hole] = table_[i];
        hole = i;
      }
    }
    table_[hole] = -1;
  }
  void grow() {
    table_.assign(table_.size() * 2, -1);
    for (const auto& bucket : buckets_) {
      for (const Entry& entry : bucket) insert(entry);
    }
  }

  std::vector<Entry> few_;
  std::array<std::vector<Entry>, 64> buckets_;
  std::vector<Pending> slots_;
  std::vector<std::int32_t> free_;
  std::vector<std::int32_t> table_;
  std::uint64_t used_ = 0;
  std::uint64_t last_ = kNone;  // the number taken last
  std::size_t size_ = 0;        // entries in the buckets
  bool many_ = false;
};

}  // namespace heed::autograd
