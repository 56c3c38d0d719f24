#include "core/io/atomic_file.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <random>
#include <thread>
#include <vector>

#include "core/factory.h"
#include "core/io/checkpoint.h"
#include "core/ops/ops.h"
#include "support.h"

using namespace heed;
using namespace heed::test;
using io::AtomicFile;

TEST_CASE("a file appears at commit, whole, and not before") {
  const Folder folder;
  const std::string path = folder / "x";
  write_bytes(path, "old");
  {
    AtomicFile file(path);
    file.write("new ");
    file.write("content");
    CHECK(file.size() == 11);
    CHECK(read_bytes(path) == "old");
    file.commit();
    CHECK(read_bytes(path) == "new content");
  }
  CHECK(folder.files() == 1);
}

TEST_CASE("a file that is not committed leaves the old one and no trace") {
  const Folder folder;
  const std::string path = folder / "x";
  write_bytes(path, "old");
  { AtomicFile(path).write("half of"); }
  CHECK(read_bytes(path) == "old");
  CHECK(folder.files() == 1);
}

TEST_CASE("what a killed writer left behind is taken over") {
  const Folder folder;
  write_bytes(folder / "x.tmp", "the leftover of another, longer than the new content");
  AtomicFile file(folder / "x");
  file.write("new");
  file.commit();
  CHECK(read_bytes(folder / "x") == "new");
  CHECK(folder.files() == 1);
}

TEST_CASE("a replaced file keeps its permissions, and a link leads to what it names") {
  const Folder folder;
  write_bytes(folder / "x", "old");
  REQUIRE(::chmod((folder / "x").c_str(), 0640) == 0);
  std::filesystem::create_symlink(folder / "x", folder / "link");
  AtomicFile file(folder / "link");
  file.write("new");
  file.commit();
  CHECK(std::filesystem::is_symlink(folder / "link"));
  CHECK(read_bytes(folder / "x") == "new");
  struct stat status {};
  REQUIRE(::stat((folder / "x").c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0640);
}

TEST_CASE("a temporary that is a link is not followed") {
  const Folder folder;
  write_bytes(folder / "victim", "precious");
  std::filesystem::create_symlink(folder / "victim", folder / "x.tmp");
  CHECK_FALSE(refusal([&] { AtomicFile(folder / "x"); }).empty());
  CHECK(read_bytes(folder / "victim") == "precious");
}

TEST_CASE("writers of one file take turns") {
  const Folder folder;
  const std::string path = folder / "x";
  std::vector<std::thread> writers;
  for (const char c : {'a', 'b', 'c', 'd'}) {
    writers.emplace_back([&, c] {
      for (int i = 0; i < 25; ++i) {
        AtomicFile file(path);
        for (int k = 0; k < 8; ++k) file.write(std::string(1000, c));
        file.commit();
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  const std::string bytes = read_bytes(path);
  CHECK(bytes.size() == 8000);
  CHECK(bytes == std::string(8000, bytes[0]));
  CHECK(folder.files() == 1);
}

TEST_CASE("a checkpoint is old or new, and whole, whenever its writer is killed") {
  const Folder folder;
  const std::string path = folder / "run.checkpoint";
  const auto checkpoint = [](std::int64_t step) {
    io::Checkpoint all;
    for (int i = 0; i < 4; ++i) {
      all.model.add("layer" + std::to_string(i), full({50, 100}, step, {.dtype = float64}));
    }
    all.step = step;
    return all;
  };
  io::save_checkpoint(path, checkpoint(0));
  // The killer waits longer while its victims do not get through a save, on a busy machine, and
  // less while they do: about as long as a save takes.
  std::mt19937 random(1);
  std::uint32_t longest = 8000;  // µs
  std::int64_t last = 0;
  int advanced = 0;
  for (int round = 0; round < 200; ++round) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      // Nothing of the test may run in the child: it saves until it is killed.
      for (std::int64_t step = last + 1;; ++step) io::save_checkpoint(path, checkpoint(step));
    }
    std::this_thread::sleep_for(std::chrono::microseconds(random() % longest));
    ::kill(child, SIGKILL);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));

    const io::Checkpoint read = io::load_checkpoint(path);
    CHECK(read.step >= last);
    REQUIRE(read.model.size() == 4);
    for (const auto& [name, x] : read.model) {
      CHECK(equal(x, full({50, 100}, read.step, {.dtype = float64})));
    }
    CHECK(folder.files() <= 2);
    const bool saved = read.step > last;
    longest = saved ? std::max(longest * 4 / 5, 500u) : std::min(longest * 5 / 4, 500'000u);
    advanced += saved;
    last = read.step;
  }
  // Some were killed before their first save was done, some after: both sides were seen.
  CHECK(advanced > 0);
  CHECK(advanced < 200);
}
