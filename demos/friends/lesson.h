// The notebook's eight steps as text, and what is told of the training after them.
#pragma once

#include <iosfwd>

#include "attention.h"
#include "options.h"
#include "terminal.h"
#include "training.h"

namespace friends {

/// Steps 1 to 7, each with its explanation and its real numbers.
void print_steps(std::ostream& out, const Tensor& friends, const Layer& layer,
                 const Attention& attention, const Options& options, const Terminal& terminal);

/// Step 8: the notebook's own closing line.
void print_output(std::ostream& out, const Attention& attention);

/// Attention weights with names on rows and columns, each with a bar.
void print_attention(std::ostream& out, const Shares& shares, const Terminal& terminal);

}  // namespace friends
