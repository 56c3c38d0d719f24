// The training as one picture: the loss curve above the attention before and after.
#pragma once

#include <string>

#include "attention.h"
#include "curve.h"

namespace friends {

/// A self-contained SVG document that follows the viewer's light or dark scheme.
std::string picture(const Curve& loss, const Shares& before, const Shares& after);

/// Writes a file whole or not at all: to a temporary beside it, which then takes its name. Returns
/// an empty text, or one sentence about what went wrong.
std::string write_whole(const std::string& path, const std::string& content);

}  // namespace friends
