// The one exception that heed throws for a wrong use, and the one way to word it.
//
// Messages are sentences with the offending shapes in them; where PyTorch has an error for the same
// mistake, its words are kept, so that an answer found for PyTorch helps here too. Running out of
// memory is std::bad_alloc.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

namespace heed {

/// A wrong use of heed: a shape, an index, a dtype, a state of the graph, a file.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

namespace detail {

/// A text to be. A plain stream that runs out of memory goes on without the rest.
class TextStream : public std::ostringstream {
 public:
  TextStream() { exceptions(std::ios_base::badbit); }
};

template <class... Parts>
std::string concat(const Parts&... parts) {
  TextStream text;
  (text << ... << parts);
  return text.str();
}

// Out of line of the checks, so that a check costs a compare and a branch.
template <class... Parts>
[[noreturn, gnu::cold, gnu::noinline]] void fail(const Parts&... parts) {
  throw Error(concat(parts...));
}

}  // namespace detail
}  // namespace heed

/// HEED_CHECK(condition, parts…): throws heed::Error with the parts written one after another.
#define HEED_CHECK(condition, ...)       \
  do {                                   \
    if (!(condition)) [[unlikely]]       \
      ::heed::detail::fail(__VA_ARGS__); \
  } while (false)
