#include "core/io/bytes.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdio>
#include <new>

#include "core/factory.h"
#include "core/memory.h"

namespace heed::io {

// The formats are little-endian, and so are all machines that heed is built for.
static_assert(std::endian::native == std::endian::little);

namespace {

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

struct Mapping {
  void* address;
  std::size_t size;
  Mapping(void* address_, std::size_t size_) : address(address_), size(size_) {}
  Mapping(const Mapping&) = delete;
  ~Mapping() { ::munmap(address, size); }
};

struct Block {
  std::size_t size;
  void* address;
  explicit Block(std::size_t size_) : size(size_), address(heed::detail::allocate(size)) {}
  Block(const Block&) = delete;
  ~Block() { heed::detail::deallocate(address, size); }
};

}  // namespace

Bytes allocate_bytes(std::size_t size) {
  const auto block = std::make_shared<Block>(std::max<std::size_t>(size, 1));
  return {static_cast<std::byte*>(block->address), size, block};
}

Bytes open_file(const std::string& path, bool map) {
  // Not blocking, so that a pipe without a writer is refused and not waited for.
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.fd < 0) fail_in(path, "cannot be opened: ", std::strerror(errno));
  struct stat status {};
  if (::fstat(file.fd, &status) != 0) fail_in(path, "cannot be read: ", std::strerror(errno));
  if (!S_ISREG(status.st_mode)) fail_in(path, "is not a regular file");
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0) return allocate_bytes(0);

  if (map) {
    // No memory is set aside for copies of pages that nobody may ever write to: a file may be
    // larger than the memory.
    void* address =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, file.fd, 0);
    if (address != MAP_FAILED) {
      ::madvise(address, size, MADV_WILLNEED);
      return {static_cast<std::byte*>(address), size, std::make_shared<Mapping>(address, size)};
    }
    // Some file systems cannot map; reading always works.
  }
  Bytes bytes;
  try {
    bytes = allocate_bytes(size);
  } catch (const std::bad_alloc&) {
    fail_in(path, "cannot be read: there is no memory for its ", size, " bytes");
  }
  for (std::size_t done = 0; done < size;) {
    const ssize_t count = ::read(file.fd, bytes.data + done, size - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail_in(path, "cannot be read: ", std::strerror(errno));
    if (count == 0) fail_in(path, "became shorter while it was read");
    done += static_cast<std::size_t>(count);
  }
  return bytes;
}

Tensor tensor_on(const Bytes& bytes, const Dims& sizes, DType dtype) {
  auto keep = std::make_unique<std::shared_ptr<void>>(bytes.owner);
  Ref<Storage> storage = Storage::external(
      bytes.data, bytes.size,
      [](void* context) noexcept { delete static_cast<std::shared_ptr<void>*>(context); },
      keep.get());
  (void)keep.release();
  return detail::make_tensor_on(std::move(storage), sizes, checked_numel(sizes), dtype);
}

bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = [&](std::size_t at) {
      return at < text.size() ? static_cast<unsigned char>(text[at]) : 0u;
    };
    const unsigned first = byte(i);
    const std::size_t length = first < 0x80   ? 1
                               : first < 0xc2 ? 0
                               : first < 0xe0 ? 2
                               : first < 0xf0 ? 3
                               : first < 0xf5 ? 4
                                              : 0;
    if (length == 0) return false;
    for (std::size_t k = 1; k < length; ++k) {
      if ((byte(i + k) & 0xc0) != 0x80) return false;
    }
    const unsigned second = byte(i + 1);
    if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
        (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f)) {
      return false;
    }
    i += length;
  }
  return true;
}

std::string quote(std::string_view name) {
  std::size_t shown = std::min<std::size_t>(name.size(), 200);
  const bool utf8 = is_utf8(name);
  while (utf8 && shown < name.size() && (static_cast<unsigned char>(name[shown]) & 0xc0) == 0x80) {
    --shown;  // not in the middle of a character
  }
  std::string text = "\"";
  for (const char c : name.substr(0, shown)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !utf8)) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\x%02x", byte);
      text += escaped;
    } else {
      if (c == '"' || c == '\\') text += '\\';
      text += c;
    }
  }
  return text + (shown < name.size() ? "…\"" : "\"");
}

}  // namespace heed::io
