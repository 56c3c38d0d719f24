#include "core/io/atomic_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "core/error.h"

namespace heed::io {

namespace {

// Calls again what a signal interrupted.
template <class Call>
auto retry(Call&& call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

}  // namespace

void AtomicFile::fail(const char* what) const {
  heed::detail::fail(name_, ": ", what, ": ", std::strerror(errno));
}

AtomicFile::AtomicFile(const std::string& path) : name_(path), path_(path) {
  std::error_code ignored;
  if (std::filesystem::is_symlink(path_, ignored)) {
    const auto target = std::filesystem::canonical(path_, ignored);
    if (!ignored) path_ = target.string();
  }
  struct stat status {};
  const bool exists = ::stat(path_.c_str(), &status) == 0;
  HEED_CHECK(!exists || S_ISREG(status.st_mode), name_, ": is not a regular file");
  temporary_ = path_ + ".tmp";
  open_temporary();
  // A file that is there keeps its permissions.
  if (exists) (void)::fchmod(fd_, status.st_mode & 07777);
}

// The lock belongs to the file, not to its name: when the writer before us has renamed it meanwhile
// (it is now the file at path_, and must not be touched), we start over with a new one.
void AtomicFile::open_temporary() {
  for (;;) {
    fd_ = retry([&] {
      return ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    });
    if (fd_ < 0) fail("cannot be written");
    struct stat ours {
    }, named{};
    if (retry([&] { return ::flock(fd_, LOCK_EX); }) == 0 && ::fstat(fd_, &ours) == 0 &&
        ::stat(temporary_.c_str(), &named) == 0 && ours.st_dev == named.st_dev &&
        ours.st_ino == named.st_ino) {
      break;
    }
    ::close(fd_);
    fd_ = -1;
  }
  if (::ftruncate(fd_, 0) != 0) {
    const int reason = errno;
    ::close(fd_);
    errno = reason;
    fail("cannot be written");
  }
}

AtomicFile::~AtomicFile() {
  if (fd_ < 0) return;
  ::unlink(temporary_.c_str());
  ::close(fd_);
}

void AtomicFile::write(const void* data, std::size_t size) {
  constexpr std::size_t kPiece = std::size_t{1} << 30;
  const char* from = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t count = retry([&] { return ::write(fd_, from, std::min(size, kPiece)); });
    if (count < 0) fail("cannot be written");
    from += count;
    size -= static_cast<std::size_t>(count);
    size_ += static_cast<std::size_t>(count);
  }
}

void AtomicFile::commit() {
  if (retry([&] { return ::fsync(fd_); }) != 0) fail("cannot be brought to the disk");
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail("cannot be replaced");
  ::close(fd_);
  fd_ = -1;
  const auto folder = std::filesystem::path(path_).parent_path();
  const int directory =
      ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0)
    return;  // a folder that cannot be read: the rename is made, only later durable
  (void)::fsync(directory);
  ::close(directory);
}

}  // namespace heed::io
