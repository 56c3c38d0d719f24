#include "core/io/safetensors_header.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <unordered_set>

namespace heed::io {
namespace {

struct NamedEncoding {
  const char* name;
  Encoding encoding;
};
constexpr NamedEncoding kEncodings[] = {
    {"F64", Encoding::F64},   {"F32", Encoding::F32}, {"F16", Encoding::F16},
    {"BF16", Encoding::BF16}, {"I64", Encoding::I64}, {"I32", Encoding::I32},
    {"I16", Encoding::I16},   {"I8", Encoding::I8},   {"U64", Encoding::U64},
    {"U32", Encoding::U32},   {"U16", Encoding::U16}, {"U8", Encoding::U8},
    {"BOOL", Encoding::Bool}};

// Takes the header's JSON event by event and accepts exactly the nesting that the format has, so
// that no document is ever built and no depth of nesting reaches the stack.
class Reader final : public nlohmann::json_sax<nlohmann::json> {
 public:
  Reader(const std::string& file, SafetensorsHeader& header) : file_(file), header_(header) {}

  bool start_object(std::size_t) override {
    switch (place_) {
      case Place::Start: place_ = Place::Top; return true;
      case Place::Entry:
        place_ = name_ == "__metadata__" ? Place::Metadata : Place::Tensor;
        return true;
      default: wrong("an object");
    }
  }

  bool end_object() override {
    if (place_ == Place::Tensor) {
      if (!dtype_) incomplete("dtype");
      if (!sizes_) incomplete("shape");
      if (!begin_ || !end_) incomplete("data_offsets");
      header_.entries.push_back({std::move(name_), *dtype_, *sizes_, *begin_, *end_});
      dtype_.reset();
      sizes_.reset();
      begin_.reset();
      end_.reset();
    } else if (place_ == Place::Top) {
      place_ = Place::End;
      return true;
    }
    place_ = Place::Top;
    return true;
  }

  bool key(std::string& key) override {
    if (place_ == Place::Top) {
      if (!names_.insert(key).second) fail_in(file_, "the header holds ", quote(key), " twice");
      name_ = std::move(key);
      place_ = Place::Entry;
    } else if (place_ == Place::Metadata) {
      if (!metadata_names_.insert(key).second) {
        fail_in(file_, "the metadata hold ", quote(key), " twice");
      }
      text_key_ = std::move(key);
      place_ = Place::Text;
    } else if (key == "dtype") {
      once(dtype_.has_value(), "dtype");
      place_ = Place::DTypeName;
    } else if (key == "shape") {
      once(sizes_.has_value(), "shape");
      place_ = Place::Shape;
    } else if (key == "data_offsets") {
      once(begin_.has_value(), "data_offsets");
      place_ = Place::Offsets;
    } else {
      fail_in(file_, "tensor ", quote(name_), ": unknown key ", quote(key));
    }
    return true;
  }

  bool start_array(std::size_t) override {
    if (place_ == Place::Shape) {
      sizes_ = Dims{};
      place_ = Place::Sizes;
    } else if (place_ == Place::Offsets) {
      place_ = Place::OffsetBegin;
    } else {
      wrong("an array");
    }
    return true;
  }

  bool end_array() override {
    if (place_ != Place::Sizes && place_ != Place::OffsetDone) {
      fail_in(file_, "tensor ", quote(name_), ": data_offsets must be two numbers");
    }
    place_ = Place::Tensor;
    return true;
  }

  bool number_unsigned(number_unsigned_t value) override {
    if (place_ == Place::Sizes) {
      if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
        fail_in(file_, "tensor ", quote(name_), ": the size ", value, " is beyond 63 bits");
      }
      if (sizes_->size() == Dims::kMax) {
        fail_in(file_, "tensor ", quote(name_), ": more than ", Dims::kMax, " dimensions");
      }
      sizes_->push_back(static_cast<std::int64_t>(value));
    } else if (place_ == Place::OffsetBegin) {
      begin_ = value;
      place_ = Place::OffsetEnd;
    } else if (place_ == Place::OffsetEnd) {
      end_ = value;
      place_ = Place::OffsetDone;
    } else if (place_ == Place::OffsetDone) {
      fail_in(file_, "tensor ", quote(name_), ": data_offsets must be two numbers");
    } else {
      wrong("a number");
    }
    return true;
  }

  bool number_integer(number_integer_t value) override {
    if (in_array()) fail_in(file_, "tensor ", quote(name_), ": ", array(), " holds ", value);
    wrong("a number");
  }
  bool number_float(number_float_t, const string_t& text) override {
    if (in_array()) {
      fail_in(file_, "tensor ", quote(name_), ": ", array(), " holds ", quote(text),
              ", which is no whole number of 64 bits");
    }
    wrong("a number");
  }

  bool string(std::string& value) override {
    if (place_ == Place::DTypeName) {
      for (const NamedEncoding& known : kEncodings) {
        if (value == known.name) dtype_ = known.encoding;
      }
      if (!dtype_) {
        fail_in(file_, "tensor ", quote(name_), ": the dtype ", quote(value),
                " is not one that heed reads");
      }
      place_ = Place::Tensor;
    } else if (place_ == Place::Text) {
      header_.metadata.emplace_back(std::move(text_key_), std::move(value));
      place_ = Place::Metadata;
    } else {
      wrong("a string");
    }
    return true;
  }

  bool null() override { wrong("null"); }
  bool boolean(bool) override { wrong("a truth value"); }
  bool binary(binary_t&) override { wrong("binary data"); }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    // The library's sentence without its tag and place; ours counts from the file's beginning, and
    // the library from 1.
    std::string_view text = error.what();
    text.remove_prefix(std::min(text.find("] ") + 2, text.size()));
    if (const std::size_t place = text.find(", column "); place != std::string_view::npos) {
      text.remove_prefix(std::min(text.find(": ", place) + 2, text.size()));
    }
    const std::string shown = quote(text);
    fail_in(file_, "offset ", 7 + position, ": the header is not valid JSON: ",
            std::string_view(shown).substr(1, shown.size() - 2));
  }

 private:
  enum class Place {
    Start,
    Top,
    Entry,
    Tensor,
    Metadata,
    Text,
    DTypeName,
    Shape,
    Sizes,
    Offsets,
    OffsetBegin,
    OffsetEnd,
    OffsetDone,
    End
  };

  bool in_array() const {
    return place_ == Place::Sizes || place_ == Place::OffsetBegin || place_ == Place::OffsetEnd ||
           place_ == Place::OffsetDone;
  }
  const char* array() const { return place_ == Place::Sizes ? "shape" : "data_offsets"; }

  void once(bool again, const char* key) const {
    if (again) fail_in(file_, "tensor ", quote(name_), ": \"", key, "\" twice");
  }
  [[noreturn]] void incomplete(const char* key) const {
    fail_in(file_, "tensor ", quote(name_), ": \"", key, "\" is missing");
  }
  [[noreturn]] void wrong(const char* found) const {
    const char* must = nullptr;
    switch (place_) {
      case Place::DTypeName: must = "the dtype must be a string"; break;
      case Place::Shape: must = "the shape must be an array"; break;
      case Place::Sizes: must = "the shape must hold whole numbers"; break;
      case Place::Offsets: must = "data_offsets must be an array"; break;
      case Place::OffsetBegin:
      case Place::OffsetEnd:
      case Place::OffsetDone: must = "data_offsets must hold whole numbers"; break;
      case Place::Entry: must = "must be an object"; break;
      case Place::Text:
        fail_in(file_, "metadata ", quote(text_key_), ": must be a string, not ", found);
      default: fail_in(file_, "the header must be a JSON object, not ", found);
    }
    fail_in(file_, "tensor ", quote(name_), ": ", must, ", not ", found);
  }

  const std::string& file_;
  SafetensorsHeader& header_;
  Place place_ = Place::Start;
  std::string name_, text_key_;
  std::unordered_set<std::string> names_, metadata_names_;
  std::optional<Encoding> dtype_;
  std::optional<Dims> sizes_;
  std::optional<std::uint64_t> begin_, end_;
};

void check_sizes(const SafetensorsEntry& entry, const std::string& file) {
  std::uint64_t needed = 0;
  if (!encoded_bytes(entry.sizes, entry.encoding, needed)) {
    fail_in(file, "tensor ", quote(entry.name), ": the product of shape ", entry.sizes,
            " overflows");
  }
  if (entry.begin > entry.end) {
    fail_in(file, "tensor ", quote(entry.name), ": data_offsets [", entry.begin, ", ", entry.end,
            "] are reversed");
  }
  if (entry.end - entry.begin != needed) {
    fail_in(file, "tensor ", quote(entry.name), ": data_offsets [", entry.begin, ", ", entry.end,
            "] hold ", entry.end - entry.begin, " bytes, but shape ", entry.sizes, " needs ",
            needed);
  }
}

// Sorted by offset, each tensor begins where the one before ends, and the last ends with the data.
void check_cover(const SafetensorsHeader& header, std::uint64_t data_size,
                 const std::string& file) {
  std::vector<std::size_t> order(header.entries.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    const SafetensorsEntry &x = header.entries[a], &y = header.entries[b];
    return std::pair(x.begin, x.end) < std::pair(y.begin, y.end);
  });
  std::uint64_t covered = 0;
  for (const std::size_t i : order) {
    const SafetensorsEntry& entry = header.entries[i];
    if (entry.end > data_size) {
      fail_in(file, "tensor ", quote(entry.name), ": data_offsets [", entry.begin, ", ", entry.end,
              "] reach beyond the ", data_size, " bytes of data");
    }
    if (entry.begin != covered) {
      fail_in(file, "tensor ", quote(entry.name), ": data_offsets [", entry.begin, ", ", entry.end,
              "] ", entry.begin < covered ? "overlap" : "leave a gap after",
              " the tensor before, which ends at ", covered);
    }
    covered = entry.end;
  }
  if (covered != data_size) {
    fail_in(file, "the tensors end at byte ", covered, " of the data, which has ", data_size);
  }
}

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view text, std::uint64_t data_size,
                                           const std::string& file) {
  // The library would take a zero byte for the end of the text.
  if (const std::size_t zero = text.find('\0'); zero != std::string_view::npos) {
    fail_in(file, "offset ", 8 + zero, ": the header is not valid JSON: a zero byte");
  }
  SafetensorsHeader header;
  Reader reader(file, header);
  nlohmann::json::sax_parse(text.begin(), text.end(), &reader);
  for (const SafetensorsEntry& entry : header.entries) check_sizes(entry, file);
  check_cover(header, data_size, file);
  return header;
}

const char* safetensors_dtype(DType dtype) {
  switch (dtype) {
    case DType::Float32: return "F32";
    case DType::Float64: return "F64";
    case DType::Int64: return "I64";
    case DType::Bool: return "BOOL";
  }
  return "?";
}

}  // namespace heed::io
