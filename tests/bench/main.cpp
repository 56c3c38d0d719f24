// Runs the comparisons and prints one table of ratios, also as Markdown (--markdown FILE).
//
// Each pair first runs once and compares results. Then both sides are Google Benchmark benchmarks,
// measured in turn (random interleaving) in this one process; the ratio is of the medians.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>

#include "heed.h"
#include "tests/bench/case.h"

namespace heed::bench {

std::vector<Case>& cases() {
  static std::vector<Case> all;
  return all;
}

}  // namespace heed::bench

namespace {

using heed::bench::Case;

/// Gathers every repetition's time, by benchmark name.
class Collector : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      if (run.run_type != Run::RT_Iteration || run.error_occurred) continue;
      times[run.run_name.function_name].push_back(run.GetAdjustedRealTime());
    }
    std::fputc('.', stderr);
  }
  double median(const std::string& name) {
    std::vector<double>& all = times[name];
    if (all.empty()) return 0;
    std::sort(all.begin(), all.end());
    return all[all.size() / 2];
  }

 private:
  std::map<std::string, std::vector<double>> times;
};

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

void run_side(benchmark::State& state, const std::function<void()>& work) {
  for (auto _ : state) {
    work();
    benchmark::ClobberMemory();
  }
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
  std::string flags[] = {"--benchmark_enable_random_interleaving=true", "--benchmark_repetitions=7",
                         "--benchmark_min_time=0.05"};
  for (std::string& flag : flags) rest.insert(rest.begin() + 1, flag.data());
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
  std::erase_if(cases(),
                [&](const Case& c) { return !(c.group + ", " + c.name).starts_with(filter); });

  const double limit = fma_limit(), bandwidth = copy_bandwidth();
  Collector collector;
  bool ok = true;
  for (const Case& c : cases()) {
    const std::string id = c.group + "/" + c.name;
    if (c.difference) {
      const double difference = c.difference();
      if (!(difference <= c.tolerance)) {
        std::fprintf(stderr, "%s: results differ by %g (at most %g)\n", id.c_str(), difference,
                     c.tolerance);
        ok = false;
        continue;
      }
    }
    benchmark::RegisterBenchmark((id + "/ours").c_str(), run_side, c.ours)->UseRealTime();
    if (c.peer)
      benchmark::RegisterBenchmark((id + "/peer").c_str(), run_side, c.peer)->UseRealTime();
  }
  benchmark::RunSpecifiedBenchmarks(&collector);
  std::fputc('\n', stderr);

  std::ostringstream out;
  out << "Instruction set " << heed::simd_isa() << "; FMA limit of one core "
      << number(limit / 1e9, "%.0f") << " GFLOP/s (float32); copy bandwidth "
      << number(bandwidth / 1e9, "%.1f") << " GB/s (read + write).\n";
  // A table a group, in the order in which they were first named.
  std::vector<std::string> groups;
  for (const Case& c : cases()) {
    if (std::find(groups.begin(), groups.end(), c.group) == groups.end()) groups.push_back(c.group);
  }
  std::stable_sort(cases().begin(), cases().end(), [&](const Case& a, const Case& b) {
    return std::find(groups.begin(), groups.end(), a.group) <
           std::find(groups.begin(), groups.end(), b.group);
  });
  std::string group;
  for (const Case& c : cases()) {
    const std::string id = c.group + "/" + c.name;
    const double ours = collector.median(id + "/ours"), peer = collector.median(id + "/peer");
    if (ours == 0) continue;
    if (c.group != group) {
      group = c.group;
      out << "\n### " << group << "\n\n| work | heed | peer | ratio | goal | of the limit |\n"
          << "| --- | --- | --- | --- | --- | --- |\n";
    }
    out << "| " << c.name << " | " << time_text(ours) << " | "
        << (peer > 0 ? time_text(peer) + " " + c.peer_name : "–") << " | "
        << (peer > 0 ? number(peer / ours) : "–") << " | "
        << (c.goal > 0 ? number(c.goal, "%g") : "–") << " | ";
    if (c.flops > 0) {
      out << number(c.flops / ours / (limit / 1e9) * 100, "%.0f") << " % FMA";
    } else if (c.bytes > 0) {
      out << number(c.bytes / ours / (bandwidth / 1e9) * 100, "%.0f") << " % bandwidth";
    }
    out << " |\n";
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
