// What can be asked of the demo on its command line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace friends {

struct Options {
  std::uint64_t seed = 1345481140;
  std::int64_t steps = 5000;
  double lr = 1.0;
  double momentum = 0.9;
  std::string svg;  // where to write the picture; empty: nowhere
  bool quiet = false;
};

/// Reads the command line. When there is nothing to run (--help, or a mistake, which is told in one
/// sentence on standard error), `exit_code` is set and the options mean nothing.
Options read_options(int argc, char** argv, std::optional<int>& exit_code);

}  // namespace friends
