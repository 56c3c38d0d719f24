#include "options.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <cmath>
#include <iostream>
#include <limits>

namespace friends {
namespace {

constexpr std::int64_t kMostSteps = 10'000'000;

// The whole text as a number in [low, high], or a mistake that names the option and says what it
// takes.
template <class T>
T number(const std::string& option, const std::string& text, T low, T high,
         const std::string& wanted) {
  T value{};
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || !(value >= low && value <= high)) {
    throw CLI::ValidationError(option + " takes " + wanted + ", not '" + text + "'");
  }
  return value;
}

void complain(const std::string& mistake) {
  std::cerr << "friends: " << mistake << " (friends --help lists the options)\n";
}

}  // namespace

Options read_options(int argc, char** argv, std::optional<int>& exit_code) {
  CLI::App app(
      "Self-attention with trainable weights, step by step: four friends learn to listen.\n"
      "Prints the eight steps, checks the gradients against finite differences, and trains the\n"
      "layer until each friend says what the next friend would.",
      "friends");
  const Options defaults;
  std::string seed, steps, lr, momentum, svg;
  bool quiet = false;
  const auto text = [&app](const char* name, std::string& value, const char* takes,
                           const std::string& about) {
    app.add_option(name, value, about)
        ->type_name(takes)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  };
  text("--seed", seed, "N", "where the weights' random draws start (1345481140: the notebook's)");
  text("--steps", steps, "N", "training steps (5000)");
  text("--lr", lr, "X", "learning rate (1)");
  text("--momentum", momentum, "X", "momentum of the optimizer (0.9)");
  text("--svg", svg, "FILE", "also draw loss and attention as one SVG picture");
  app.add_flag("--quiet", quiet, "print only the output, the loss and who listens to whom");

  Options options;
  try {
    app.parse(argc, argv);
    if (app.count("--seed") > 0) {
      options.seed =
          number<std::uint64_t>("--seed", seed, 0, std::numeric_limits<std::uint64_t>::max(),
                                "a whole number from 0 to 18446744073709551615");
    }
    if (app.count("--steps") > 0) {
      options.steps = number<std::int64_t>("--steps", steps, 0, kMostSteps,
                                           "a whole number from 0 to 10000000");
    }
    constexpr double kLargest = std::numeric_limits<double>::max();
    if (app.count("--lr") > 0) {
      options.lr = number<double>("--lr", lr, 0, kLargest, "a number from 0 up");
    }
    if (app.count("--momentum") > 0) {
      options.momentum = number<double>("--momentum", momentum, 0, kLargest, "a number from 0 up");
    }
    if (app.count("--svg") > 0 && svg.empty()) {
      throw CLI::ValidationError("--svg takes the name of a file, not ''");
    }
  } catch (const CLI::CallForHelp&) {
    std::cout << app.help();
    exit_code = 0;
  } catch (const CLI::ArgumentMismatch& mistake) {  // "--seed: 1 required N missing"
    const std::string what = mistake.what();
    complain(what.substr(0, what.find(':')) + " needs a value");
    exit_code = 2;
  } catch (const CLI::ParseError& mistake) {
    complain(mistake.what());
    exit_code = 2;
  }
  options.svg = svg;
  options.quiet = quiet;
  return options;
}

}  // namespace friends
