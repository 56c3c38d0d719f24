// Runs the comparisons and prints one table of ratios, also as Markdown (--markdown FILE).
//
// Each pair first runs once and compares results. Then Google Benchmark runs its rounds, each of
// which times both sides and the machine's limit, one after the other (measure.h); a ratio is the
// median of the rounds' ratios, a time that of the rounds' times.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>

#include "heed.h"
#include "tests/bench/case.h"
#include "tests/bench/measure.h"

namespace heed::bench {

std::vector<Case>& cases() {
  static std::vector<Case> all;
  return all;
}

}  // namespace heed::bench

namespace {

/// The report is ours: Google Benchmark's own says nothing.
class Silence : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>&) override { std::fputc('.', stderr); }
};

/// Of the cases, in the order in which they were first named.
std::vector<std::string> groups() {
  std::vector<std::string> all;
  for (const heed::bench::Case& c : heed::bench::cases()) {
    if (std::find(all.begin(), all.end(), c.group) == all.end()) all.push_back(c.group);
  }
  return all;
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// The median over the rounds of `value(round)`.
template <class Value>
double median_of(std::size_t rounds, Value value) {
  std::vector<double> all;
  for (std::size_t i = 0; i < rounds; ++i) all.push_back(value(i));
  return median(std::move(all));
}

std::string time_text(double ns) {
  char text[32];
  if (ns < 1e3) {
    std::snprintf(text, sizeof text, "%.1f ns", ns);
  } else if (ns < 1e6) {
    std::snprintf(text, sizeof text, "%.2f µs", ns / 1e3);
  } else {
    std::snprintf(text, sizeof text, "%.2f ms", ns / 1e6);
  }
  return text;
}

std::string number(double value, const char* format = "%.2f") {
  char text[32];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace heed::bench;
  std::string markdown, filter;
  std::vector<char*> rest = {argv[0]};
  for (int i = 1; i < argc; ++i) {
    if (!std::strcmp(argv[i], "--markdown") && i + 1 < argc) {
      markdown = argv[++i];
    } else if (!std::strcmp(argv[i], "--only") && i + 1 < argc) {
      filter = argv[++i];
    } else {
      rest.push_back(argv[i]);
    }
  }
  int count = static_cast<int>(rest.size());
  benchmark::Initialize(&count, rest.data());
  if (benchmark::ReportUnrecognizedArguments(count, rest.data())) return 2;

  heed::set_num_threads(1);
  add_matmul_cases();
  add_notebook_cases();
  add_gpt_cases();
  add_attention_cases();
  add_rowwise_cases();
  add_optimizer_cases();
  add_graph_cases();
  add_thread_cases();
  const std::vector<std::string> all = groups();
  std::erase_if(cases(),
                [&](const Case& c) { return !(c.group + ", " + c.name).starts_with(filter); });
  if (cases().empty()) {
    std::fprintf(stderr, "no case starts with \"%s\"; the groups are:\n", filter.c_str());
    for (const std::string& group : all) std::fprintf(stderr, "  %s\n", group.c_str());
    return 2;
  }

  std::vector<Rounds> measured(cases().size());
  bool ok = true;
  for (std::size_t i = 0; i < cases().size(); ++i) {
    const Case& c = cases()[i];
    if (c.difference) {
      const double difference = c.difference();
      if (!(difference <= c.tolerance)) {
        std::fprintf(stderr, "%s, %s: results differ by %g (at most %g)\n", c.group.c_str(),
                     c.name.c_str(), difference, c.tolerance);
        ok = false;
        continue;
      }
    }
    add_rounds(c, measured[i]);
  }
  Silence silence;
  benchmark::RunSpecifiedBenchmarks(&silence);
  std::fputc('\n', stderr);

  double limit = fma_rate(), bandwidth = copy_rate(0);
  for (std::size_t i = 0; i < measured.size(); ++i) {
    double& best = cases()[i].flops > 0 ? limit : bandwidth;
    for (const double rate : measured[i].rate) best = std::max(best, rate);
  }
  std::ostringstream out;
  out << "Instruction set " << heed::simd_isa() << "; FMA limit of one core "
      << number(limit / 1e9, "%.0f") << " GFLOP/s (float32); copy bandwidth "
      << number(bandwidth / 1e9, "%.1f") << " GB/s (read + write); both at best.\n";
  for (const std::string& group : groups()) {  // a table each
    out << "\n### " << group << "\n\n| work | heed | peer | ratio | goal | of the limit |\n"
        << "| --- | --- | --- | --- | --- | --- |\n";
    for (std::size_t i = 0; i < measured.size(); ++i) {
      const Case& c = cases()[i];
      const Rounds& r = measured[i];
      if (c.group != group || r.ours.empty()) continue;
      out << "| " << c.name << " | " << time_text(median(r.ours)) << " | ";
      if (r.peer.empty()) {
        out << "– | –";
      } else {
        out << time_text(median(r.peer)) << " " << c.peer_name << " | "
            << number(median_of(r.ours.size(), [&](auto k) { return r.peer[k] / r.ours[k]; }));
      }
      out << " | " << (c.goal > 0 ? number(c.goal, "%g") : "–") << " | ";
      const double work = c.flops > 0 ? c.flops : c.bytes;
      const double share = median_of(r.rate.size(), [&](std::size_t k) {
        return r.rate[k] > 0 ? work / (r.ours[k] * 1e-9) / r.rate[k] : 0;
      });
      if (share > 0) {
        out << number(share * 100, "%.0f") << (c.flops > 0 ? " % FMA" : " % bandwidth");
      }
      out << " |\n";
    }
  }
  std::fputs(out.str().c_str(), stdout);
  if (!markdown.empty()) {
    std::ofstream file(markdown);
    file << out.str();
    if (!file.flush()) {
      std::fprintf(stderr, "could not write %s\n", markdown.c_str());
      return 1;
    }
  }
  return ok ? 0 : 1;
}
