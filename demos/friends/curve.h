// A loss curve made ready for drawing: its scale, and how far it swings in each column.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace friends {

class Curve {
 public:
  /// Values at steps 0, 1, 2, … A logarithmic scale where they span more than a decade.
  explicit Curve(const std::vector<double>& values);

  bool logarithmic() const { return logarithmic_; }
  double low() const { return low_; }    // the axis's lower end
  double high() const { return high_; }  // and its upper end
  std::size_t steps() const { return values_.size() - 1; }
  /// Where a value lies on the axis: 0 at low(), 1 at high().
  double height(double value) const;
  /// Values to label the axis with, from the top down.
  std::vector<double> ticks() const;
  /// Steps to label the other axis with: multiples of a round number.
  std::vector<std::size_t> step_ticks(std::size_t about) const;

  /// The smallest and the largest height in each of `columns` columns of equal width.
  struct Swing {
    double low, high;
  };
  std::vector<Swing> swings(std::size_t columns) const;

 private:
  std::vector<double> values_;
  bool logarithmic_ = false;
  double low_ = 0, high_ = 1;
};

/// A number as a label: 0.01, 4e-05.
std::string label(double value);

}  // namespace friends
