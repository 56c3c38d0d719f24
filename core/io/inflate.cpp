#include "core/io/inflate.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <utility>

namespace heed::io {
namespace {

struct Fault {
  const char* what;
};

// Bits, lowest first. Behind the end come zeros; `over` counts them, so that one check at the end
// of a symbol is enough.
class BitReader {
 public:
  BitReader(const std::byte* in, std::size_t size) : in_(in), end_(in + size) {}

  // At least 48 bits are there after it.
  void refill() {
    while (count_ <= 56) {
      if (in_ != end_) {
        bits_ |= static_cast<std::uint64_t>(*in_++) << count_;
      } else {
        ++over_;
      }
      count_ += 8;
    }
  }
  std::uint32_t peek(unsigned n) const {
    return static_cast<std::uint32_t>(bits_ & ((std::uint64_t{1} << n) - 1));
  }
  void drop(unsigned n) {
    bits_ >>= n;
    count_ -= n;
  }
  std::uint32_t take(unsigned n) {
    const std::uint32_t value = peek(n);
    drop(n);
    return value;
  }
  std::uint32_t get(unsigned n) {
    refill();
    return take(n);
  }
  // More bits were used than there are.
  bool overrun() const { return over_ * 8 > count_; }
  void check() const {
    if (overrun()) throw Fault{"the compressed data end too early"};
  }

  // Drops the rest of a byte; the whole bytes read ahead are given back.
  void to_bytes() {
    drop(count_ % 8);
    check();
    in_ -= count_ / 8 - over_;
    bits_ = 0;
    count_ = 0;
    over_ = 0;
  }
  const std::byte* bytes(std::size_t n) {
    if (n > static_cast<std::size_t>(end_ - in_)) throw Fault{"the compressed data end too early"};
    return std::exchange(in_, in_ + n);
  }
  bool at_end() const { return in_ == end_; }

 private:
  const std::byte *in_, *end_;
  std::uint64_t bits_ = 0;
  unsigned count_ = 0, over_ = 0;
};

// A canonical Huffman code (RFC 1951, 3.2.2). Codes of up to kFast bits are looked up; longer ones
// are found by their length.
class Huffman {
 public:
  static constexpr unsigned kLongest = 15, kFast = 10;

  void build(const std::uint8_t* lengths, unsigned symbols) {
    count_.fill(0);
    for (unsigned s = 0; s < symbols; ++s) ++count_[lengths[s]];
    count_[0] = 0;
    std::array<std::uint16_t, kLongest + 2> offsets{};
    int left = 1;
    unsigned used = 0;
    for (unsigned length = 1; length <= kLongest; ++length) {
      left = 2 * left - count_[length];
      if (left < 0) throw Fault{"a Huffman code has too many codes of a length"};
      offsets[length + 1] = static_cast<std::uint16_t>(offsets[length] + count_[length]);
      used += count_[length];
    }
    // Only a code of one symbol, or of none, may leave bit patterns unused.
    if (left > 0 && !(used == 0 || (used == 1 && count_[1] == 1))) {
      throw Fault{"a Huffman code leaves bit patterns unused"};
    }
    for (unsigned s = 0; s < symbols; ++s) {
      if (lengths[s] > 0) symbols_[offsets[lengths[s]]++] = static_cast<std::uint16_t>(s);
    }
    fill_fast();
  }

  unsigned decode(BitReader& in) const {
    const std::uint16_t entry = fast_[in.peek(kFast)];
    if (entry != 0) {
      in.drop(entry & 15u);
      return entry >> 4;
    }
    return decode_long(in);
  }

 private:
  // Entries hold symbol and length; 0 where the code is longer, or none.
  void fill_fast() {
    fast_.fill(0);
    unsigned code = 0, index = 0;
    for (unsigned length = 1; length <= kFast; ++length, code <<= 1) {
      for (unsigned k = 0; k < count_[length]; ++k, ++code) {
        unsigned reversed = 0;
        for (unsigned bit = 0; bit < length; ++bit)
          reversed |= (code >> bit & 1) << (length - 1 - bit);
        const auto entry = static_cast<std::uint16_t>(unsigned{symbols_[index++]} << 4 | length);
        for (unsigned at = reversed; at < fast_.size(); at += 1u << length) fast_[at] = entry;
      }
    }
  }

  unsigned decode_long(BitReader& in) const {
    unsigned code = 0, first = 0, index = 0;
    const std::uint32_t bits = in.peek(kLongest);
    for (unsigned length = 1; length <= kLongest; ++length) {
      code |= bits >> (length - 1) & 1;
      if (code - first < count_[length]) {
        in.drop(length);
        return symbols_[index + code - first];
      }
      index += count_[length];
      first = (first + count_[length]) << 1;
      code <<= 1;
    }
    throw Fault{"a bit pattern is no code"};
  }

  std::array<std::uint16_t, kLongest + 1> count_{};
  std::array<std::uint16_t, 288> symbols_{};
  std::array<std::uint16_t, 1 << kFast> fast_{};
};

// RFC 1951, 3.2.5: what length and distance symbols stand for, and how many bits follow them.
constexpr std::array<std::uint16_t, 29> kLengthBase = {3,  4,  5,  6,   7,   8,   9,   10,  11, 13,
                                                       15, 17, 19, 23,  27,  31,  35,  43,  51, 59,
                                                       67, 83, 99, 115, 131, 163, 195, 227, 258};
constexpr std::array<std::uint8_t, 29> kLengthBits = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                                      2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
constexpr std::array<std::uint16_t, 30> kDistanceBase = {
    1,   2,   3,   4,   5,   7,    9,    13,   17,   25,   33,   49,   65,    97,    129,
    193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
constexpr std::array<std::uint8_t, 30> kDistanceBits = {0, 0, 0,  0,  1,  1,  2,  2,  3,  3,
                                                        4, 4, 5,  5,  6,  6,  7,  7,  8,  8,
                                                        9, 9, 10, 10, 11, 11, 12, 12, 13, 13};

class Inflater {
 public:
  Inflater(const std::byte* in, std::size_t in_size, std::byte* out, std::size_t out_size)
      : in_(in, in_size), begin_(out), out_(out), end_(out + out_size) {}

  void run() {
    bool last = false;
    while (!last) {
      last = in_.get(1) != 0;
      switch (in_.take(2)) {
        case 0: stored(); break;
        case 1:
          fixed_codes();
          compressed();
          break;
        case 2:
          dynamic_codes();
          compressed();
          break;
        default: throw Fault{"a block of unknown type"};
      }
    }
    in_.to_bytes();
    if (!in_.at_end()) throw Fault{"bytes follow the end of the compressed data"};
    if (out_ != end_) throw Fault{"the data unpack to less than the archive says"};
  }

 private:
  [[noreturn]] static void too_much() {
    throw Fault{"the data unpack to more than the archive says"};
  }
  std::size_t room() const { return static_cast<std::size_t>(end_ - out_); }

  void stored() {
    in_.to_bytes();
    std::uint16_t length = 0, complement = 0;
    std::memcpy(&length, in_.bytes(2), 2);
    std::memcpy(&complement, in_.bytes(2), 2);
    if ((length ^ complement) != 0xffff) throw Fault{"the length of a stored block is damaged"};
    if (length > room()) too_much();
    if (length == 0) return;
    std::memcpy(out_, in_.bytes(length), length);
    out_ += length;
  }

  void fixed_codes() {
    std::array<std::uint8_t, 288> lengths;
    std::fill(lengths.begin(), lengths.begin() + 144, std::uint8_t{8});
    std::fill(lengths.begin() + 144, lengths.begin() + 256, std::uint8_t{9});
    std::fill(lengths.begin() + 256, lengths.begin() + 280, std::uint8_t{7});
    std::fill(lengths.begin() + 280, lengths.end(), std::uint8_t{8});
    literals_.build(lengths.data(), 288);
    std::array<std::uint8_t, 32> distances;
    distances.fill(5);
    distances_.build(distances.data(), 32);
  }

  // RFC 1951, 3.2.7: the lengths of both codes, themselves in a code.
  void dynamic_codes() {
    const unsigned literals = in_.get(5) + 257, distances = in_.take(5) + 1;
    const unsigned given = in_.take(4) + 4;
    if (literals > 286 || distances > 30) throw Fault{"a Huffman code has too many symbols"};
    constexpr std::array<std::uint8_t, 19> kOrder = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                     11, 4,  12, 3, 13, 2, 14, 1, 15};
    std::array<std::uint8_t, 320> lengths{};
    for (unsigned i = 0; i < given; ++i) lengths[kOrder[i]] = static_cast<std::uint8_t>(in_.get(3));
    literals_.build(lengths.data(), 19);

    lengths.fill(0);
    for (unsigned i = 0; i < literals + distances;) {
      in_.refill();
      const unsigned symbol = literals_.decode(in_);
      if (symbol < 16) {
        lengths[i++] = static_cast<std::uint8_t>(symbol);
      } else {
        if (symbol == 16 && i == 0) throw Fault{"a code length repeats nothing"};
        const std::uint8_t value = symbol == 16 ? lengths[i - 1] : std::uint8_t{0};
        const unsigned times = symbol == 16   ? 3 + in_.take(2)
                               : symbol == 17 ? 3 + in_.take(3)
                                              : 11 + in_.take(7);
        if (i + times > literals + distances) throw Fault{"code lengths repeat beyond the end"};
        for (unsigned k = 0; k < times; ++k) lengths[i++] = value;
      }
      in_.check();
    }
    if (lengths[256] == 0) throw Fault{"a Huffman code has no end of block"};
    literals_.build(lengths.data(), literals);
    distances_.build(lengths.data() + literals, distances);
  }

  void compressed() {
    for (;;) {
      // 48 bits hold a length and a distance symbol with what follows them: 15 + 5 + 15 + 13.
      in_.refill();
      const unsigned symbol = literals_.decode(in_);
      if (symbol < 256) {
        in_.check();
        if (out_ == end_) too_much();
        *out_++ = static_cast<std::byte>(symbol);
        continue;
      }
      if (symbol == 256) {
        in_.check();
        return;
      }
      if (symbol > 285) throw Fault{"a length symbol that does not exist"};
      const std::size_t length = kLengthBase[symbol - 257] + in_.take(kLengthBits[symbol - 257]);
      const unsigned code = distances_.decode(in_);
      if (code > 29) throw Fault{"a distance symbol that does not exist"};
      const std::size_t distance = kDistanceBase[code] + in_.take(kDistanceBits[code]);
      in_.check();
      copy(distance, length);
    }
  }

  // The copy may reach into what it writes: it then repeats the last `distance` bytes.
  void copy(std::size_t distance, std::size_t length) {
    if (distance > static_cast<std::size_t>(out_ - begin_)) {
      throw Fault{"a distance reaches before the beginning"};
    }
    if (length > room()) too_much();
    const std::byte* from = out_ - distance;
    if (distance == 1) {
      std::memset(out_, static_cast<int>(*from), length);
    } else if (distance >= length) {
      std::memcpy(out_, from, length);
    } else {
      for (std::size_t i = 0; i < length; ++i) out_[i] = from[i];
    }
    out_ += length;
  }

  BitReader in_;
  std::byte *const begin_, *out_, *const end_;
  Huffman literals_, distances_;
};

}  // namespace

const char* inflate(const std::byte* in, std::size_t in_size, std::byte* out,
                    std::size_t out_size) {
  try {
    Inflater(in, in_size, out, out_size).run();
    return nullptr;
  } catch (const Fault& fault) {
    return fault.what;
  }
}

}  // namespace heed::io
