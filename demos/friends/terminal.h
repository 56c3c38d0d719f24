// What standard output can show, and what is drawn on it: bars, a curve, wrapped text.
#pragma once

#include <string>
#include <vector>

#include "curve.h"

namespace friends {

struct Terminal {
  bool interactive = false;  // a terminal that can redraw a line, not a file or a pipe
  bool utf8 = false;         // the locale's characters reach beyond ASCII
  bool styled = false;       // bold and dim: interactive, and NO_COLOR is not set

  /// What this process's standard output is.
  static Terminal of_standard_output();

  std::string bold(const std::string& text) const;
  std::string dim(const std::string& text) const;
  /// A bar of `width` characters, filled from the left up to a share in [0, 1].
  std::string bar(double share, int width) const;
  /// A curve as lines of text with both axes.
  std::vector<std::string> plot(const Curve& curve) const;
};

/// Text in lines of at most 80 characters, broken at spaces.
std::string wrapped(const std::string& text);

}  // namespace friends
