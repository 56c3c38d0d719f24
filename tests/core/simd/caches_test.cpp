// The sizes of the machine's caches: what is asked, and what is believed.
#include "core/simd/caches.h"

#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>

#include "core/simd/processor.h"
#include "support/files.h"

namespace {

using heed::simd::Caches;
using heed::simd::detail::caches_under;
using heed::simd::detail::sane_caches;
using heed::test::Folder;
using Levels = std::array<std::int64_t, 3>;

void describe(const Folder& folder, int index, const std::string& level, const std::string& type,
              const std::string& size) {
  const std::string cache = folder / ("index" + std::to_string(index));
  std::filesystem::create_directory(cache);
  heed::test::write_bytes(cache + "/level", level + "\n");
  heed::test::write_bytes(cache + "/type", type + "\n");
  heed::test::write_bytes(cache + "/size", size + "\n");
}

}  // namespace

TEST_CASE("caches of no size or of a whole host are taken for those of a core") {
  const auto same = [](const Caches& got, const Caches& expected) {
    return got.first == expected.first && got.second == expected.second &&
           got.third == expected.third && got.streamed == expected.streamed;
  };
  constexpr std::int64_t kib = 1024, mib = 1024 * kib;
  CHECK(same(sane_caches(48 * kib, 2 * mib, 30 * mib), {48 * kib, 2 * mib, 30 * mib, 8 * mib}));
  CHECK(same(sane_caches(0, -1, 0), {32 * kib, mib, 8 * mib, 8 * mib}));
  CHECK(same(sane_caches(32 * kib, mib, 320 * mib), {32 * kib, mib, 32 * mib, 20 * mib}));
  CHECK(same(sane_caches(48 * kib, 2 * mib, 105 * mib), {48 * kib, 2 * mib, 32 * mib, 8 * mib}));
  CHECK(same(sane_caches(128 * kib, 16 * mib, 0), {128 * kib, 16 * mib, 16 * mib, 8 * mib}));
  CHECK(same(sane_caches(1, 1, 1), {16 * kib, 128 * kib, mib, 8 * mib}));
  const Caches& here = heed::simd::caches();
  Caches again = sane_caches(here.first, here.second, here.third);
  CHECK(again.streamed <= here.streamed);  // which counts all of the third level
  again.streamed = here.streamed;
  CHECK(same(again, here));
}

TEST_CASE("Linux tells the caches of a core by level, instructions left out") {
  const Folder folder;
  CHECK(caches_under((folder / "absent").c_str()) == Levels{});
  describe(folder, 0, "1", "Data", "32K");
  describe(folder, 1, "1", "Instruction", "64K");
  describe(folder, 2, "2", "Unified", "1024K");
  CHECK(caches_under((folder / "").c_str()) == Levels{32 << 10, 1 << 20, 0});
  describe(folder, 3, "3", "Unified", "32M");
  describe(folder, 4, "4", "Unified", "128M");
  CHECK(caches_under((folder / "").c_str()) == Levels{32 << 10, 1 << 20, 32 << 20});
  describe(folder, 0, "1", "Data", "");
  describe(folder, 2, "2", "Unified", "2097152");
  CHECK(caches_under((folder / "").c_str()) == Levels{0, 2 << 20, 32 << 20});
  describe(folder, 1, "level", "", "");
  CHECK(caches_under((folder / "").c_str()) == Levels{});
}

TEST_CASE("the caches are those of a core that Linux tells of, where it does") {
  const Levels told = caches_under("/sys/devices/system/cpu/cpu0/cache");
  if (told[2] > 0) {
    const Caches& here = heed::simd::caches();
    const Caches core = sane_caches(told[0], told[1], told[2]);
    CHECK(here.second == core.second);
    CHECK(here.third == core.third);
    CHECK(here.streamed == core.streamed);
  }
}

TEST_CASE("a core of AMD's that Linux tells nothing of streams what its group cannot hold") {
  const bool told = caches_under("/sys/devices/system/cpu/cpu0/cache")[2] > 0;
  if (told || !heed::simd::is_amd()) return;
  CHECK(heed::simd::caches().third <= std::int64_t{32} << 20);
  CHECK(heed::simd::caches().streamed == heed::simd::kStreamBytes);
}
