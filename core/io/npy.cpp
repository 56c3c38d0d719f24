#include "core/io/npy.h"

#include "core/autograd/grad_mode.h"
#include "core/io/atomic_file.h"
#include "core/io/bytes.h"
#include "core/io/npy_header.h"
#include "core/ops/ops.h"

namespace heed::io {

Tensor load_npy(const std::string& path, const LoadOptions& options) {
  return decode_npy(open_file(path, options.map), path);
}

Tensor parse_npy(std::span<const std::byte> bytes, const std::string& name) {
  // Read only: what has no owner is copied before anybody can write to it.
  return decode_npy({const_cast<std::byte*>(bytes.data()), bytes.size(), nullptr}, name);
}

void save_npy(const std::string& path, const Tensor& x, const SaveNpyOptions& options) {
  HEED_CHECK(x.defined(), path, ": an undefined tensor cannot be saved");
  NoGradGuard no_grad;
  const Tensor elements = (options.fortran_order ? x.detach().T() : x.detach()).contiguous();
  AtomicFile file(path);
  file.write(npy_header_text(x.sizes(), x.dtype(), options.fortran_order));
  file.write(elements.impl()->bytes(),
             static_cast<std::size_t>(elements.numel()) * element_size(elements.dtype()));
  file.commit();
}

}  // namespace heed::io
