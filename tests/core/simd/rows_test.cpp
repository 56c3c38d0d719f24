// The row-wise kernels of every table (softmax, norms, losses, reductions, optimizer steps, copies)
// held against the plain twins.
#include <doctest/doctest.h>

#include <algorithm>
#include <limits>

#include "core/parallel.h"
#include "tables.h"

namespace {

using namespace heed::simd;
using namespace heed::simd::test;

template <class T>
constexpr double kTolerance = sizeof(T) == sizeof(float) ? 1e-6 : 2e-14;

struct Shape {
  std::int64_t rows, cols;
};
std::vector<Shape> shapes() {
  std::vector<Shape> all;
  for (std::int64_t cols = 1; cols <= 70; ++cols) all.push_back({cols % 5 + 1, cols});
  for (Shape shape : {Shape{0, 5},
                      {300, 3},
                      {1000, 7},
                      {129, 64},
                      {65, 768},
                      {3, 5000},
                      {2, 70001},
                      {3000, 33},
                      {200, 1}}) {
    all.push_back(shape);
  }
  return all;
}

template <class T, class Run>
void check_pair(const Kernels& table, const Run& run, const char* name, Shape shape,
                std::int64_t out_size, double tolerance = kTolerance<T>) {
  Array<T> got(out_size, shape.cols % 4), expected(out_size);
  run(table.of<T>(), got.data());
  run(plain().of<T>(), expected.data());
  INFO("table " << std::string(table.isa) << " " << std::string(name) << " rows " << shape.rows
                << " cols " << shape.cols);
  REQUIRE(relative_error(got, expected) <= tolerance);
  REQUIRE(got.marks_stand());
}

TEST_CASE_TEMPLATE("softmax and its kin agree with the plain twins", T, float, double) {
  std::mt19937 random(1);
  for (const Kernels* table : wide_tables()) {
    for (const Shape s : shapes()) {
      const std::int64_t n = s.rows * s.cols;
      const Array<T> x(random, n, 6, s.cols % 3), dy(random, n, 1), y(random, n, 3);
      using K = const KernelsOf<T>&;
      check_pair<T>(
          *table, [&](K k, T* o) { k.softmax(o, x.data(), s.rows, s.cols); }, "softmax", s, n);
      check_pair<T>(
          *table, [&](K k, T* o) { k.log_softmax(o, x.data(), s.rows, s.cols); }, "log_softmax", s,
          n);
      check_pair<T>(
          *table, [&](K k, T* o) { k.logsumexp(o, x.data(), s.rows, s.cols); }, "logsumexp", s,
          s.rows);
      check_pair<T>(
          *table, [&](K k, T* o) { k.softmax_backward(o, dy.data(), y.data(), s.rows, s.cols); },
          "softmax_backward", s, n, 5 * kTolerance<T>);
      check_pair<T>(
          *table,
          [&](K k, T* o) { k.log_softmax_backward(o, dy.data(), y.data(), s.rows, s.cols); },
          "log_softmax_backward", s, n, 5 * kTolerance<T>);
    }
  }
}

TEST_CASE_TEMPLATE("softmax at the edges: infinities, NaN, huge and masked entries", T, float,
                   double) {
  const T inf = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
  for (const Kernels* table : wide_tables()) {
    const KernelsOf<T>& k = table->of<T>();
    for (std::int64_t cols : {2, 5, 8, 17, 40}) {
      INFO("table " << std::string(table->isa) << " cols " << cols);
      Array<T> x(cols), y(cols);
      const auto all_nan = [&] {
        return std::all_of(y.data(), y.data() + cols, [](T v) { return v != v; });
      };
      for (int op = 0; op < 2; ++op) {
        const auto run = op == 0 ? k.softmax : k.log_softmax;
        for (std::int64_t i = 0; i < cols; ++i) x[i] = -inf;
        run(y.data(), x.data(), 1, cols);
        CHECK(all_nan());
        for (T special : {nan, inf}) {
          for (std::int64_t i = 0; i < cols; ++i) x[i] = T(i);
          x[cols - 1] = special;
          run(y.data(), x.data(), 1, cols);
          CHECK(all_nan());
          std::swap(x[0], x[cols - 1]);
          run(y.data(), x.data(), 1, cols);
          CHECK(all_nan());
        }
      }
      for (std::int64_t i = 0; i < cols; ++i) x[i] = -inf;
      x[1] = T(1e30);
      k.softmax(y.data(), x.data(), 1, cols);
      CHECK(y[1] == 1);
      CHECK(y[0] == 0);
      T lse = 0;
      k.logsumexp(&lse, x.data(), 1, cols);
      CHECK(lse == T(1e30));
      x[1] = -inf;
      k.logsumexp(&lse, x.data(), 1, cols);
      CHECK(lse == -inf);
      x[1] = inf;
      k.logsumexp(&lse, x.data(), 1, cols);
      CHECK(lse == inf);
    }
  }
}

TEST_CASE_TEMPLATE("a row of softmax has the same bits whatever rows stand with it", T, float,
                   double) {
  std::mt19937 random(9);
  for (const Kernels* table : wide_tables()) {
    const KernelsOf<T>& k = table->of<T>();
    for (std::int64_t cols : {1, 2, 3, 4, 7, 8, 16, 20}) {
      const std::int64_t rows = 21, n = rows * cols;
      Array<T> x(random, n, 6), y(n), one_y(n);
      const Array<T> dy(random, n, 1);
      for (std::int64_t j = 0; j < cols; ++j) x[5 * cols + j] = std::numeric_limits<T>::quiet_NaN();
      Array<T> dx(n), one_dx(n);
      k.softmax(y.data(), x.data(), rows, cols);
      k.softmax_backward(dx.data(), dy.data(), y.data(), rows, cols);
      for (std::int64_t i = 0; i < rows; ++i) {
        const std::int64_t at = i * cols;
        k.softmax(one_y.data() + at, x.data() + at, 1, cols);
        k.softmax_backward(one_dx.data() + at, dy.data() + at, one_y.data() + at, 1, cols);
      }
      INFO("table " << std::string(table->isa) << " cols " << cols);
      for (std::int64_t i = 0; i < n; ++i) {
        const bool is_nan = i / cols == 5;
        REQUIRE((is_nan ? y[i] != y[i] : y[i] == one_y[i]));
        REQUIRE((is_nan ? dx[i] != dx[i] : dx[i] == one_dx[i]));
      }
      REQUIRE(y.marks_stand());
      REQUIRE(dx.marks_stand());
    }
  }
}

TEST_CASE_TEMPLATE("layer_norm and rms_norm and their backwards agree with the plain twins", T,
                   float, double) {
  std::mt19937 random(2);
  for (const Kernels* table : wide_tables()) {
    for (const Shape s : shapes()) {
      const std::int64_t n = s.rows * s.cols;
      if (s.cols == 1) continue;  // 0 times 1 / sqrt(eps): below
      Array<T> x(random, n, 2, s.cols % 3);
      const Array<T> dy(random, n, 1), w(random, s.cols, 1), b(random, s.cols, 1);
      for (std::int64_t i = 0; i < n; ++i) x[i] += T(0.5);
      for (int given = 0; given < 4; ++given) {
        const T* weight = given & 1 ? w.data() : nullptr;
        const T* bias = given & 2 ? b.data() : nullptr;
        const auto outputs = [&](const KernelsOf<T>& k, Array<T>& y, Array<T>& mean,
                                 Array<T>& rstd) {
          k.layer_norm(y.data(), mean.data(), rstd.data(), x.data(), weight, bias, s.rows, s.cols,
                       1e-5);
        };
        Array<T> y(n), y0(n), mean(s.rows), mean0(s.rows), rstd(s.rows), rstd0(s.rows);
        outputs(table->of<T>(), y, mean, rstd);
        outputs(plain().of<T>(), y0, mean0, rstd0);
        INFO("table " << std::string(table->isa) << " rows " << s.rows << " cols " << s.cols
                      << " given " << given);
        REQUIRE(relative_error(y, y0) <= 2 * kTolerance<T>);
        REQUIRE(relative_error(mean, mean0) <= kTolerance<T>);
        REQUIRE(relative_error(rstd, rstd0) <= kTolerance<T>);
        REQUIRE((y.marks_stand() && mean.marks_stand() && rstd.marks_stand()));

        // dx is a small difference of terms of this size.
        double scale = 1e-300;
        for (std::int64_t i = 0; i < s.rows; ++i)
          scale = std::max(scale, static_cast<double>(rstd0[i]));
        const auto back = [&](const KernelsOf<T>& k, T* dx, T* dw, T* db) {
          k.layer_norm_backward(dx, dw, db, dy.data(), x.data(), mean0.data(), rstd0.data(), weight,
                                s.rows, s.cols);
        };
        Array<T> dx(n), dx0(n), dw(s.cols), dw0(s.cols), db(s.cols), db0(s.cols), only(s.cols);
        back(table->of<T>(), dx.data(), dw.data(), db.data());
        back(plain().of<T>(), dx0.data(), dw0.data(), db0.data());
        REQUIRE(relative_error(dx, dx0, scale) <= 5 * kTolerance<T>);
        REQUIRE(relative_error(dw, dw0) <= 2 * kTolerance<T>);
        REQUIRE(relative_error(db, db0) <= 2 * kTolerance<T>);
        REQUIRE((dx.marks_stand() && dw.marks_stand() && db.marks_stand()));
        back(table->of<T>(), nullptr, only.data(), nullptr);
        for (std::int64_t j = 0; j < s.cols; ++j) REQUIRE(only[j] == dw[j]);

        const auto rms = [&](const KernelsOf<T>& k, Array<T>& out, Array<T>& r) {
          k.rms_norm(out.data(), r.data(), x.data(), weight, s.rows, s.cols, 1e-6);
        };
        rms(table->of<T>(), y, rstd);
        rms(plain().of<T>(), y0, rstd0);
        REQUIRE(relative_error(y, y0) <= 2 * kTolerance<T>);
        REQUIRE(relative_error(rstd, rstd0) <= kTolerance<T>);
        table->of<T>().rms_norm_backward(dx.data(), dw.data(), dy.data(), x.data(), rstd0.data(),
                                         weight, s.rows, s.cols);
        plain().of<T>().rms_norm_backward(dx0.data(), dw0.data(), dy.data(), x.data(), rstd0.data(),
                                          weight, s.rows, s.cols);
        REQUIRE(relative_error(dx, dx0, scale) <= 5 * kTolerance<T>);
        REQUIRE(relative_error(dw, dw0) <= 2 * kTolerance<T>);
      }
    }
  }
}

TEST_CASE_TEMPLATE("layer_norm of a single column is its bias", T, float, double) {
  for (const Kernels* table : wide_tables()) {
    const T x[2] = {T(3), T(-5)}, w = T(2), b = T(0.25);
    T y[2], mean[2], rstd[2];
    table->of<T>().layer_norm(y, mean, rstd, x, &w, &b, 2, 1, 1e-5);
    CHECK(y[0] == b);
    CHECK(y[1] == b);
  }
}

TEST_CASE_TEMPLATE("cross entropy agrees with the plain twin, ignored rows included", T, float,
                   double) {
  std::mt19937 random(3);
  for (const Kernels* table : wide_tables()) {
    for (const Shape s : shapes()) {
      const std::int64_t n = s.rows * s.cols;
      const Array<T> x(random, n, 5, s.cols % 3), scale(random, s.rows + 1, 1);
      std::vector<std::int64_t> target(static_cast<std::size_t>(s.rows));
      for (std::int64_t& t : target) {
        t = static_cast<std::int64_t>(random() % static_cast<std::uint32_t>(s.cols));
        if (random() % 4 == 0) t = -100;
      }
      Array<T> loss(s.rows), loss0(s.rows), lse(s.rows), lse0(s.rows), dx(n), dx0(n);
      table->of<T>().cross_entropy(loss.data(), lse.data(), x.data(), target.data(), s.rows, s.cols,
                                   -100);
      plain().of<T>().cross_entropy(loss0.data(), lse0.data(), x.data(), target.data(), s.rows,
                                    s.cols, -100);
      INFO("table " << std::string(table->isa) << " rows " << s.rows << " cols " << s.cols);
      REQUIRE(relative_error(loss, loss0) <= kTolerance<T>);
      REQUIRE(relative_error(lse, lse0) <= kTolerance<T>);
      for (std::int64_t step : {0, 1}) {
        table->of<T>().cross_entropy_backward(dx.data(), x.data(), lse0.data(), target.data(),
                                              scale.data(), step, s.rows, s.cols, -100);
        plain().of<T>().cross_entropy_backward(dx0.data(), x.data(), lse0.data(), target.data(),
                                               scale.data(), step, s.rows, s.cols, -100);
        REQUIRE(relative_error(dx, dx0) <= kTolerance<T>);
        REQUIRE(dx.marks_stand());
      }
    }
  }
}

TEST_CASE_TEMPLATE("reductions agree with the plain twin, along rows and down columns", T, float,
                   double) {
  std::mt19937 random(4);
  std::vector<Shape> all = shapes();
  all.push_back({1, 1000003});
  all.push_back({40000, 17});
  all.push_back({100003, 1});
  for (const Kernels* table : wide_tables()) {
    for (const Shape s : all) {
      Array<T> x(random, s.rows * s.cols, 1, s.cols % 3);
      for (int op = 0; op < static_cast<int>(ReduceOp::kCount); ++op) {
        if (op == static_cast<int>(ReduceOp::Prod) && s.rows * s.cols > 1000) continue;
        for (bool down : {false, true}) {
          const std::int64_t n = down ? s.cols : s.rows;
          Array<T> got(n), expected(n);
          const auto run = [&](const KernelsOf<T>& k, T* out) {
            (down ? k.reduce_cols : k.reduce_rows)[op](out, x.data(), s.rows, s.cols);
          };
          run(table->of<T>(), got.data());
          run(plain().of<T>(), expected.data());
          // The scale of what is summed: at random signs sums grow with the root of their length.
          const double length = static_cast<double>(down ? s.rows : s.cols);
          const double scale =
              op == static_cast<int>(ReduceOp::SumSquares) ? length : std::sqrt(length);
          double worst = 0;
          for (std::int64_t i = 0; i < n; ++i) {
            const double error =
                same(got[i], expected[i])
                    ? 0
                    : std::fabs(static_cast<double>(got[i]) - static_cast<double>(expected[i]));
            if (!(error <= worst)) worst = error;
          }
          INFO("table " << std::string(table->isa) << " op " << op << " down " << down << " rows "
                        << s.rows << " cols " << s.cols);
          REQUIRE(worst <= kTolerance<T> * scale);
          REQUIRE(got.marks_stand());
        }
      }
    }
  }
}

TEST_CASE_TEMPLATE("maxima and minima keep NaN wherever it stands, empty sums are 0", T, float,
                   double) {
  const T nan = std::numeric_limits<T>::quiet_NaN();
  for (const Kernels* table : wide_tables()) {
    for (std::int64_t n : {1, 2, 7, 16, 33, 100, 70000}) {
      for (std::int64_t at : {std::int64_t{0}, n / 2, n - 1}) {
        Array<T> x(n);
        for (std::int64_t i = 0; i < n; ++i) x[i] = T(i % 10);
        x[at] = nan;
        for (ReduceOp op : {ReduceOp::Max, ReduceOp::Min}) {
          T y = 0;
          table->of<T>().reduce_rows[static_cast<int>(op)](&y, x.data(), 1, n);
          CHECK(y != y);
          table->of<T>().reduce_cols[static_cast<int>(op)](&y, x.data(), n, 1);
          CHECK(y != y);
        }
        std::vector<T> wide(static_cast<std::size_t>(3 * n), T(1));
        wide[static_cast<std::size_t>(3 * at + 1)] = nan;
        T y[3];
        table->of<T>().reduce_cols[static_cast<int>(ReduceOp::Max)](y, wide.data(), n, 3);
        CHECK(y[0] == 1);
        CHECK(y[1] != y[1]);
        CHECK(y[2] == 1);
      }
    }
    T y[2] = {T(5), T(5)};
    table->of<T>().reduce_rows[static_cast<int>(ReduceOp::Sum)](y, y, 2, 0);
    CHECK(y[0] == 0);
    y[0] = y[1] = T(5);
    table->of<T>().reduce_cols[static_cast<int>(ReduceOp::Sum)](y, y, 0, 2);
    CHECK(y[0] == 0);
    CHECK(y[1] == 0);
  }
}

TEST_CASE("a sum of ten million floats is right to 1e-6 of the scale of what is summed") {
  const std::int64_t n = 10000000;
  std::vector<float> x(static_cast<std::size_t>(n));
  std::mt19937 random(5);
  std::uniform_real_distribution<float> draw(0.f, 1.f);
  double exact = 0;
  for (float& value : x) exact += static_cast<double>(value = draw(random));
  for (const Kernels* table : wide_tables()) {
    float y = 0;
    table->f32.reduce_rows[static_cast<int>(ReduceOp::Sum)](&y, x.data(), 1, n);
    CHECK(std::fabs(static_cast<double>(y) - exact) <= 1e-7 * exact);
  }
}

TEST_CASE_TEMPLATE("optimizer steps agree with the plain twin, every option", T, float, double) {
  std::mt19937 random(6);
  for (const Kernels* table : wide_tables()) {
    for (std::int64_t n : {0, 1, 3, 16, 37, 100001}) {
      for (int options = 0; options < 64; ++options) {
        if (n > 1000 && options % 9 != 0) continue;
        const Array<T> param(random, n, 1, 1), grad(random, n, 1, 2), m(random, n, 1);
        Array<T> v(random, n, 1), most(random, n, 1);
        for (std::int64_t i = 0; i < n; ++i) v[i] = std::fabs(v[i]), most[i] = std::fabs(most[i]);
        const bool a = options & 1, b = options & 2, c = options & 4, d = options & 8,
                   e = options & 16;
        Array<T> p1 = param, p2 = param, m1 = m, m2 = m, v1 = v, v2 = v, l1 = most, l2 = most;
        const auto sgd = [&](const KernelsOf<T>& k, Array<T>& p, Array<T>& buffer) {
          k.sgd({n, p.data(), grad.data(), a ? buffer.data() : nullptr, b, T(0.1), T(0.9),
                 T(c ? 0.2 : 0), T(d ? 0.05 : 0), e && !c, (options & 32) != 0});
        };
        sgd(table->of<T>(), p1, m1);
        sgd(plain().of<T>(), p2, m2);
        INFO("table " << std::string(table->isa) << " n " << n << " options " << options);
        REQUIRE(relative_error(p1, p2, 1) <= kTolerance<T>);
        REQUIRE(relative_error(m1, m2, 1) <= kTolerance<T>);
        REQUIRE((p1.marks_stand() && m1.marks_stand()));
        const auto adam = [&](const KernelsOf<T>& k, Array<T>& p, Array<T>& avg, Array<T>& sq,
                              Array<T>& largest) {
          k.adam({n, p.data(), grad.data(), avg.data(), sq.data(), a ? largest.data() : nullptr,
                  1e-2, 0.9, 0.999, 1e-8, b ? 0.1 : 0, 1 - std::pow(0.9, 3), 1 - std::pow(0.999, 3),
                  c, d});
        };
        adam(table->of<T>(), p1, m1, v1, l1);
        adam(plain().of<T>(), p2, m2, v2, l2);
        REQUIRE(relative_error(p1, p2, 1) <= 2 * kTolerance<T>);
        REQUIRE(relative_error(m1, m2, 1) <= kTolerance<T>);
        REQUIRE(relative_error(v1, v2, 1) <= kTolerance<T>);
        REQUIRE(relative_error(l1, l2, 1) <= kTolerance<T>);
        REQUIRE((p1.marks_stand() && m1.marks_stand() && v1.marks_stand() && l1.marks_stand()));
      }
    }
  }
}

TEST_CASE_TEMPLATE("copies from any strides give every element its place", T, float, double) {
  std::mt19937 random(7);
  for (const Kernels* table : wide_tables()) {
    for (std::int64_t rows : {0, 1, 3, 8, 16, 17, 33, 100, 700}) {
      for (std::int64_t cols : {0, 1, 4, 8, 15, 16, 31, 64, 130}) {
        const std::int64_t strides[][2] = {{cols, 1},     {1, rows},     {cols + 3, 1},
                                           {1, rows + 5}, {2 * cols, 2}, {3, 3 * rows},
                                           {0, 1},        {1, 0}};
        for (const auto& stride : strides) {
          const Array<T> x(random, 2 * rows * cols + 8 * (rows + cols) + 8, 9);
          const std::int64_t row = stride[0], col = stride[1];
          if (row * rows + col * cols > x.n) continue;
          Array<T> y(rows * cols, rows % 4);
          table->of<T>().copy_2d(y.data(), x.data(), rows, cols, row, col);
          std::int64_t wrong = 0;
          for (std::int64_t i = 0; i < rows; ++i) {
            for (std::int64_t j = 0; j < cols; ++j)
              wrong += y[i * cols + j] != x[i * row + j * col];
          }
          INFO("table " << std::string(table->isa) << " rows " << rows << " cols " << cols
                        << " strides " << row << " " << col);
          REQUIRE(wrong == 0);
          REQUIRE(y.marks_stand());
        }
      }
    }
  }
}

TEST_CASE("the bits of row-wise kernels do not depend on the number of threads") {
  std::mt19937 random(8);
  const int threads_before = heed::num_threads();
  const std::int64_t rows = 500, cols = 301, n = rows * cols;
  const Array<float> x(random, n, 3), dy(random, n, 1), w(random, cols, 1);
  for (const Kernels* table : wide_tables()) {
    const KernelsOf<float>& k = table->f32;
    std::vector<float> first;
    for (int threads : {1, 2, 7}) {
      heed::set_num_threads(threads);
      Array<float> y(n), mean(rows), rstd(rows), dx(n), dw(cols), db(cols), sums(cols), total(1);
      k.softmax(y.data(), x.data(), rows, cols);
      k.layer_norm(dx.data(), mean.data(), rstd.data(), x.data(), w.data(), w.data(), rows, cols,
                   1e-5);
      k.layer_norm_backward(dx.data(), dw.data(), db.data(), dy.data(), x.data(), mean.data(),
                            rstd.data(), w.data(), rows, cols);
      k.reduce_cols[0](sums.data(), x.data(), rows, cols);
      k.reduce_rows[0](total.data(), x.data(), 1, n);
      std::vector<float> bits;
      for (const Array<float>* a : {&y, &dx, &dw, &db, &sums, &total}) {
        bits.insert(bits.end(), a->data(), a->data() + a->n);
      }
      if (threads == 1) first = bits;
      INFO("table " << std::string(table->isa) << " threads " << threads);
      CHECK(bits == first);
    }
  }
  heed::set_num_threads(threads_before);
}

}  // namespace
