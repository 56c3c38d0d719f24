// What is refused, and with which words; what a tensor holds.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "core/error.h"
#include "core/tensor.h"

namespace heed::test {

/// What the action is refused with; "" when it is not refused.
template <class Action>
std::string refusal(Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

inline void check_starts_with(const std::string& text, const std::string& start) {
  CHECK_MESSAGE(text.substr(0, start.size()) == start,
                "\"" << text << "\" should start with \"" << start << "\"");
}

/// The action is refused with words that start so.
template <class Action>
void check_error(const std::string& start, Action&& action) {
  check_starts_with(refusal(action), start);
}

/// The action is refused with these words, whatever precedes or follows them.
template <class Action>
void check_says(const std::string& words, Action&& action) {
  const std::string message = refusal(action);
  CHECK_MESSAGE(message.find(words) != std::string::npos,
                "\"" << message << "\" should say \"" << words << "\"");
}

inline std::vector<double> values(const Tensor& x) { return x.to_vector<double>(); }

}  // namespace heed::test
