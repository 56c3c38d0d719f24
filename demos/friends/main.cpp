// The notebook on self-attention with trainable weights, step by step, and what training makes of
// it.
//
//   demos/run                      the whole lesson
//   demos/run --svg friends.svg    and a picture of it
//   demos/run --help               every option
#include <heed.h>

#include <cstdio>
#include <iostream>

#include "attention.h"
#include "lesson.h"
#include "options.h"
#include "picture.h"
#include "story.h"
#include "terminal.h"
#include "training.h"

namespace friends {
namespace {

void print_gradient_check(const Tensor& friends, const Layer& layer,
                          const heed::autograd::GradcheckResult& check, const Terminal& terminal) {
  const std::int64_t checked = friends.numel() + layer.query.weight.numel() +
                               layer.key.weight.numel() + layer.value.weight.numel();
  std::cout << "\n" << terminal.bold("Are the gradients right?") << "\n";
  std::printf(
      "  Each of the %lld derivatives of the loss, from the graph and from nudging its number\n"
      "  a little to both sides: the worst difference is %.1e%s.\n\n",
      static_cast<long long>(checked), check.worst_error,
      check.passed ? ", nothing but rounding" : "");
  std::fflush(stdout);
}

void print_training(const Training& training, const Options& options, const Shares& before,
                    const Shares& after, const Terminal& terminal) {
  std::printf("\n  %lld steps in %.2f s: loss %.6f -> %.6f\n\n",
              static_cast<long long>(options.steps), training.seconds, training.loss.front(),
              training.loss.back());
  std::fflush(stdout);
  const Curve curve(training.loss);
  std::cout << terminal.dim(curve.logarithmic() ? "     loss (logarithmic scale)" : "     loss")
            << "\n";
  for (const std::string& line : terminal.plot(curve)) std::cout << line << "\n";
  std::cout << "\n" << terminal.bold("Who listens to whom, before training") << "\n";
  print_attention(std::cout, before, terminal);
  std::cout << "\n" << terminal.bold("... and after") << "\n";
  print_attention(std::cout, after, terminal);
  std::cout << "\n";
}

int run(const Options& options) {
  const Terminal terminal = Terminal::of_standard_output();
  const Tensor friends = four_friends();
  Layer layer = layer_from(options.seed);
  const Attention first = attend(friends, layer);

  if (!options.quiet) print_steps(std::cout, friends, layer, first, options, terminal);
  print_output(std::cout, first);

  const auto check = check_gradients(friends, layer);
  if (!check) {
    std::cerr << "friends: the gradients are wrong: " << check.message << "\n";
    return 1;
  }
  if (!options.quiet) {
    print_gradient_check(friends, layer, check, terminal);
    std::cout
        << terminal.bold("Learning to listen") << "\n"
        << "  Each friend learns to say what the next friend would (Alice what Bob would, ...,\n"
        << "  Daisy what Alice would): mean squared error, gradient descent with momentum.\n\n";
  }

  const Shares before = shares(first.weights);
  const Training training = train(friends, layer, options, terminal);
  if (training.diverged) {
    std::cout << std::flush;
    std::cerr << "friends: the loss stopped being a number after " << training.loss.size() - 1
              << " steps; a smaller --lr or --momentum would help\n";
    return 1;
  }
  const Shares after = shares(attend(friends, layer).weights);

  if (options.quiet) {
    std::cout << "loss " << training.loss.front() << " -> " << training.loss.back() << "\n";
  } else {
    print_training(training, options, before, after, terminal);
  }
  std::cout << wrapped(who_listens_to_whom(after) + " " + what_changed_most(before, after));

  if (!options.svg.empty()) {
    std::cout << std::flush;
    const std::string problem =
        write_whole(options.svg, picture(Curve(training.loss), before, after));
    if (!problem.empty()) {
      std::cerr << "friends: " << problem << "\n";
      return 1;
    }
    if (!options.quiet) std::cout << "The picture is in " << options.svg << "\n";
  }
  return 0;
}

}  // namespace
}  // namespace friends

int main(int argc, char** argv) {
  std::optional<int> exit_code;
  const friends::Options options = friends::read_options(argc, argv, exit_code);
  int code = 1;
  try {
    code = exit_code ? *exit_code : friends::run(options);
  } catch (const std::exception& error) {
    std::cerr << "friends: " << error.what() << "\n";
  }
  if (!std::cout.flush()) {
    std::cerr << "friends: standard output could not be written\n";
    return code == 0 ? 1 : code;
  }
  return code;
}
