// Every table this CPU has, held against float64 sums and the plain twin.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "core/parallel.h"
#include "core/simd/caches.h"
#include "core/simd/kernels.h"

namespace {

using heed::simd::Gemm;
using heed::simd::GemmBatch;
using heed::simd::Kernels;
using heed::simd::kernels_for;

std::vector<const Kernels*> tables() {
  std::vector<const Kernels*> found;
  for (const char* isa : {"plain", "sse2", "avx2", "avx512", "neon"}) {
    if (const Kernels* table = kernels_for(isa)) found.push_back(table);
  }
  return found;
}

enum class Layout { Rows, Columns, Strided, Broadcast };

template <class T>
struct Matrix {
  std::vector<T> data;
  std::int64_t row, col;
};

// A matrix of random values behind which nothing readable is promised: the vector ends with its
// last element, so that ASan sees a kernel that reads further.
template <class T>
Matrix<T> random_matrix(std::mt19937& random, std::int64_t rows, std::int64_t cols, Layout layout) {
  Matrix<T> x;
  switch (layout) {
    case Layout::Rows: x.row = cols, x.col = 1; break;
    case Layout::Columns: x.row = 1, x.col = rows; break;
    case Layout::Strided: x.row = 2 * cols + 3, x.col = 2; break;
    case Layout::Broadcast: x.row = 0, x.col = 1; break;
  }
  const std::int64_t size =
      rows == 0 || cols == 0 ? 0 : (rows - 1) * x.row + (cols - 1) * x.col + 1;
  x.data.reserve(static_cast<std::size_t>(size));  // no more
  std::uniform_real_distribution<T> uniform(-1, 1);
  for (std::int64_t i = 0; i < size; ++i) x.data.push_back(uniform(random));
  return x;
}

// The largest error of C against a sum in double (long double for double), relative to the sum of
// the magnitudes of what is added up.
template <class T>
double product_error(const GemmBatch<T>& batch, const std::vector<T>& before) {
  const Gemm<T>& g = batch.first;
  double worst = 0;
  for (std::int64_t item = 0; item < batch.count; ++item) {
    for (std::int64_t i = 0; i < g.m; ++i) {
      for (std::int64_t j = 0; j < g.n; ++j) {
        long double sum = 0, scale = 0;
        const auto add = [&](long double x) { sum += x, scale += std::fabs(x); };
        for (std::int64_t p = 0; p < g.k; ++p) {
          add(static_cast<long double>(g.a[item * batch.a_step + i * g.a_row + p * g.a_col]) *
              static_cast<long double>(g.b[item * batch.b_step + p * g.b_row + j * g.b_col]));
        }
        const std::int64_t at = item * batch.c_step + i * g.c_row + j;
        if (g.bias != nullptr) add(g.bias[j]);
        if (g.accumulate) add(before[static_cast<std::size_t>(at)]);
        const double error = static_cast<double>(
            scale == 0 ? std::fabs(static_cast<long double>(g.c[at]))
                       : std::fabs(static_cast<long double>(g.c[at]) - sum) / scale);
        if (!(error <= worst)) worst = error;
      }
    }
  }
  return worst;
}

// The same number of units in the last place for both: 1e-6 * 2^-29 = 1.9e-15.
template <class T>
constexpr double kTolerance = sizeof(T) == 4 ? 1e-6 : 1.9e-15;

struct Case {
  std::int64_t m, n, k;
  Layout a = Layout::Rows, b = Layout::Rows;
  bool bias = false, accumulate = false;
};

template <class T>
void check(const Kernels& table, std::mt19937& random, const Case& test) {
  const Matrix<T> a = random_matrix<T>(random, test.m, test.k, test.a);
  const Matrix<T> b = random_matrix<T>(random, test.k, test.n, test.b);
  const std::int64_t c_row = test.n + 3;
  Matrix<T> c = random_matrix<T>(random, test.m, c_row, Layout::Rows);
  const Matrix<T> bias = random_matrix<T>(random, 1, test.n, Layout::Rows);
  const std::vector<T> before = c.data;
  Gemm<T> g{test.m,        test.n, test.k, a.data.data(), a.row, a.col,
            b.data.data(), b.row,  b.col,  c.data.data(), c_row};
  g.bias = test.bias ? bias.data.data() : nullptr;
  g.accumulate = test.accumulate;
  table.of<T>().gemm(g);
  INFO("table " << table.isa << " m " << test.m << " n " << test.n << " k " << test.k << " layouts "
                << static_cast<int>(test.a) << " " << static_cast<int>(test.b) << " bias "
                << test.bias << " accumulate " << test.accumulate << " bytes " << sizeof(T));
  REQUIRE(product_error<T>({g, 1, 0, 0, 0}, before) <= kTolerance<T>);
  int touched = 0;  // elements of c behind its rows
  for (std::int64_t i = 0; i < test.m; ++i) {
    for (std::int64_t j = test.n; j < c_row; ++j) {
      const auto at = static_cast<std::size_t>(i * c_row + j);
      touched += c.data[at] != before[at];
    }
  }
  REQUIRE(touched == 0);
}

const Layout kLayouts[] = {Layout::Rows, Layout::Columns, Layout::Strided, Layout::Broadcast};

template <class T>
void check_layouts(const Kernels& table, std::mt19937& random, std::int64_t m, std::int64_t n,
                   std::int64_t k) {
  int turn = 0;
  for (Layout a : kLayouts) {
    for (Layout b : kLayouts) {
      check<T>(table, random, {m, n, k, a, b, turn % 2 == 0, turn % 3 == 0});
      ++turn;
    }
  }
}

TEST_CASE_TEMPLATE("gemm is right for every small size and layout", T, float, double) {
  std::mt19937 random(1);
  for (const Kernels* table : tables()) {
    for (std::int64_t m = 0; m <= 40; m += m < 14 ? 1 : 3) {
      for (std::int64_t n = 0; n <= 67; n += n < 10 ? 1 : 3) {
        for (std::int64_t k : {0, 1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 23, 31, 33, 40}) {
          const int turn = static_cast<int>(m + 2 * n + 3 * k);
          check<T>(
              *table, random,
              {m, n, k, kLayouts[turn % 4], kLayouts[turn / 4 % 4], turn % 3 == 0, turn % 5 == 0});
          check<T>(*table, random, {m, n, k});
        }
      }
    }
  }
}

TEST_CASE_TEMPLATE("gemm is right for sizes that are cut into blocks, in every layout", T, float,
                   double) {
  std::mt19937 random(2);
  const std::int64_t sizes[][3] = {
      {65, 66, 67},  {129, 127, 131}, {7, 300, 400}, {300, 7, 400}, {130, 65, 400}, {100, 530, 9},
      {51, 70, 900}, {1, 300, 700},   {300, 1, 700}, {2, 2, 5000},  {1, 1, 3000},   {500, 500, 1},
      {9, 4200, 5},  {70, 130, 16},   {100, 130, 3}, {70, 97, 8},   {530, 520, 2}};
  for (const Kernels* table : tables()) {
    for (const auto& size : sizes) {
      check_layouts<T>(*table, random, size[0], size[1], size[2]);
    }
    // More rows than a block has, so that B is packed as a whole; in the others a panel at a time.
    check<T>(*table, random, {800, 70, 530, Layout::Rows, Layout::Columns, true, false});
    check<T>(*table, random, {800, 70, 530, Layout::Columns, Layout::Strided, false, true});
  }
}

// The last of them have a way of their own, or two (gemm_columns.h).
TEST_CASE_TEMPLATE("columns that whole registers leave over are right, in every layout", T, float,
                   double) {
  std::mt19937 random(9);
  for (const Kernels* table : tables()) {
    for (std::int64_t m : {1, 3, 37}) {
      for (std::int64_t n : {17, 18, 19, 20, 49, 68}) {
        for (std::int64_t k : {33, 90}) check_layouts<T>(*table, random, m, n, k);
      }
    }
    check_layouts<T>(*table, random, 60, 67, 530);
  }
}

// What gemm_dots.h does, and the sizes on both sides of it.
TEST_CASE_TEMPLATE("few rows or columns of operands that run along k are right", T, float, double) {
  std::mt19937 random(12);
  for (const Kernels* table : tables()) {
    int turn = 0;
    for (std::int64_t m : {2, 3, 4, 5, 6, 7, 9, 32, 33, 70}) {
      for (std::int64_t n : {2, 3, 5, 7, 8, 10, 11, 21, 66}) {
        for (std::int64_t k : {12, 20, 50, 64, 79, 130, 257, 600}) {
          check<T>(*table, random,
                   {m, n, k, Layout::Rows, Layout::Columns, turn % 2 == 0, turn % 3 == 0});
          ++turn;
        }
      }
    }
  }
}

// A B of few columns that does not run along k is turned for it.
TEST_CASE_TEMPLATE("few columns of any layout, with an A that runs along k, are right", T, float,
                   double) {
  std::mt19937 random(15);
  for (const Kernels* table : tables()) {
    int turn = 0;
    for (std::int64_t m : {1, 2, 3, 6, 33, 70}) {
      for (std::int64_t n : {2, 3, 4, 5, 7, 8, 10, 11}) {
        for (std::int64_t k : {16, 20, 33, 79, 130, 257, 350, 600}) {
          const Layout layouts[] = {Layout::Rows, Layout::Strided, Layout::Broadcast};
          check<T>(*table, random,
                   {m, n, k, Layout::Rows, layouts[turn % 3], turn % 2 == 0, turn % 5 < 2});
          ++turn;
        }
      }
    }
  }
}

// What is done across as a whole (gemm_columns.h), and the sizes on both sides of it.
TEST_CASE_TEMPLATE("few columns of an A that runs across k are right", T, float, double) {
  std::mt19937 random(14);
  for (const Kernels* table : tables()) {
    int turn = 0;
    for (std::int64_t m : {15, 32, 33, 48, 65, 130}) {
      for (std::int64_t n : {2, 3, 4, 5, 6, 7, 8, 10, 11}) {
        for (std::int64_t k : {16, 33, 90, 530}) {
          const Layout b = turn % 5 < 2 ? Layout::Rows : Layout::Columns;
          check<T>(*table, random, {m, n, k, Layout::Columns, b, turn % 2 == 0, turn % 3 == 0});
          ++turn;
        }
      }
    }
  }
}

// Few rows that run along k with a B that does: those that are dot products have their bits
// whatever other rows and columns stand with them, one that stands alone included.
TEST_CASE_TEMPLATE("a dot product has the same bits whatever rows and columns stand with it", T,
                   float, double) {
  std::mt19937 random(13);
  for (const Kernels* table : tables()) {
    constexpr std::int64_t m = 16, n = 45;
    for (std::int64_t k : {256, 300, 1000}) {
      const Matrix<T> a = random_matrix<T>(random, m, k, Layout::Rows);
      const Matrix<T> b = random_matrix<T>(random, k, n, Layout::Columns);
      std::vector<T> all(static_cast<std::size_t>(m * n)), some(all.size());
      table->of<T>().gemm({m, n, k, a.data.data(), k, 1, b.data.data(), 1, k, all.data(), n});
      for (std::int64_t rows : {1, 2, 3, 5, 8, 15}) {
        for (std::int64_t columns : {2, 7, 20, 45}) {
          table->of<T>().gemm({rows, columns, k, a.data.data() + k, k, 1, b.data.data(), 1, k,
                               some.data(), columns});
          INFO("table " << table->isa << " k " << k << " rows " << rows << " columns " << columns
                        << " bytes " << sizeof(T));
          for (std::int64_t i = 0; i < rows; ++i) {
            REQUIRE(std::equal(some.begin() + i * columns, some.begin() + (i + 1) * columns,
                               all.begin() + (i + 1) * n));
          }
        }
      }
    }
  }
}

TEST_CASE_TEMPLATE("gemm is right for operands that no near cache holds", T, float, double) {
  std::mt19937 random(7);
  for (const Kernels* table : tables()) {
    // An A that is packed for the pages between its columns, and more than two MiB in all.
    check<T>(*table, random, {2100, 70, 260, Layout::Columns, Layout::Rows, true, false});
    check<T>(*table, random, {420, 620, 260, Layout::Rows, Layout::Rows, true, false});
    // And one whose columns lie whole pages apart.
    check<T>(*table, random, {1024, 400, 170, Layout::Columns, Layout::Rows, false, true});
    // A B of several blocks of columns, read in place to its very end.
    constexpr auto size = static_cast<std::int64_t>(sizeof(T));
    const std::int64_t columns = heed::simd::caches().third / 4 / (512 * size);
    for (std::int64_t n : {2 * columns + 8, 2 * columns + 9}) check<T>(*table, random, {2, n, 20});
  }
}

// An A that runs across k is packed eight steps at a time, in pieces of five to eight rows where
// they are many (gemm_pack_across.h); with 32 registers everywhere from 385 columns on.
TEST_CASE_TEMPLATE("an A whose lines lie whole pages apart, or overlap, is right", T, float,
                   double) {
  std::mt19937 random(11);
  constexpr std::int64_t page = 4096 / static_cast<std::int64_t>(sizeof(T));
  const auto check_lines = [&](const Kernels& table, std::int64_t m, std::int64_t n, std::int64_t k,
                               std::int64_t a_col) {
    const Matrix<T> a = random_matrix<T>(random, 1, (k - 1) * a_col + m, Layout::Rows);
    const Matrix<T> b = random_matrix<T>(random, k, n, Layout::Rows);
    std::vector<T> c(static_cast<std::size_t>(m * n));
    const Gemm<T> g{m, n, k, a.data.data(), 1, a_col, b.data.data(), n, 1, c.data(), n};
    table.of<T>().gemm(g);
    INFO("table " << table.isa << " m " << m << " n " << n << " k " << k << " step " << a_col
                  << " bytes " << sizeof(T));
    REQUIRE(product_error<T>({g, 1, 0, 0, 0}, {}) <= kTolerance<T>);
  };
  for (const Kernels* table : tables()) {
    for (std::int64_t k : {17, 22, 24, 31, 70}) {
      for (std::int64_t m : {12, 13, 15, 16, 29, 32, 33, 40, 47, 64}) {
        check_lines(*table, m, 33, k, page);
        check_lines(*table, m, 66, k, 2 * page);
      }
    }
    // Three registers of columns, four, and so eight rows and six.
    check_lines(*table, 64, 96, 40, page);
    check_lines(*table, 64, 130, 600, page);
    for (std::int64_t m : {17, 18, 35, 47}) {
      for (std::int64_t k : {17, 24, 31}) check_lines(*table, m, 400, k, page);
    }
    for (std::int64_t a_col : {1, 3, 8}) check_lines(*table, 700, 170, 260, a_col);
  }
}

TEST_CASE_TEMPLATE("a vector times a matrix and a matrix times a vector are right", T, float,
                   double) {
  std::mt19937 random(3);
  for (const Kernels* table : tables()) {
    for (std::int64_t n : {1, 2, 5, 16, 33, 64, 100, 257}) {
      for (std::int64_t k : {1, 3, 16, 31, 64, 130, 515}) {
        check_layouts<T>(*table, random, 1, n, k);
        check_layouts<T>(*table, random, n, 1, k);
      }
    }
  }
}

TEST_CASE_TEMPLATE("a batch gives each product, with shared and with reversed operands", T, float,
                   double) {
  std::mt19937 random(4);
  for (const Kernels* table : tables()) {
    for (const auto& shape : std::vector<std::array<std::int64_t, 3>>{
             {4, 3, 3}, {64, 32, 64}, {17, 19, 23}, {1, 40, 20}, {40, 1, 20}, {5, 6, 0}}) {
      const std::int64_t m = shape[0], n = shape[1], k = shape[2];
      for (int kind = 0; kind < 8; ++kind) {
        const std::int64_t batch = 5;
        const bool share_a = kind & 1, share_b = kind & 2, transposed = kind & 4;
        const Matrix<T> a = random_matrix<T>(random, batch * m, k, Layout::Rows);
        const Matrix<T> b = random_matrix<T>(random, batch * k, n, Layout::Rows);
        Matrix<T> c = random_matrix<T>(random, batch * m, n, Layout::Rows);
        const std::vector<T> before = c.data;
        Gemm<T> g{m, n, k, a.data.data(), k, 1, b.data.data(), n, 1, c.data.data(), n};
        if (transposed) g.b_row = 1, g.b_col = k;
        g.accumulate = kind % 3 == 0;
        const GemmBatch<T> products{g, batch, share_a ? 0 : m * k, share_b ? 0 : k * n, m * n};
        table->of<T>().gemm_batch(products);
        INFO("table " << table->isa << " m " << m << " n " << n << " k " << k << " kind " << kind);
        REQUIRE(product_error(products, before) <= kTolerance<T>);
      }
    }
  }
}

TEST_CASE("the bits of a product do not depend on the number of threads") {
  std::mt19937 random(5);
  const int threads_before = heed::num_threads();
  for (const Kernels* table : tables()) {
    // The last: how often the product stands in the batch; 0 and -1: once, A or B a transpose.
    for (const auto& shape : std::vector<std::array<std::int64_t, 4>>{{300, 310, 400, 1},
                                                                      {8, 2000, 600, 1},
                                                                      {2000, 8, 600, 1},
                                                                      {64, 64, 64, 30},
                                                                      {300, 257, 400, 1},
                                                                      {2000, 18, 90, 1},
                                                                      {1, 3000, 500, 1},
                                                                      {3000, 1, 500, 1},
                                                                      {2100, 70, 260, 0},
                                                                      {3000, 8, 600, 0},
                                                                      {8, 2000, 600, -1},
                                                                      {3000, 8, 600, -1}}) {
      const std::int64_t m = shape[0], n = shape[1], k = shape[2];
      const bool across = shape[3] == 0;  // A runs across k, and is packed
      const bool turned = shape[3] < 0;
      const std::int64_t batch = across || turned ? 1 : shape[3];
      const Matrix<float> a =
          random_matrix<float>(random, batch * m, k, across ? Layout::Columns : Layout::Rows);
      const Matrix<float> b =
          random_matrix<float>(random, k, n, turned ? Layout::Columns : Layout::Rows);
      std::vector<float> first;
      for (int threads : {1, 2, 7}) {
        heed::set_num_threads(threads);
        std::vector<float> c(static_cast<std::size_t>(batch * m * n), 0.0f);
        const Gemm<float> g{m,     n,        k, a.data.data(), a.row, a.col, b.data.data(), b.row,
                            b.col, c.data(), n};
        table->f32.gemm_batch({g, batch, m * k, 0, m * n});
        if (threads == 1) first = c;
        INFO("table " << table->isa << " m " << m << " n " << n << " threads " << threads);
        REQUIRE(c == first);
      }
    }
  }
  heed::set_num_threads(threads_before);
}

TEST_CASE_TEMPLATE(
    "a row of a product, without a bias, has the same bits whatever other rows stand with it", T,
    float, double) {
  std::mt19937 random(6);
  for (const Kernels* table : tables()) {
    for (std::int64_t n : {2, 3, 4, 5, 8, 10, 17, 18, 33, 65, 68, 70, 129}) {
      for (std::int64_t k : {40, 90, 500}) {
        const Matrix<T> a = random_matrix<T>(random, 300, k, Layout::Rows);
        const Matrix<T> b = random_matrix<T>(random, k, n, Layout::Rows);
        std::vector<T> all(static_cast<std::size_t>(300 * n)), some(all.size());
        table->of<T>().gemm({300, n, k, a.data.data(), k, 1, b.data.data(), n, 1, all.data(), n});
        for (std::int64_t rows : {1, 2, 7, 100}) {
          table->of<T>().gemm(
              {rows, n, k, a.data.data() + 50 * k, k, 1, b.data.data(), n, 1, some.data(), n});
          INFO("table " << table->isa << " n " << n << " k " << k << " rows " << rows << " bytes "
                        << sizeof(T));
          REQUIRE(std::equal(some.begin(), some.begin() + rows * n, all.begin() + 50 * n));
        }
      }
    }
  }
}

// Where A runs across k a few columns that are left over may be done across (gemm_columns.h).
TEST_CASE_TEMPLATE("a column of a product has the same bits whatever other columns stand with it",
                   T, float, double) {
  std::mt19937 random(8);
  for (const Kernels* table : tables()) {
    for (const auto& shape : std::vector<std::array<std::int64_t, 3>>{{40, 18, 66},
                                                                      {33, 34, 40},
                                                                      {66, 37, 60},
                                                                      {90, 81, 84},
                                                                      {48, 129, 70},
                                                                      {65, 65, 65},
                                                                      {100, 69, 70},
                                                                      {129, 99, 600},
                                                                      {70, 24, 600},
                                                                      {800, 65, 530}}) {
      const std::int64_t m = shape[0], n = shape[1], k = shape[2];
      const Matrix<T> a = random_matrix<T>(random, m, k, Layout::Columns);
      const Matrix<T> before = random_matrix<T>(random, m, n, Layout::Rows);
      const Matrix<T> bias = random_matrix<T>(random, 1, n, Layout::Rows);
      for (Layout layout : {Layout::Rows, Layout::Columns}) {
        const Matrix<T> b = random_matrix<T>(random, k, n, layout);
        std::vector<T> all = before.data, some = before.data;
        Gemm<T> g{m, n, k, a.data.data(), a.row, a.col, b.data.data(), b.row, b.col, all.data(), n};
        g.bias = bias.data.data();
        g.accumulate = true;
        table->of<T>().gemm(g);
        const std::int64_t whole = n / 8 * 8 - 8;
        g.n = whole;
        g.c = some.data();
        table->of<T>().gemm(g);
        g.n = n - whole;
        g.b += whole * b.col;
        g.c += whole;
        g.bias += whole;
        table->of<T>().gemm(g);
        INFO("table " << table->isa << " m " << m << " n " << n << " k " << k << " layout "
                      << static_cast<int>(layout) << " bytes " << sizeof(T));
        REQUIRE(all == some);
      }
    }
  }
}

TEST_CASE_TEMPLATE("NaN and infinity travel through a product, also where they meet zero", T, float,
                   double) {
  const T nan = std::numeric_limits<T>::quiet_NaN(), inf = std::numeric_limits<T>::infinity();
  for (const Kernels* table : tables()) {
    for (std::int64_t n : {1, 3, 20, 70}) {
      for (T special : {nan, inf}) {
        const std::int64_t m = 9, k = 11;
        std::vector<T> a(static_cast<std::size_t>(m * k), T(0)),
            b(static_cast<std::size_t>(k * n), T(1)), c(static_cast<std::size_t>(m * n), T(5));
        b[static_cast<std::size_t>(4 * n)] = special;  // column 0 meets 0 * special in every row
        table->of<T>().gemm({m, n, k, a.data(), k, 1, b.data(), n, 1, c.data(), n});
        for (std::int64_t i = 0; i < m; ++i) {
          for (std::int64_t j = 0; j < n; ++j) {
            const T value = c[static_cast<std::size_t>(i * n + j)];
            INFO("table " << table->isa << " row " << i << " column " << j << " of " << n);
            REQUIRE((j == 0 ? std::isnan(value) : value == T(0)));
          }
        }
      }
    }
  }
}

}  // namespace
