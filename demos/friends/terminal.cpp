#include "terminal.h"

#include <langinfo.h>
#include <unistd.h>

#include <algorithm>
#include <clocale>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <sstream>

namespace friends {
namespace {

constexpr int kPlotColumns = 64, kPlotRows = 12;

std::string repeated(const char* text, int times) {
  std::string result;
  for (int i = 0; i < times; ++i) result += text;
  return result;
}

std::string to_utf8(unsigned code) {  // U+0800 to U+FFFF
  return {static_cast<char>(0xe0 | code >> 12), static_cast<char>(0x80 | (code >> 6 & 0x3f)),
          static_cast<char>(0x80 | (code & 0x3f))};
}

std::string padded(const std::string& text, std::size_t width) {
  return std::string(width > text.size() ? width - text.size() : 0, ' ') + text;
}

// The rows of the drawing area. In Unicode each character is a Braille pattern, 2 dots wide and 4
// high (its 8 low bits are the dots, in the order below); in ASCII it is one dot.
std::vector<std::string> draw(const Curve& curve, bool utf8) {
  const int wide = utf8 ? 2 : 1, high = utf8 ? 4 : 1;
  const int columns = kPlotColumns * wide, rows = kPlotRows * high;
  std::vector<unsigned> cells(static_cast<std::size_t>(kPlotColumns * kPlotRows), 0);
  static constexpr unsigned kDots[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
  const auto swings = curve.swings(static_cast<std::size_t>(columns));
  for (int x = 0; x < columns; ++x) {
    const Curve::Swing& swing = swings[static_cast<std::size_t>(x)];
    const int top = static_cast<int>(std::lround((1 - swing.high) * (rows - 1)));
    const int bottom = static_cast<int>(std::lround((1 - swing.low) * (rows - 1)));
    for (int y = top; y <= bottom; ++y) {
      cells[static_cast<std::size_t>(y / high * kPlotColumns + x / wide)] |=
          utf8 ? kDots[y % 4][x % 2] : 1;
    }
  }
  std::vector<std::string> lines(kPlotRows);
  for (std::size_t i = 0; i < cells.size(); ++i) {
    std::string& line = lines[i / kPlotColumns];
    if (cells[i] == 0) {
      line += ' ';
    } else {
      line += utf8 ? to_utf8(0x2800 + cells[i]) : "*";
    }
  }
  for (std::string& line : lines) line.erase(line.find_last_not_of(' ') + 1);
  return lines;
}

}  // namespace

Terminal Terminal::of_standard_output() {
  Terminal terminal;
  const char* type = std::getenv("TERM");
  const char* no_color = std::getenv("NO_COLOR");
  terminal.interactive = isatty(STDOUT_FILENO) != 0 && !(type && std::strcmp(type, "dumb") == 0);
  terminal.styled = terminal.interactive && !(no_color && *no_color);
  // Only for what characters there are: numbers are always printed as in C.
  std::setlocale(LC_CTYPE, "");
  terminal.utf8 = std::strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
  return terminal;
}

std::string Terminal::bold(const std::string& text) const {
  return styled ? "\x1b[1m" + text + "\x1b[0m" : text;
}

std::string Terminal::dim(const std::string& text) const {
  return styled ? "\x1b[2m" + text + "\x1b[0m" : text;
}

std::string Terminal::bar(double share, int width) const {
  share = std::clamp(share, 0.0, 1.0);
  if (!utf8) {
    const int full = static_cast<int>(std::lround(share * width));
    return repeated("#", full) + repeated(".", width - full);
  }
  // Blocks of one to eight eighths.
  static constexpr const char* kPart[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const int eighths = static_cast<int>(std::lround(share * width * 8));
  const int used = (eighths + 7) / 8;
  return repeated("█", eighths / 8) + kPart[eighths % 8] + dim(repeated("·", width - used));
}

std::vector<std::string> Terminal::plot(const Curve& curve) const {
  const std::vector<std::string> drawing = draw(curve, utf8);
  std::vector<std::string> labels(drawing.size());
  for (const double tick : curve.ticks()) {
    const double row = (1 - curve.height(tick)) * (kPlotRows - 1);
    labels[static_cast<std::size_t>(std::lround(row))] = label(tick);
  }
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < drawing.size(); ++i) {
    const char* axis = labels[i].empty() ? (utf8 ? "│" : "|") : (utf8 ? "┤" : "+");
    lines.push_back(padded(labels[i], 9) + " " + axis + drawing[i]);
  }
  std::string axis(11, ' '), steps(11 + kPlotColumns + 12, ' ');
  axis.pop_back();
  axis += utf8 ? "└" : "+";
  std::vector<bool> ticked(kPlotColumns, false);
  for (const std::size_t tick : curve.step_ticks(5)) {
    const double share =
        curve.steps() > 0 ? static_cast<double>(tick) / static_cast<double>(curve.steps()) : 0;
    const auto column = static_cast<std::size_t>(std::lround(share * (kPlotColumns - 1)));
    ticked[column] = true;
    const std::string text = std::to_string(tick);
    steps.replace(11 + column - std::min(column, text.size() / 2), text.size(), text);
  }
  for (const bool tick : ticked) axis += tick ? (utf8 ? "┬" : "+") : (utf8 ? "─" : "-");
  lines.push_back(axis);
  steps.erase(steps.find_last_not_of(' ') + 1);
  lines.push_back(steps + "  step");
  return lines;
}

std::string wrapped(const std::string& text) {
  std::istringstream words(text);
  std::string result, line, word;
  while (words >> word) {
    if (!line.empty() && line.size() + 1 + word.size() > 80) {
      result += line + "\n";
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
  }
  return result + line + "\n";
}

}  // namespace friends
