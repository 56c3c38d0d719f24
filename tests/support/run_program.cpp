#include "support/run_program.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace heed::test {
namespace {

struct Pipe {
  int read = -1, write = -1;
};

Pipe open_pipe() {
  int ends[2];
  if (pipe(ends) != 0) throw std::runtime_error("pipe failed");
  return {ends[0], ends[1]};
}

Pipe open_terminal() {
  const int master = posix_openpt(O_RDWR | O_NOCTTY);
  if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0) {
    throw std::runtime_error("no pseudo terminal");
  }
  return {master, open(ptsname(master), O_RDWR | O_NOCTTY)};
}

// Reads both until both have ended. (A terminal whose other side is closed ends with EIO.)
void drain(int out, std::string& out_text, int err, std::string& err_text) {
  pollfd ends[2] = {{out, POLLIN, 0}, {err, POLLIN, 0}};
  std::string* texts[2] = {&out_text, &err_text};
  char buffer[4096];
  while (ends[0].fd >= 0 || ends[1].fd >= 0) {
    if (poll(ends, 2, -1) < 0) continue;
    for (int i = 0; i < 2; ++i) {
      if (ends[i].fd < 0 || ends[i].revents == 0) continue;
      const ssize_t got = read(ends[i].fd, buffer, sizeof buffer);
      if (got > 0) {
        texts[i]->append(buffer, static_cast<std::size_t>(got));
      } else {
        close(ends[i].fd);
        ends[i].fd = -1;
      }
    }
  }
}

}  // namespace

ProgramRun run_program(const std::string& path, const std::vector<std::string>& arguments,
                       const ProgramSettings& settings) {
  const char* emulator = std::getenv("HEED_TEST_EMULATOR");
  std::istringstream emulator_words(emulator == nullptr ? "" : emulator);
  std::vector<std::string> words;
  for (std::string word; emulator_words >> word;) words.push_back(word);
  words.push_back(path);
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const Pipe out = settings.on_terminal ? open_terminal() : open_pipe();
  const Pipe err = open_pipe();

  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("fork failed");
  if (child == 0) {
    const int nothing = open("/dev/null", O_RDONLY);
    const int to = settings.standard_output.empty()
                       ? out.write
                       : open(settings.standard_output.c_str(), O_WRONLY | O_CREAT, 0644);
    if (dup2(nothing, 0) < 0 || dup2(to, 1) < 0 || dup2(err.write, 2) < 0) _exit(126);
    for (const int end : {out.read, out.write, err.read, err.write}) close(end);
    for (const std::string& variable : settings.environment) {
      putenv(const_cast<char*>(variable.c_str()));
    }
    execvp(argv[0], argv.data());
    _exit(127);
  }
  close(out.write);
  close(err.write);
  ProgramRun run;
  drain(out.read, run.out, err.read, run.err);
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
  }
  run.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return run;
}

std::string this_program() { return std::filesystem::read_symlink("/proc/self/exe"); }

ScratchFolder::ScratchFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "heed-test-XXXXXX").string();
  if (!mkdtemp(pattern.data())) throw std::runtime_error("no temporary folder");
  path_ = pattern;
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace heed::test
