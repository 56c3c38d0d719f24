#include "story.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace friends {
namespace {

// A row whose largest share stays under this gives nobody a preference worth a sentence.
constexpr double kPreference = 0.3;

std::string percent(double share) {
  char text[16];
  std::snprintf(text, sizeof text, "%.0f%%", 100 * share);
  return text;
}

}  // namespace

std::string who_listens_to_whom(const Shares& shares) {
  const std::size_t count = kNames.size();
  std::string text;
  std::size_t to_the_next = 0, without_preference = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const auto most = std::max_element(shares[i].begin(), shares[i].end());
    const auto whom = static_cast<std::size_t>(most - shares[i].begin());
    const bool prefers = *most >= kPreference;
    if (!prefers) ++without_preference;
    if (prefers && whom == (i + 1) % count) ++to_the_next;
    text += i == 0 ? "" : (i + 1 == count ? " and " : ", ");
    text += kNames[i] + (i == 0 ? " now listens " : " ");
    if (!prefers) {
      text += "to everyone about alike";
    } else if (whom == i) {
      text += (i == 0 ? "most to oneself (" : "to oneself (") + percent(*most) + ")";
    } else {
      text += (i == 0 ? "most to " : "to ") + kNames[whom] + " (" + percent(*most) + ")";
    }
  }
  text += ". ";
  if (without_preference == count) return "Everyone listens to everyone about alike.";
  if (to_the_next == count)
    return text + "All four listen most to the friend whose words they learn.";
  if (to_the_next == 0) return text + "Nobody listens most to the friend whose words they learn.";
  return text + std::to_string(to_the_next) + " of the four listen" +
         (to_the_next == 1 ? "s" : "") + " most to the friend whose words they learn.";
}

std::string what_changed_most(const Shares& before, const Shares& after) {
  std::size_t listener = 0, whom = 0;
  double largest = 0;
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    for (std::size_t j = 0; j < kNames.size(); ++j) {
      const double change = std::abs(after[i][j] - before[i][j]);
      if (change > largest) {
        largest = change;
        listener = i;
        whom = j;
      }
    }
  }
  if (largest < 0.005) return "Nobody's attention has moved noticeably.";
  return "The largest change: " + kNames[listener] + "'s share for " +
         (listener == whom ? std::string("oneself") : kNames[whom]) + " went from " +
         percent(before[listener][whom]) + " to " + percent(after[listener][whom]) + ".";
}

}  // namespace friends
