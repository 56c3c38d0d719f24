// Matrix products against OpenBLAS, the allocation of the result included on our side.
#include <array>
#include <cmath>
#include <memory>
#include <string_view>

#include "heed.h"
#include "tests/bench/case.h"
#if HEED_HAVE_OPENBLAS
#include <cblas.h>
extern "C" void openblas_set_num_threads(int);
#endif

namespace heed::bench {
namespace {

double worst_relative(const Tensor& ours, const Tensor& peer) {
  const NoGradGuard no_grad;
  const double scale = peer.abs().max().item<double>() + 1e-30;
  return (ours - peer).abs().max().item<double>() / scale;
}

/// One product (times a batch), A (m,k) and B (k,n) stored transposed where the flag says so.
template <class T>
void add_product(const std::string& group, const std::string& name, std::int64_t m, std::int64_t k,
                 std::int64_t n, bool ta, bool tb, double goal, std::int64_t batch = 1) {
  const TensorOptions options{.dtype = dtype_of<T>};
  const Dims lead = batch > 1 ? Dims{batch} : Dims{};
  const auto matrix = [&](std::int64_t r, std::int64_t c) {
    Dims sizes = lead;
    sizes.push_back(r);
    sizes.push_back(c);
    return randn(sizes, options);
  };
  const Tensor a = ta ? matrix(k, m) : matrix(m, k), b = tb ? matrix(n, k) : matrix(k, n);
  const Tensor factor_a = ta ? a.mT() : a, factor_b = tb ? b.mT() : b;  // as flags are to the peer
  const auto ours = [=] {
    const NoGradGuard no_grad;
    return matmul(factor_a, factor_b);
  };
  Case c{.group = group, .name = name, .peer_name = "OpenBLAS", .goal = goal};
  c.ours = [=] { ours(); };
  if (sizeof(T) == 4) c.flops = 2.0 * static_cast<double>(batch * m * n * k);
#if HEED_HAVE_OPENBLAS
  openblas_set_num_threads(1);
  const Tensor out = zeros(ours().sizes(), options);
  const auto peer = [=] {
    const auto lda = static_cast<int>(ta ? m : k), ldb = static_cast<int>(tb ? k : n);
    const auto ta_ = ta ? CblasTrans : CblasNoTrans, tb_ = tb ? CblasTrans : CblasNoTrans;
    for (std::int64_t i = 0; i < batch; ++i) {
      const T* x = a.data<T>() + i * m * k;
      const T* y = b.data<T>() + i * k * n;
      T* z = out.data<T>() + i * m * n;
      const auto [im, in, ik] =
          std::array{static_cast<int>(m), static_cast<int>(n), static_cast<int>(k)};
      if constexpr (sizeof(T) == 4) {
        if (n == 1 && !ta) {
          cblas_sgemv(CblasRowMajor, CblasNoTrans, im, ik, 1, x, lda, y, 1, 0, z, 1);
        } else if (m == 1 && !tb) {
          cblas_sgemv(CblasRowMajor, CblasTrans, ik, in, 1, y, ldb, x, 1, 0, z, 1);
        } else {
          cblas_sgemm(CblasRowMajor, ta_, tb_, im, in, ik, 1, x, lda, y, ldb, 0, z, in);
        }
      } else {
        cblas_dgemm(CblasRowMajor, ta_, tb_, im, in, ik, 1, x, lda, y, ldb, 0, z, in);
      }
    }
  };
  c.peer = peer;
  c.difference = [=] {
    peer();
    return worst_relative(ours(), out);
  };
#endif
  add(std::move(c));
}

std::string size_name(std::int64_t m, std::int64_t k, std::int64_t n) {
  return "(" + std::to_string(m) + "×" + std::to_string(k) + ")·(" + std::to_string(k) + "×" +
         std::to_string(n) + ")";
}

}  // namespace

void add_matmul_cases() {
  const double goal =
      std::string_view(simd_isa()) == "avx2" ? 0.95 : 1;  // of OpenBLAS held to the same
  for (const std::int64_t n :
       {4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024}) {
    const std::string size = "n=" + std::to_string(n);
    add_product<float>("matmul float32", size, n, n, n, false, false, goal);
    add_product<float>("matmul float32", size + " AᵀB", n, n, n, true, false, goal);
    add_product<float>("matmul float32", size + " ABᵀ", n, n, n, false, true, goal);
  }
  // Off the widths of registers and tiles.
  for (const std::int64_t n : {5, 10, 17, 20, 33, 50, 65, 100, 129, 200, 300, 500, 1000}) {
    const std::string size = "n=" + std::to_string(n);
    add_product<float>("matmul odd sizes float32", size, n, n, n, false, false, goal);
    add_product<float>("matmul odd sizes float32", size + " AᵀB", n, n, n, true, false, goal);
  }
  const std::string shapes = "matmul shapes float32";
  add_product<float>(shapes, size_name(768, 128, 512), 768, 128, 512, false, false, 1);
  add_product<float>(shapes, size_name(768, 128, 512) + " ABᵀ", 768, 128, 512, false, true, 1);
  add_product<float>(shapes, size_name(3072, 64, 64), 3072, 64, 64, false, false, 1);
  add_product<float>(shapes, "48 × " + size_name(64, 32, 64) + " ABᵀ", 64, 32, 64, false, true, 1,
                     48);
  add_product<float>(shapes, "48 × " + size_name(64, 64, 32), 64, 64, 32, false, false, 1, 48);
  // Gradients of weights, xᵀ·dy.
  for (const auto& [m, k, n] :
       {std::array{512, 768, 128}, {1024, 768, 256}, {1536, 1536, 768}, {3072, 512, 768}}) {
    add_product<float>(shapes, size_name(m, k, n) + " AᵀB", m, k, n, true, false, 1);
  }
  // A linear layer: a small batch, few outputs, and their gradient.
  for (const auto& [m, k, n] : {std::array{4, 768, 256}, {8, 256, 256}, {64, 256, 10}}) {
    add_product<float>(shapes, size_name(m, k, n) + " ABᵀ", m, k, n, false, true, 1);
  }
  add_product<float>(shapes, size_name(128, 512, 8) + " AᵀB", 128, 512, 8, true, false, 1);
  add_product<float>(shapes, "matrix·vector 1024", 1024, 1024, 1, false, false, 1);
  add_product<float>(shapes, "vector·matrix 1024", 1, 1024, 1024, false, false, 1);
  add_product<float>(shapes, "matrix·vector 64", 64, 64, 1, false, false, 1);
  add_product<float>(shapes, "vector·matrix 64", 1, 64, 64, false, false, 1);
  for (const std::int64_t k : {1, 2, 4, 8, 16}) {
    add_product<float>(shapes, size_name(256, k, 256), 256, k, 256, false, false, 1);
  }
  for (const std::int64_t n : {32, 64, 128, 256, 512, 1024}) {
    add_product<double>("matmul float64", "n=" + std::to_string(n), n, n, n, false, false,
                        n >= 128 ? 0.95 : 0);
  }
}

}  // namespace heed::bench
