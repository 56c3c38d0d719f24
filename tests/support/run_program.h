// Runs a program as a user would and keeps what it says.
#pragma once

#include <string>
#include <vector>

namespace heed::test {

struct ProgramRun {
  int exit_code = -1;  // 128 + the signal's number when a signal ended it
  std::string out, err;
};

struct ProgramSettings {
  std::vector<std::string> environment = {};  // NAME=value, on top of this process's own
  bool on_terminal = false;                   // standard output is a (pseudo) terminal
  std::string standard_output = {};           // a file to write to instead of `out`
};

/// The program at `path` with these arguments; standard input is empty. By an emulator, where the
/// environment's HEED_TEST_EMULATOR has its words.
ProgramRun run_program(const std::string& path, const std::vector<std::string>& arguments = {},
                       const ProgramSettings& settings = {});

/// The path of the program that asks.
std::string this_program();

/// A folder of its own for files, gone with the object.
class ScratchFolder {
 public:
  ScratchFolder();
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// A file's bytes; an error when it cannot be read.
std::string read_file(const std::string& path);

}  // namespace heed::test
