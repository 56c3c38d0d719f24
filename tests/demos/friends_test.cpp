// The main demo, run as a user runs it.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "support/run_program.h"

using heed::test::ProgramRun;
using heed::test::ProgramSettings;
using heed::test::read_file;
using heed::test::run_program;
using heed::test::ScratchFolder;

namespace {

const std::string kFriends = HEED_DEMO_DIR "/friends";

// What the notebook prints, character for character.
const std::string kNotebook =
    "What the model understood:\n"
    " tensor([[ 0.5762, -0.3826, -0.2915],\n"
    "        [ 0.5757, -0.3829, -0.2920],\n"
    "        [ 0.5800, -0.3864, -0.2945],\n"
    "        [ 0.5799, -0.3821, -0.2896]], grad_fn=<MmBackward0>)\n";

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++found;
  }
  return found;
}

// Wrapped text as one line.
std::string unwrapped(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

}  // namespace

TEST_CASE("friends walks the eight steps and prints the notebook's tensor") {
  const ProgramRun run = run_program(kFriends);
  CHECK(run.exit_code == 0);
  CHECK(run.err == "");
  CHECK(contains(run.out, kNotebook));
  std::size_t last = 0;
  for (int step = 1; step <= 8; ++step) {
    const std::size_t at = run.out.find("Step " + std::to_string(step) + "  ");
    REQUIRE(at != std::string::npos);
    CHECK(at >= last);
    last = at;
  }
  CHECK(run.out.find(kNotebook) > last);
}

TEST_CASE("friends trains until each friend listens most to the next") {
  const ProgramRun run = run_program(kFriends);
  CHECK(contains(run.out, "nothing but rounding"));
  CHECK(contains(run.out, "loss 0.472835 -> 0.000043"));
  CHECK(contains(unwrapped(run.out),
                 "Alice now listens most to Bob (54%), Bob to Charlie (62%), Charlie to Daisy "
                 "(96%) and Daisy to Alice (56%). All four listen most to the friend whose words "
                 "they learn."));
  CHECK(contains(unwrapped(run.out), "Charlie's share for Daisy went from 26% to 96%."));
}

TEST_CASE("friends --quiet says only the result") {
  const ProgramRun run = run_program(kFriends, {"--quiet"});
  CHECK(run.exit_code == 0);
  CHECK(run.out.substr(0, kNotebook.size()) == kNotebook);
  CHECK(std::count(run.out.begin(), run.out.end(), '\n') == 9);
}

TEST_CASE("friends without a terminal writes plain lines, one for each tenth of the way") {
  const ProgramRun run = run_program(kFriends, {}, {.environment = {"LC_ALL=C"}});
  CHECK(run.exit_code == 0);
  CHECK(count(run.out, " of 5000   loss ") == 11);
  CHECK(!contains(run.out, "\r"));
  CHECK(!contains(run.out, "\x1b"));
  const auto ascii = [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); };
  CHECK(std::all_of(run.out.begin(), run.out.end(), ascii));
}

TEST_CASE("friends on a terminal redraws its progress, in colour unless NO_COLOR asks for none") {
  const ProgramRun run = run_program(
      kFriends, {},
      {.environment = {"TERM=xterm", "NO_COLOR=", "LC_ALL=C.UTF-8"}, .on_terminal = true});
  CHECK(run.exit_code == 0);
  CHECK(contains(run.out, "\r  "));
  CHECK(contains(run.out, "step  5000 of 5000"));
  CHECK(contains(run.out, "\x1b[1m"));
  CHECK(contains(run.out, "█"));
  const ProgramRun plain =
      run_program(kFriends, {}, {.environment = {"TERM=xterm", "NO_COLOR=1"}, .on_terminal = true});
  CHECK(!contains(plain.out, "\x1b[1m"));
  CHECK(!contains(plain.out, "\x1b[2m"));
}

TEST_CASE("friends answers a wrong value with one sentence and exit code 2") {
  const std::vector<std::vector<std::string>> mistakes = {{"--seed", "-1"},
                                                          {"--seed", "alice"},
                                                          {"--seed", "1e3"},
                                                          {"--seed", ""},
                                                          {"--seed", "18446744073709551616"},
                                                          {"--steps", "-1"},
                                                          {"--steps", "2.5"},
                                                          {"--steps", "99999999999999999999"},
                                                          {"--lr", "nan"},
                                                          {"--lr", "inf"},
                                                          {"--lr", "-0.5"},
                                                          {"--lr", "fast"},
                                                          {"--momentum", "-0.9"},
                                                          {"--momentum", "nan"},
                                                          {"--svg", ""},
                                                          {"--svg"},
                                                          {"--seed"},
                                                          {"--stepz", "3"},
                                                          {"extra"}};
  for (const std::vector<std::string>& mistake : mistakes) {
    CAPTURE(mistake[0]);
    CAPTURE(mistake.back());
    const ProgramRun run = run_program(kFriends, mistake);
    CHECK(run.exit_code == 2);
    CHECK(run.out == "");
    CHECK(std::count(run.err.begin(), run.err.end(), '\n') == 1);
    CHECK(run.err.substr(0, 9) == "friends: ");
  }
}

TEST_CASE("friends --help lists every option") {
  const ProgramRun run = run_program(kFriends, {"--help"});
  CHECK(run.exit_code == 0);
  for (const char* option : {"--seed", "--steps", "--lr", "--momentum", "--svg", "--quiet"}) {
    CHECK(contains(run.out, option));
  }
}

TEST_CASE("friends takes no steps when asked for none") {
  const ProgramRun run = run_program(kFriends, {"--steps", "0"});
  CHECK(run.exit_code == 0);
  CHECK(contains(run.out, "loss 0.472835 -> 0.472835"));
  CHECK(contains(unwrapped(run.out), "Nobody's attention has moved noticeably."));
}

TEST_CASE("friends takes the largest seed, and the same seed gives the same run") {
  const ProgramRun first = run_program(kFriends, {"--quiet", "--seed", "18446744073709551615"});
  const ProgramRun second = run_program(kFriends, {"--quiet", "--seed", "18446744073709551615"});
  CHECK(first.exit_code == 0);
  CHECK(!contains(first.out, kNotebook));
  CHECK(first.out == second.out);
}

TEST_CASE("friends says so when training diverges") {
  const ProgramRun run = run_program(kFriends, {"--quiet", "--lr", "1e30"});
  CHECK(run.exit_code == 1);
  CHECK(contains(run.err, "the loss stopped being a number after"));
}

TEST_CASE("friends --svg writes one well-formed, self-contained picture for light and dark") {
  const ScratchFolder folder;
  const ProgramRun run = run_program(kFriends, {"--quiet", "--svg", folder / "friends.svg"});
  CHECK(run.exit_code == 0);
  const std::string svg = read_file(folder / "friends.svg");
  CHECK(svg.substr(0, 5) == "<svg ");
  CHECK(svg.substr(svg.size() - 7) == "</svg>\n");
  CHECK(contains(svg, "prefers-color-scheme: dark"));
  CHECK(count(svg, "<rect class=\"accent\"") == 32);  // both heat maps
  CHECK(count(svg, "class=\"curve\"") == 1);
  CHECK(contains(svg, ">96%</text>"));
  CHECK(!contains(svg, "href"));
  // Tags open and close in order.
  std::vector<std::string> open;
  for (std::size_t at = svg.find('<'); at != std::string::npos; at = svg.find('<', at + 1)) {
    const std::size_t end = svg.find('>', at);
    REQUIRE(end != std::string::npos);
    const std::string tag = svg.substr(at + 1, end - at - 1);
    if (tag.back() == '/') continue;
    if (tag[0] == '/') {
      REQUIRE(!open.empty());
      CHECK(open.back() == tag.substr(1));
      open.pop_back();
    } else {
      open.push_back(tag.substr(0, tag.find(' ')));
    }
  }
  CHECK(open.empty());
  const std::filesystem::directory_iterator files(folder.path());
  CHECK(std::distance(begin(files), end(files)) == 1);  // no temporary left behind
}

TEST_CASE("friends replaces an older picture whole and follows a link to it") {
  const ScratchFolder folder;
  run_program(kFriends, {"--quiet", "--steps", "0", "--svg", folder / "real.svg"});
  const std::string before = read_file(folder / "real.svg");
  std::filesystem::create_symlink(folder / "real.svg", folder / "link.svg");
  const ProgramRun run = run_program(kFriends, {"--quiet", "--svg", folder / "link.svg"});
  CHECK(run.exit_code == 0);
  CHECK(std::filesystem::is_symlink(folder / "link.svg"));
  CHECK(read_file(folder / "real.svg") != before);
}

TEST_CASE("friends says in one sentence why a picture could not be written") {
  const ScratchFolder folder;
  for (const std::string& path : {folder / "no/such/folder.svg", folder.path()}) {
    const ProgramRun run = run_program(kFriends, {"--quiet", "--svg", path});
    CHECK(run.exit_code == 1);
    CHECK(contains(run.err, "friends: The picture could not be written to '" + path + "': "));
    CHECK(std::count(run.err.begin(), run.err.end(), '\n') == 1);
  }
}

TEST_CASE("friends notices that its standard output is full") {
  if (!std::filesystem::exists("/dev/full")) return;
  const ProgramRun run = run_program(kFriends, {}, {.standard_output = "/dev/full"});
  CHECK(run.exit_code == 1);
  CHECK(contains(run.err, "standard output could not be written"));
}
