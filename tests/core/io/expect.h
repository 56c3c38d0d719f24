// What several tests of core/io expect of tensors that were read, and of readers that refuse.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/state_dict.h"
#include "support.h"

namespace heed::test {

/// A file that was written by PyTorch, numpy or an independent writer (tests/parity).
inline std::string fixture(const std::string& name) {
  return std::string(HEED_TEST_DATA_DIR "/parity/fixtures/") + name;
}

/// A number of files.json: NaN and infinities are strings.
inline double number(const nlohmann::json& value) {
  if (!value.is_string()) return value.is_boolean() ? value.get<bool>() : value.get<double>();
  const std::string text = value;
  const double infinity = std::numeric_limits<double>::infinity();
  if (text == "nan") return std::numeric_limits<double>::quiet_NaN();
  return text[0] == '-' ? -infinity : infinity;
}

/// Shape, type and values, as files.json has them.
inline void check_values(const Tensor& got, const nlohmann::json& want) {
  CHECK(got.sizes() == Dims(want.at("s").get<std::vector<std::int64_t>>()));
  const std::string kind = want.at("d");
  CHECK(got.dtype() == (kind == "f64"   ? float64
                        : kind == "f32" ? float32
                        : kind == "i"   ? int64
                                        : boolean));
  CHECK(got.is_contiguous());
  const std::vector<double> values = got.to_vector<double>();
  REQUIRE(values.size() == want.at("v").size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double v = number(want.at("v")[i]);
    const bool same = std::isnan(v) ? std::isnan(values[i])
                                    : v == values[i] && std::signbit(v) == std::signbit(values[i]);
    CHECK_MESSAGE(same, i, ": ", values[i], " instead of ", v);
  }
}

/// The same names in the same order, with the same bits.
inline void check_equal(const StateDict& a, const StateDict& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    CHECK(a[i].first == b[i].first);
    CHECK(same_bits(a[i].second, b[i].second));
  }
}

/// What a reader says about the file `name`, behind the name that every refusal begins with.
template <class Read>
std::string refusal_of(const std::string& name, Read&& read) {
  const std::string message = refusal(read);
  if (message.empty()) return "was read";
  REQUIRE(message.starts_with(name + ": "));
  return message.substr(name.size() + 2);
}

}  // namespace heed::test
