// Writing a file so that a crash at any moment leaves the old or the new one whole. Not for users.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace heed::io {

/// A file that appears under its name all at once. Bytes go to "<path>.tmp" beside it; commit()
/// brings them to the disk (fsync), renames the file over the old one, and brings the rename to the
/// disk (fsync of the folder). Without commit() the temporary is removed and the old file is
/// untouched; a process that is killed leaves at most that one temporary behind, which the next
/// writer takes over. Writers of the same path wait for each other (flock).
class AtomicFile {
 public:
  /// Errors: the folder is missing or not writable; the path names something that is no regular
  /// file. A symbolic link is followed.
  explicit AtomicFile(const std::string& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Error: the disk is full, and the like.
  void write(const void* data, std::size_t size);
  void write(std::string_view text) { write(text.data(), text.size()); }
  /// Bytes written so far.
  std::size_t size() const { return size_; }
  void commit();

 private:
  [[noreturn]] void fail(const char* what) const;
  void open_temporary();

  std::string name_;  // as the caller wrote it, for messages
  std::string path_, temporary_;
  int fd_ = -1;
  std::size_t size_ = 0;
};

}  // namespace heed::io
