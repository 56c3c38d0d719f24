#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "picture.h"

namespace friends {
namespace {

// Errors leave errno telling why.
bool write_all(int file, const std::string& content) {
  for (std::size_t done = 0; done < content.size();) {
    const ssize_t wrote = write(file, content.data() + done, content.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return false;
    done += static_cast<std::size_t>(wrote);
  }
  return true;
}

bool close_after(bool good, int file) {
  const int why = errno;
  const bool closed = close(file) == 0;
  if (!good) errno = why;
  return good && closed;
}

// The permissions that a new file gets here, or those of the file that is replaced.
mode_t permissions(bool exists, const struct stat& existing) {
  if (exists) return existing.st_mode & 0777;
  const mode_t mask = umask(0);
  umask(mask);
  return 0666 & ~mask;
}

bool write_or_fail(const std::string& path, const std::string& content) {
  struct stat existing {};
  const bool exists = stat(path.c_str(), &existing) == 0;
  if (exists && S_ISDIR(existing.st_mode)) {
    errno = EISDIR;
    return false;
  }
  if (exists && !S_ISREG(existing.st_mode)) {  // /dev/stdout, a named pipe: nothing to replace
    const int file = open(path.c_str(), O_WRONLY | O_CLOEXEC);
    return file >= 0 && close_after(write_all(file, content), file);
  }
  // A link stays a link: what it points at is replaced.
  std::string target = path;
  if (exists) {
    char* real = realpath(path.c_str(), nullptr);
    if (!real) return false;
    target = real;
    std::free(real);
  }
  std::string temporary = target + ".XXXXXX";
  const int file = mkstemp(temporary.data());
  if (file < 0) return false;
  const bool good = write_all(file, content) && fchmod(file, permissions(exists, existing)) == 0 &&
                    fsync(file) == 0;
  if (close_after(good, file) && rename(temporary.c_str(), target.c_str()) == 0) return true;
  const int why = errno;
  unlink(temporary.c_str());
  errno = why;
  return false;
}

}  // namespace

std::string write_whole(const std::string& path, const std::string& content) {
  if (write_or_fail(path, content)) return "";
  return "The picture could not be written to '" + path + "': " + std::strerror(errno) + ".";
}

}  // namespace friends
