#include "core/autograd/grad_mode.h"
#include "core/io/npy.h"
#include "core/io/npy_header.h"
#include "core/io/zip.h"
#include "core/ops/ops.h"

namespace heed::io {
namespace {

constexpr std::string_view kSuffix = ".npy";

// What an archive may unpack to without any doubt.
constexpr std::uint64_t kHarmless = std::uint64_t{1} << 20;

void check_ratio(const std::vector<ZipEntry>& entries, std::uint64_t archive_size,
                 std::int64_t max_ratio, const std::string& file) {
  std::uint64_t total = 0;
  for (const ZipEntry& entry : entries) {
    if (__builtin_add_overflow(total, entry.size, &total)) total = UINT64_MAX;
  }
  const auto ratio = static_cast<std::uint64_t>(std::max<std::int64_t>(max_ratio, 1));
  if (total > kHarmless && total / ratio > archive_size) {
    fail_in(file, "would unpack to ", total, " bytes, more than ", ratio, " times its ",
            archive_size, ": refused as a ZIP bomb (LoadNpzOptions::max_ratio allows more)");
  }
}

StateDict parse(const Bytes& archive, const std::string& file, const LoadNpzOptions& options) {
  const std::vector<ZipEntry> entries = read_zip_directory(archive, file);
  for (const ZipEntry& entry : entries) {
    if (!std::string_view(entry.name).ends_with(kSuffix)) {
      fail_in(file, "entry ", quote(entry.name), " is no .npy file");
    }
  }
  check_ratio(entries, archive.size, options.max_ratio, file);
  StateDict tensors;
  for (const ZipEntry& entry : entries) {
    const std::string where = heed::detail::concat(file, ": entry ", quote(entry.name));
    tensors.add(entry.name.substr(0, entry.name.size() - kSuffix.size()),
                decode_npy(unpack(archive, entry, file), where));
  }
  return tensors;
}

}  // namespace

StateDict load_npz(const std::string& path, const LoadNpzOptions& options) {
  return parse(open_file(path, options.map), path, options);
}

StateDict parse_npz(std::span<const std::byte> bytes, const std::string& name,
                    const LoadNpzOptions& options) {
  // Read only: what has no owner is copied before anybody can write to it.
  return parse({const_cast<std::byte*>(bytes.data()), bytes.size(), nullptr}, name, options);
}

void save_npz(const std::string& path, const StateDict& tensors) {
  for (const auto& [name, tensor] : tensors) {
    if (const char* reason = bad_entry_name(name)) {
      fail_in(path, "the name ", quote(name), " ", reason);
    }
    if (name.size() > 0xffff - kSuffix.size())
      fail_in(path, "the name ", quote(name), " is too long");
  }
  AtomicFile file(path);
  ZipWriter archive(file);
  NoGradGuard no_grad;
  for (const auto& [name, tensor] : tensors) {
    const Tensor x = tensor.detach().contiguous();
    const std::size_t bytes = static_cast<std::size_t>(x.numel()) * element_size(x.dtype());
    archive.add(name + std::string(kSuffix), npy_header_text(x.sizes(), x.dtype(), false),
                {reinterpret_cast<const char*>(x.impl()->bytes()), bytes});
  }
  archive.finish();
  file.commit();
}

}  // namespace heed::io
