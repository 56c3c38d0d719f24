#include "core/io/npy_header.h"

#include <cctype>
#include <limits>
#include <optional>
#include <string_view>

#include "core/autograd/grad_mode.h"
#include "core/ops/ops.h"

namespace heed::io {
namespace {

struct NamedEncoding {
  std::string_view name;
  Encoding encoding;
};
constexpr NamedEncoding kEncodings[] = {
    {"f8", Encoding::F64}, {"f4", Encoding::F32}, {"f2", Encoding::F16}, {"i8", Encoding::I64},
    {"i4", Encoding::I32}, {"i2", Encoding::I16}, {"i1", Encoding::I8},  {"u8", Encoding::U64},
    {"u4", Encoding::U32}, {"u2", Encoding::U16}, {"u1", Encoding::U8},  {"b1", Encoding::Bool}};

// The header's Python literal, read left to right:
//   {'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }
class Reader {
 public:
  Reader(std::string_view text, std::size_t offset, const std::string& where)
      : text_(text), offset_(offset), where_(where) {}

  NpyHeader read() {
    expect('{');
    while (!accept('}')) {
      const std::string_view key = string("a key");
      expect(':');
      if (key == "descr") {
        once(encoding_.has_value(), key);
        descr();
      } else if (key == "fortran_order") {
        once(fortran_order_.has_value(), key);
        fortran_order_ = truth();
      } else if (key == "shape") {
        once(sizes_.has_value(), key);
        sizes_ = shape();
      } else {
        fail("unknown key ", quote(key));
      }
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    space();
    if (at_ != text_.size()) fail("text after the closing brace");
    if (!encoding_) fail("'descr' is missing");
    if (!fortran_order_) fail("'fortran_order' is missing");
    if (!sizes_) fail("'shape' is missing");
    return {*encoding_, big_endian_, *fortran_order_, *sizes_, 0};
  }

 private:
  template <class... Parts>
  [[noreturn]] void fail(const Parts&... parts) const {
    heed::detail::fail(where_, ": offset ", offset_ + at_, ": the npy header: ", parts...);
  }

  void once(bool again, std::string_view key) const {
    if (again) fail("'", key, "' twice");
  }

  void space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t')) {
      ++at_;
    }
  }
  char next() {
    space();
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool accept(char c) {
    if (next() != c || at_ == text_.size()) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (accept(c)) return;
    if (at_ == text_.size()) fail("ends where '", c, "' is expected");
    fail("expected '", c, "', found ", quote(text_.substr(at_, 1)));
  }
  bool accept_word(std::string_view word) {
    space();
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }

  std::string_view string(const char* what) {
    const char mark = next();
    if (mark != '\'' && mark != '"') fail("expected ", what, " between quotes");
    const std::size_t begin = ++at_;
    const std::size_t end = text_.find(mark, begin);
    if (end == std::string_view::npos) fail("a text without its closing quote");
    at_ = end + 1;
    const std::string_view value = text_.substr(begin, end - begin);
    if (value.find('\\') != std::string_view::npos) fail("an escape in ", quote(value));
    return value;
  }

  bool truth() {
    if (accept_word("True")) return true;
    if (accept_word("False")) return false;
    fail("'fortran_order' must be True or False");
  }

  Dims shape() {
    Dims sizes;
    expect('(');
    while (!accept(')')) {
      if (sizes.size() == Dims::kMax) fail("more than ", Dims::kMax, " dimensions");
      sizes.push_back(size());
      if (!accept(',')) {
        // (3) is a number in brackets in Python, no tuple.
        if (sizes.size() == 1) fail("'shape' must be a tuple");
        expect(')');
        break;
      }
    }
    return sizes;
  }

  std::int64_t size() {
    if (next() == '-') fail("'shape' holds a negative number");
    if (!std::isdigit(static_cast<unsigned char>(next()))) fail("'shape' must hold whole numbers");
    std::int64_t value = 0;
    while (at_ < text_.size() && std::isdigit(static_cast<unsigned char>(text_[at_]))) {
      if (__builtin_mul_overflow(value, std::int64_t{10}, &value) ||
          __builtin_add_overflow(value, std::int64_t{text_[at_] - '0'}, &value)) {
        fail("'shape' holds a number beyond 63 bits");
      }
      ++at_;
    }
    accept('L');  // how Python 2 wrote a long
    return value;
  }

  void descr() {
    if (next() == '[') fail("structured arrays are not supported");
    const std::string_view type = string("'descr'");
    if (type.find('O') != std::string_view::npos) {
      fail("the array holds Python objects (pickle), which can run code when read: refused");
    }
    const char order = type.empty() ? '\0' : type[0];
    if (order != '<' && order != '>' && order != '|' && order != '=') {
      fail("the type ", quote(type), " does not begin with a byte order");
    }
    for (const NamedEncoding& known : kEncodings) {
      if (type.substr(1) == known.name) encoding_ = known.encoding;
    }
    if (!encoding_) fail("the type ", quote(type), " is not one that heed reads");
    if (order == '|' && encoded_size(*encoding_) > 1) {
      fail("the type ", quote(type), " lacks a byte order");
    }
    big_endian_ = order == '>';
  }

  std::string_view text_;
  std::size_t offset_, at_ = 0;
  const std::string& where_;
  std::optional<Encoding> encoding_;
  std::optional<bool> fortran_order_;
  std::optional<Dims> sizes_;
  bool big_endian_ = false;
};

constexpr std::string_view kMagic = "\x93NUMPY";

}  // namespace

NpyHeader parse_npy_header(const Bytes& bytes, const std::string& where) {
  if (bytes.size < 10 || bytes.text(0, 6) != kMagic) {
    heed::detail::fail(where,
                       ": offset 0: ", bytes.size < 10 ? "too short for" : "does not begin like",
                       " an npy file");
  }
  const int major = static_cast<int>(bytes.data[6]), minor = static_cast<int>(bytes.data[7]);
  HEED_CHECK(major >= 1 && major <= 3 && minor == 0, where, ": offset 6: npy version ", major, ".",
             minor, " is unknown");
  const std::size_t start = major == 1 ? 10 : 12;
  HEED_CHECK(bytes.size >= start, where, ": offset 8: the length of the header is cut off");
  const std::size_t length =
      major == 1 ? bytes.read<std::uint16_t>(8) : bytes.read<std::uint32_t>(8);
  HEED_CHECK(length <= bytes.size - start, where, ": offset 8: the header is said to have ", length,
             " bytes, but only ", bytes.size - start, " follow");
  const std::string_view text = bytes.text(start, length);
  NpyHeader header = Reader(text, start, where).read();
  header.data = start + length;
  std::uint64_t needed = 0;
  HEED_CHECK(encoded_bytes(header.sizes, header.encoding, needed), where, ": the product of shape ",
             header.sizes, " overflows");
  HEED_CHECK(bytes.size - header.data == needed, where, ": offset ", header.data, ": shape ",
             header.sizes, " needs ", needed, " bytes, but ", bytes.size - header.data, " follow");
  return header;
}

Tensor decode_npy(const Bytes& bytes, const std::string& where) {
  const NpyHeader header = parse_npy_header(bytes, where);
  const Bytes data = bytes.part(header.data, bytes.size - header.data);
  if (!header.fortran_order || header.sizes.size() < 2) {
    return decode(data, header.sizes, header.encoding, header.big_endian, where);
  }
  // Column-major is row-major with the sizes the other way round.
  Dims reversed;
  for (std::int64_t d = header.sizes.size() - 1; d >= 0; --d) reversed.push_back(header.sizes[d]);
  NoGradGuard no_grad;
  return decode(data, reversed, header.encoding, header.big_endian, where).T().contiguous();
}

std::string npy_header_text(const Dims& sizes, DType dtype, bool fortran_order) {
  std::string text = "{'descr': '";
  switch (dtype) {
    case DType::Float32: text += "<f4"; break;
    case DType::Float64: text += "<f8"; break;
    case DType::Int64: text += "<i8"; break;
    case DType::Bool: text += "|b1"; break;
  }
  text += fortran_order ? "', 'fortran_order': True, 'shape': ("
                        : "', 'fortran_order': False, 'shape': (";
  for (std::int64_t d = 0; d < sizes.size(); ++d) {
    text += (d > 0 ? " " : "") + std::to_string(sizes[d]) + ',';
  }
  if (sizes.size() > 1) text.pop_back();
  text += "), }";
  // At most eight sizes: always shorter than the 64 KiB of version 1.
  text.append(63 - (10 + text.size()) % 64, ' ');
  text += '\n';
  const auto length = static_cast<std::uint16_t>(text.size());
  std::string all(kMagic);
  all += {'\x01', '\x00', static_cast<char>(length & 0xff), static_cast<char>(length >> 8)};
  return all + text;
}

}  // namespace heed::io
