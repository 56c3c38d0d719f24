#include "lesson.h"

#include <cstdio>
#include <ostream>

namespace friends {
namespace {

template <class... Values>
std::string format(const char* pattern, Values... values) {
  char text[128];
  std::snprintf(text, sizeof text, pattern, values...);
  return text;
}

std::string left(const std::string& text, std::size_t width) {
  return text + std::string(width > text.size() ? width - text.size() : 0, ' ');
}

struct Titled {
  std::string title;
  Tensor matrix;  // (rows, columns)
};

// Matrices of equally many rows, side by side, each under its title, the rows named. Three of them
// fit into 80 columns with a digit less.
void print_matrices(std::ostream& out, const std::vector<Titled>& matrices,
                    const std::vector<std::string>& rows, const Terminal& terminal) {
  std::string titles(9, ' ');
  const char* pattern = matrices.size() > 1 ? "%7.3f" : "%8.4f";
  const std::size_t width = matrices.size() > 1 ? 7 : 8;
  std::vector<std::string> lines;
  for (const std::string& row : rows) lines.push_back("  " + left(row, 7));
  for (const auto& [title, matrix] : matrices) {
    const std::vector<double> values = matrix.detach().to_vector<double>();
    const auto columns = static_cast<std::size_t>(matrix.size(1));
    titles += left("  " + title, columns * width + 2);
    for (std::size_t i = 0; i < values.size(); ++i) {
      lines[i / columns] += format(pattern, values[i]);
      if (i % columns == columns - 1) lines[i / columns] += "  ";
    }
  }
  titles.erase(titles.find_last_not_of(' ') + 1);
  out << terminal.dim(titles) << "\n";
  for (const std::string& line : lines) out << line.substr(0, line.size() - 2) << "\n";
}

}  // namespace

void print_attention(std::ostream& out, const Shares& shares, const Terminal& terminal) {
  std::string titles(11, ' ');
  for (const std::string& name : kNames) titles += left(" to " + name, 17);
  titles.erase(titles.find_last_not_of(' ') + 1);
  out << terminal.dim(titles) << "\n";
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    out << "  " << left(kNames[i], 9);
    for (std::size_t j = 0; j < kNames.size(); ++j) {
      out << format("%6.1f%% ", 100 * shares[i][j]) << terminal.bar(shares[i][j], 8)
          << (j + 1 < kNames.size() ? " " : "\n");
    }
  }
}

void print_steps(std::ostream& out, const Tensor& friends, const Layer& layer,
                 const Attention& attention, const Options& options, const Terminal& terminal) {
  int number = 0;
  const auto step = [&](const std::string& title, const std::string& explanation) {
    ++number;
    out << (number > 1 ? "\n" : "") << terminal.bold(format("Step %d  ", number) + title) << "\n"
        << explanation;
  };

  out << terminal.bold("Self-attention with trainable weights: four friends learn to listen")
      << "\n\n";
  step("The tools",
       "  heed brings tensors, a record of how each was computed, and layers. Here it\n"
       "  computes with the " +
           std::string(heed::simd_isa()) + " kernels; random numbers start from seed " +
           std::to_string(options.seed) + ".\n");

  step("The friends",
       "  Each friend, as a word in a sentence would be, is described by three numbers.\n");
  print_matrices(out, {{"friends", friends}}, kNames, terminal);

  step("Three weights that training can change",
       "  The query weight learns to ask good questions, the key weight to say what each\n"
       "  friend is about, the value weight to pass on something useful. They start random.\n");
  print_matrices(
      out, {{"W_Q", layer.query.weight}, {"W_K", layer.key.weight}, {"W_V", layer.value.weight}},
      {"row 1", "row 2", "row 3"}, terminal);

  step("Queries, keys and values",
       "  The friends times each weight: what everyone is looking for, what everyone has to\n"
       "  offer, and what everyone would say.\n");
  print_matrices(out,
                 {{"Q: looking for", attention.q},
                  {"K: has to offer", attention.k},
                  {"V: would say", attention.v}},
                 kNames, terminal);

  step("Scores: how well does each question fit each offer?",
       "  Every query meets every key in a dot product. Dividing by the square root of their\n"
       "  length keeps the numbers, and later the gradients, in a gentle range.\n");
  print_matrices(out, {{"Q K^T / sqrt(3): a row asks, a column offers", attention.scores}}, kNames,
                 terminal);

  step("Attention weights: scores become shares",
       "  Softmax turns each row into shares that add up to 100%: how much of its listening\n"
       "  each friend gives to whom. Untrained, everyone listens to everyone about alike.\n");
  print_attention(out, shares(attention.weights), terminal);

  step("The output: a blend of what was heard",
       "  Each friend takes everyone's value in these shares: a new description of itself\n"
       "  that knows about the others.\n");
  print_matrices(out, {{"attention V", attention.output}}, kNames, terminal);

  step("The result",
       "  The same tensor with its origin, which is what gradients will follow back.\n\n");
}

void print_output(std::ostream& out, const Attention& attention) {
  out << "What the model understood:\n " << attention.output << "\n";
}

}  // namespace friends
