// Sentences computed from attention weights.
#pragma once

#include <string>

#include "attention.h"

namespace friends {

/// Who listens to whom most, and how many of them to the next friend, whose words they learn.
std::string who_listens_to_whom(const Shares& shares);

/// Whose attention moved most, and from where to where.
std::string what_changed_most(const Shares& before, const Shares& after);

}  // namespace friends
