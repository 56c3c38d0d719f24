#include "curve.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace friends {

Curve::Curve(const std::vector<double>& values) : values_(values) {
  // A loss that was no number any more has no place on an axis.
  while (values_.size() > 1 && !std::isfinite(values_.back())) values_.pop_back();
  const auto [least, most] = std::minmax_element(values_.begin(), values_.end());
  low_ = *least;
  high_ = *most;
  logarithmic_ = low_ > 0 && high_ > 10 * low_;
  if (logarithmic_) {
    low_ = std::pow(10, std::floor(std::log10(low_)));
    high_ = std::pow(10, std::ceil(std::log10(high_)));
  } else {
    low_ = 0;
    if (!(high_ > 0)) high_ = 1;
  }
}

double Curve::height(double value) const {
  const double share = logarithmic_ ? std::log(value / low_) / std::log(high_ / low_)
                                    : (value - low_) / (high_ - low_);
  return std::clamp(share, 0.0, 1.0);
}

std::vector<double> Curve::ticks() const {
  std::vector<double> values;
  if (logarithmic_) {
    const double decades = std::round(std::log10(high_ / low_));
    const double stride = std::max(1.0, std::ceil(decades / 6));
    for (double d = 0; d <= decades + 0.5; d += stride) {
      values.push_back(high_ / std::pow(10, d));
    }
  } else {
    for (int i = 4; i >= 0; --i) values.push_back(low_ + (high_ - low_) * i / 4);
  }
  return values;
}

std::vector<std::size_t> Curve::step_ticks(std::size_t about) const {
  std::size_t stride = 1;
  for (std::size_t power = 1; steps() / stride > about; power *= 10) {
    for (const std::size_t digit : {1u, 2u, 5u}) {
      stride = power * digit;
      if (steps() / stride <= about) break;
    }
  }
  std::vector<std::size_t> ticks;
  for (std::size_t step = 0; step <= steps(); step += stride) ticks.push_back(step);
  return ticks;
}

std::vector<Curve::Swing> Curve::swings(std::size_t columns) const {
  std::vector<Swing> result;
  for (std::size_t c = 0; c < columns; ++c) {
    // Neighbouring columns share a step, so that the curve has no holes.
    const std::size_t begin = c * steps() / columns;
    const std::size_t end = std::max((c + 1) * steps() / columns, begin);
    Swing swing{1, 0};
    for (std::size_t i = begin; i <= end; ++i) {
      swing.low = std::min(swing.low, height(values_[i]));
      swing.high = std::max(swing.high, height(values_[i]));
    }
    result.push_back(swing);
  }
  return result;
}

std::string label(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value);
  return text;
}

}  // namespace friends
