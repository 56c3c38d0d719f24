#include "core/print.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <mutex>
#include <ostream>
#include <vector>

#include "core/autograd/node.h"

namespace heed {
namespace {

struct Settings {
  std::int64_t precision = 4, threshold = 1000, edgeitems = 3, linewidth = 80;
  std::optional<bool> sci_mode = {};
};

std::mutex settings_mutex;
Settings settings_in_use;

Settings current_settings() {
  const std::lock_guard lock(settings_mutex);
  return settings_in_use;
}

std::string printed(double value, std::int64_t precision, bool scientific) {
  if (std::isnan(value)) return "nan";  // whatever its sign
  const char* format = scientific ? "%.*e" : "%.*f";
  const int digits = static_cast<int>(precision);
  const int length = std::snprintf(nullptr, 0, format, digits, value);
  std::string text(static_cast<std::size_t>(length) + 1, '\0');
  std::snprintf(text.data(), text.size(), format, digits, value);
  text.pop_back();
  return text;
}

std::string padded(const std::string& text, std::int64_t width) {
  const auto length = static_cast<std::int64_t>(text.size());
  return std::string(static_cast<std::size_t>(std::max<std::int64_t>(width - length, 0)), ' ') +
         text;
}

// Prints one tensor. First it looks at all elements that will appear, to choose one form and one
// width for them; then it writes them.
class Printer {
 public:
  Printer(const Tensor& x, const Settings& settings)
      : x_(x), settings_(settings), summarize_(x.numel() > settings.threshold) {
    if (x.is_floating_point()) {
      choose_form();
    } else {
      for_each_shown(0, 0,
                     [&](std::int64_t at) { widen(static_cast<std::int64_t>(whole(at).size())); });
    }
  }

  std::string text(std::int64_t indent) const { return block(0, 0, indent); }

 private:
  double real(std::int64_t at) const {
    return x_.dtype() == DType::Float32 ? static_cast<double>(x_.data<float>()[at])
                                        : x_.data<double>()[at];
  }
  std::string whole(std::int64_t at) const {
    if (x_.dtype() == DType::Bool) return x_.data<bool>()[at] ? "True" : "False";
    return std::to_string(x_.data<std::int64_t>()[at]);
  }
  void widen(std::int64_t width) { width_ = std::max(width_, width); }
  bool shortened(std::int64_t size) const { return summarize_ && size > 2 * settings_.edgeitems; }

  template <class F>
  void for_each_shown(std::int64_t dim, std::int64_t at, F f) const {
    if (dim == x_.dim()) return f(at);
    const std::int64_t size = x_.sizes()[dim], stride = x_.strides()[dim];
    for (std::int64_t i = 0; i < size; ++i) {
      if (shortened(size) && i == settings_.edgeitems) i = size - settings_.edgeitems;
      for_each_shown(dim + 1, at + i * stride, f);
    }
  }

  // Whole numbers are written "1."; numbers of very different, very large or very small magnitude
  // in scientific notation; the rest with a fixed number of digits. Zeros, infinities and NaN have
  // no say.
  void choose_form() {
    double smallest = std::numeric_limits<double>::infinity(), largest = 0;
    for_each_shown(0, 0, [&](std::int64_t at) {
      const double value = real(at), size = std::abs(value);
      if (!std::isfinite(value) || value == 0) return;
      smallest = std::min(smallest, size);
      largest = std::max(largest, size);
      all_whole_ = all_whole_ && value == std::ceil(value);
    });
    if (largest == 0) return;
    scientific_ = largest / smallest > 1000 || largest > 1e8 || (!all_whole_ && smallest < 1e-4);
    for_each_shown(0, 0, [&](std::int64_t at) {
      const double value = real(at);
      if (!std::isfinite(value) || value == 0) return;
      const bool point_only = all_whole_ && !scientific_;
      const std::string text = printed(value, point_only ? 0 : settings_.precision, scientific_);
      widen(static_cast<std::int64_t>(text.size()) + (point_only ? 1 : 0));
    });
    if (settings_.sci_mode) scientific_ = *settings_.sci_mode;
  }

  std::string element(std::int64_t at) const {
    if (!x_.is_floating_point()) return padded(whole(at), width_);
    const double value = real(at);
    std::string text =
        printed(value, all_whole_ && !scientific_ ? 0 : settings_.precision, scientific_);
    if (all_whole_ && !scientific_ && std::isfinite(value)) text += '.';
    return padded(text, width_);
  }

  std::string row(std::int64_t at, std::int64_t indent) const {
    const std::int64_t size = x_.sizes().back(), stride = x_.strides().back();
    std::vector<std::string> items;
    for (std::int64_t i = 0; i < size; ++i) {
      if (shortened(size) && i == settings_.edgeitems) {
        items.push_back(" ...");
        i = size - settings_.edgeitems;
      }
      items.push_back(element(at + i * stride));
    }
    // An item takes its width, a comma and a space.
    const std::int64_t room = settings_.linewidth - indent;
    const auto per_line = static_cast<std::size_t>(std::max<std::int64_t>(room / (width_ + 2), 1));
    std::string text = "[";
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (i != 0 && i % per_line == 0) {
        text += ",\n" + std::string(static_cast<std::size_t>(indent) + 1, ' ');
      } else if (i != 0) {
        text += ", ";
      }
      text += items[i];
    }
    return text + "]";
  }

  std::string block(std::int64_t dim, std::int64_t at, std::int64_t indent) const {
    if (x_.dim() == 0) return element(at);
    if (dim == x_.dim() - 1) return row(at, indent);
    const std::int64_t size = x_.sizes()[dim], stride = x_.strides()[dim];
    // One line break between rows, one more with each dim around them.
    const std::string separator = "," +
                                  std::string(static_cast<std::size_t>(x_.dim() - dim - 1), '\n') +
                                  std::string(static_cast<std::size_t>(indent) + 1, ' ');
    std::string text = "[";
    for (std::int64_t i = 0; i < size; ++i) {
      if (i != 0) text += separator;
      if (shortened(size) && i == settings_.edgeitems) {
        text += "..." + separator;
        i = size - settings_.edgeitems;
      }
      text += block(dim + 1, at + i * stride, indent + 1);
    }
    return text + "]";
  }

  const Tensor& x_;
  const Settings& settings_;
  bool summarize_;
  bool all_whole_ = true;
  bool scientific_ = false;
  std::int64_t width_ = 1;
};

// A shape as Python writes a tuple.
std::string tuple(const Dims& sizes) {
  std::string text = "(";
  for (std::int64_t d = 0; d < sizes.size(); ++d) {
    text += (d ? ", " : "") + std::to_string(sizes[d]);
  }
  return text + (sizes.size() == 1 ? ",)" : ")");
}

}  // namespace

std::string to_string(const Tensor& x) {
  if (!x.defined()) return "tensor(undefined)";
  const Settings settings = current_settings();
  const std::string prefix = "tensor(";
  const auto indent = static_cast<std::int64_t>(prefix.size());
  const bool empty = x.numel() == 0;

  std::vector<std::string> notes;
  if (empty && x.dim() != 1) notes.push_back("size=" + tuple(x.sizes()));
  // Numbers show their type, except that nothing shows that of an empty tensor, and float64 looks
  // like float32.
  if (empty ? x.dtype() != DType::Float32 : x.dtype() == DType::Float64) {
    notes.push_back(std::string("dtype=") + dtype_name(x.dtype()));
  }
  if (const autograd::NodeRef node = x.grad_fn()) {
    notes.push_back(std::string("grad_fn=<") + node->name() + ">");
  } else if (x.requires_grad()) {
    notes.push_back("requires_grad=True");
  }

  std::string text = prefix + (empty ? "[]" : Printer(x, settings).text(indent));
  const std::size_t line_break = text.rfind('\n');
  auto line = static_cast<std::int64_t>(
      line_break == std::string::npos ? text.size() + 2 : text.size() - line_break + 1);
  for (const std::string& note : notes) {
    const auto length = static_cast<std::int64_t>(note.size());
    if (line + length + 2 > settings.linewidth) {
      text += ",\n" + std::string(prefix.size(), ' ') + note;
      line = indent + length;
    } else {
      text += ", " + note;
      line += length + 2;
    }
  }
  return text + ")";
}

std::ostream& operator<<(std::ostream& out, const Tensor& x) { return out << to_string(x); }

void set_printoptions(const PrintOptions& options) {
  const std::lock_guard lock(settings_mutex);
  Settings next = settings_in_use;
  if (options.profile) {
    next = Settings{};
    if (*options.profile == "short") {
      next.precision = 2;
      next.edgeitems = 2;
    } else if (*options.profile == "full") {
      next.threshold = std::numeric_limits<std::int64_t>::max();
    } else {
      HEED_CHECK(*options.profile == "default", "set_printoptions: the profile is one of default, ",
                 "short and full, but got '", *options.profile, "'");
    }
  }
  next.precision = options.precision.value_or(next.precision);
  next.threshold = options.threshold.value_or(next.threshold);
  next.edgeitems = options.edgeitems.value_or(next.edgeitems);
  next.linewidth = options.linewidth.value_or(next.linewidth);
  next.sci_mode = options.sci_mode;
  HEED_CHECK(0 <= next.precision && next.precision <= 1000,
             "set_printoptions: precision must be from 0 to 1000, but got ", next.precision);
  HEED_CHECK(next.threshold >= 0, "set_printoptions: threshold must not be negative, but got ",
             next.threshold);
  HEED_CHECK(next.edgeitems >= 1, "set_printoptions: edgeitems must be at least 1, but got ",
             next.edgeitems);
  HEED_CHECK(next.linewidth >= 1, "set_printoptions: linewidth must be at least 1, but got ",
             next.linewidth);
  settings_in_use = next;
}

}  // namespace heed
