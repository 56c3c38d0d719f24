#include "picture.h"

#include <cmath>
#include <cstdio>

namespace friends {
namespace {

// Two colours carry everything: ink, and an accent whose opacity is the attention. On a cell of
// much accent the text turns to the paper's colour.
constexpr const char* kStyle = R"(<style>
text { font: 14px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
.title { font-size: 20px; font-weight: 600; }
.head { font-size: 15px; font-weight: 600; }
.paper { fill: #ffffff; }
.ink { fill: #1f2937; }
.faint { fill: #6b7280; font-size: 12px; }
.accent { fill: #1d4ed8; }
.curve { stroke: #1d4ed8; fill: none; stroke-width: 2; stroke-linejoin: round; }
.grid { stroke: #e5e7eb; fill: none; }
.on { fill: #ffffff; font-weight: 600; }
@media (prefers-color-scheme: dark) {
  .paper { fill: #111827; }
  .ink { fill: #e5e7eb; }
  .faint { fill: #9ca3af; }
  .accent { fill: #60a5fa; }
  .curve { stroke: #60a5fa; }
  .grid { stroke: #374151; }
  .on { fill: #0b1220; }
}
</style>
)";

constexpr int kWidth = 820, kHeight = 720;

template <class... Values>
std::string format(const char* pattern, Values... values) {
  char text[256];
  std::snprintf(text, sizeof text, pattern, values...);
  return text;
}

std::string text_at(double x, double y, const char* look, const char* anchor,
                    const std::string& text) {
  return format("<text x=\"%.1f\" y=\"%.1f\" class=\"%s\" text-anchor=\"%s\">", x, y, look,
                anchor) +
         text + "</text>\n";
}

std::string loss_panel(const Curve& loss, double x, double y, double width, double height) {
  std::string svg = text_at(x - 48, y - 18, "ink head", "start",
                            loss.logarithmic() ? "Loss (logarithmic)" : "Loss");
  for (const double tick : loss.ticks()) {
    const double at = y + (1 - loss.height(tick)) * height;
    svg += format("<path class=\"grid\" d=\"M%.1f %.1fh%.1f\"/>\n", x, at, width);
    svg += text_at(x - 8, at + 4, "faint", "end", label(tick));
  }
  const double steps = loss.steps() > 0 ? static_cast<double>(loss.steps()) : 1;
  for (const std::size_t tick : loss.step_ticks(5)) {
    svg += text_at(x + width * static_cast<double>(tick) / steps, y + height + 20, "faint",
                   "middle", std::to_string(tick));
  }
  svg += text_at(x + width, y + height + 38, "faint", "end", "training step");
  // Two points a column, the swing's ends, so that no oscillation is lost; the high one first, for
  // a loss mostly falls.
  const auto swings = loss.swings(static_cast<std::size_t>(width / 2));
  const double column = width / static_cast<double>(swings.size());
  svg += "<path class=\"curve\" d=\"";
  for (std::size_t i = 0; i < swings.size(); ++i) {
    const double left = x + column * static_cast<double>(i);
    svg +=
        format("%s%.1f %.1fL%.1f %.1f", i == 0 ? "M" : "L", left, y + (1 - swings[i].high) * height,
               left + column, y + (1 - swings[i].low) * height);
  }
  return svg + "\"/>\n";
}

std::string attention_panel(const char* title, const Shares& shares, double x, double y) {
  constexpr double kCell = 66;
  std::string svg = text_at(x - 74, y - 44, "ink head", "start", title);
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    const double offset = (static_cast<double>(i) + 0.5) * kCell;
    svg += text_at(x - 10, y + offset + 5, "ink", "end", kNames[i]);
    svg += text_at(x + offset, y - 10, "faint", "middle", "to " + kNames[i]);
    for (std::size_t j = 0; j < kNames.size(); ++j) {
      const double share = shares[i][j];
      const double left = x + static_cast<double>(j) * kCell;
      const double top = y + static_cast<double>(i) * kCell;
      svg += format(
          "<rect class=\"accent\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"6\" "
          "fill-opacity=\"%.3f\"/>\n",
          left + 2, top + 2, kCell - 4, kCell - 4, 0.04 + 0.96 * share);
      svg += text_at(left + kCell / 2, top + kCell / 2 + 5, share > 0.7 ? "on" : "ink", "middle",
                     format("%.0f%%", 100 * share));
    }
  }
  return svg;
}

}  // namespace

std::string picture(const Curve& loss, const Shares& before, const Shares& after) {
  std::string svg = format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
      "height=\"%d\" role=\"img\">\n",
      kWidth, kHeight, kWidth, kHeight);
  svg += "<title>Four friends learn to listen</title>\n";
  svg += kStyle;
  svg += format("<rect class=\"paper\" width=\"%d\" height=\"%d\"/>\n", kWidth, kHeight);
  svg += text_at(32, 44, "ink title", "start", "Four friends learn to listen");
  svg += loss_panel(loss, 80, 106, 700, 180);
  svg += attention_panel("Who listens to whom before training", before, 106, 428);
  svg += attention_panel("… and after", after, 508, 428);
  return svg + "</svg>\n";
}

}  // namespace friends
