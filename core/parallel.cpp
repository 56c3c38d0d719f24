// The threads behind parallel_run: a small pool of our own.
//
// Why not OpenMP: its run time hangs in a child after fork(), cannot be seen through by
// ThreadSanitizer, differs between compilers, and would be the library's one dependency at run
// time. All that heed asks of threads is one loop over chunks, which is what is below.
//
// One caller at a time owns the pool; a second thread that arrives meanwhile runs its own chunks
// itself instead of waiting. Bits do not depend on either, since chunks depend on the work alone.
#include "core/parallel.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <new>
#include <thread>

#include "core/error.h"
#include "core/memory.h"

namespace heed {

namespace {

constexpr int kMaxThreads = 1024;

// One parallel_run.
struct Job {
  std::int64_t begin, end, grain, chunks;
  void (*body)(void* context, std::int64_t b, std::int64_t e);
  void* context;
  // The exception of the first chunk, in chunk order, that threw one.
  std::mutex error_mutex{};
  std::int64_t error_chunk = 0;
  std::exception_ptr error{};

  void run_chunk(std::int64_t chunk) {
    const std::int64_t b = begin + chunk * grain;
    const std::int64_t e = end - b > grain ? b + grain : end;
    try {
      body(context, b, e);
    } catch (...) {
      const std::lock_guard lock(error_mutex);
      if (error == nullptr || chunk < error_chunk) {
        error = std::current_exception();
        error_chunk = chunk;
      }
    }
  }
};

// The chunks of a job, cut into a span for each thread, the same one every time, so that what a
// thread wrote in one loop its own caches have in the next (two threads that copy 9 MiB again and
// again in chunks of 32 KiB: 1.98 times as fast as one, and 1.83 where chunks go to whoever comes
// first). Who has finished its span takes chunks of the others'.
class Spans {
 public:
  void cut(std::int64_t chunks, int threads) {
    count_ = std::min(threads, kMost);
    for (int i = 0; i < count_; ++i) {
      spans_[i].next.store(chunks * i / count_, std::memory_order_relaxed);
      spans_[i].end = chunks * (i + 1) / count_;
    }
  }

  // All chunks that nobody else takes, by thread `index` of those they were cut for.
  void run(Job& job, int index) {
    for (int i = 0; i < count_; ++i) {
      Span& span = spans_[(index + i) % count_];
      for (;;) {
        const std::int64_t chunk = span.next.fetch_add(1, std::memory_order_relaxed);
        if (chunk >= span.end) break;
        job.run_chunk(chunk);
      }
    }
  }

 private:
  struct alignas(64) Span {
    std::atomic<std::int64_t> next;
    std::int64_t end;
  };
  static constexpr int kMost = 64;
  int count_ = 0;
  Span spans_[kMost];
};

thread_local bool inside_chunk = false;  // nested calls stay on their thread

struct InsideChunk {
  InsideChunk() { inside_chunk = true; }
  ~InsideChunk() { inside_chunk = false; }
  InsideChunk(const InsideChunk&) = delete;
  InsideChunk& operator=(const InsideChunk&) = delete;
};

// How long a thread looks for what it waits for before it sleeps: some times what it takes to wake
// a sleeping one (25 µs on a virtual Xeon, and as much back again).
constexpr std::chrono::microseconds kPatience{100};

// Whether `ready` came true within kPatience. Others that want the core get it.
template <class Ready>
bool await(const Ready& ready) {
  if (ready()) return true;
  const auto end = std::chrono::steady_clock::now() + kPatience;
  do {
    for (int i = 0; i < 32; ++i) {
      if (ready()) return true;
#if defined(__x86_64__)
      __builtin_ia32_pause();
#elif defined(__aarch64__)
      asm volatile("yield");
#endif
    }
    std::this_thread::yield();
  } while (std::chrono::steady_clock::now() < end);
  return ready();
}

class Pool {
 public:
  std::mutex owner;  // held for the whole of a job

  // Runs the job on the caller and up to `helpers` workers, the first ones; returns when all have
  // left it.
  void run(Job& job, int helpers) {
    {
      const std::lock_guard lock(mutex_);
      while (workers_ < helpers && start_worker()) {
      }
      wanted_ = std::min(helpers, workers_);
      spans_.cut(job.chunks, wanted_ + 1);
      job_ = &job;
      ++jobs_;
    }
    wake_.notify_all();
    {
      const InsideChunk inside;
      spans_.run(job, 0);
    }
    {
      const std::lock_guard lock(mutex_);
      job_ = nullptr;  // who has not started yet need not
    }
    const auto all_left = [&] { return running_.load(std::memory_order_acquire) == 0; };
    if (await(all_left)) return;
    std::unique_lock lock(mutex_);
    done_.wait(lock, all_left);
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_, done_;
  Spans spans_;
  Job* job_ = nullptr;
  std::atomic<std::uint64_t> jobs_{0};  // that there have been
  int wanted_ = 0;                      // how many of the workers job_ is for
  std::atomic<int> running_{0};         // workers inside it
  int workers_ = 0;

  // Workers live as long as the process: they are detached, and the pool is never destroyed.
  bool start_worker() {
    try {
      std::thread([this, index = workers_] { work(index); }).detach();
    } catch (const std::system_error&) {
      return false;  // no more threads to be had: the caller does the work
    }
    ++workers_;
    return true;
  }

  void work(int index) {
    inside_chunk = true;
    for (std::uint64_t last = 0;;) {
      await([&] { return jobs_.load(std::memory_order_relaxed) != last; });
      Job* job = nullptr;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [&] { return job_ != nullptr && jobs_ != last && index < wanted_; });
        last = jobs_;
        ++running_;
        job = job_;
      }
      spans_.run(*job, index + 1);
      if (running_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
        const std::lock_guard lock(mutex_);  // the caller is not between its look and its sleep
        done_.notify_one();
      }
    }
  }
};

// Replaced in the child of a fork, where the workers are gone and a lock may be held for ever.
std::atomic<Pool*> the_pool{nullptr};

Pool& pool() {
  static const bool made = [] {
    the_pool = new Pool;
    pthread_atfork(nullptr, nullptr, [] { the_pool = new Pool; });
    return true;
  }();
  static_cast<void>(made);
  return *the_pool.load(std::memory_order_acquire);
}

int threads_at_start() {
  const char* text = std::getenv("HEED_NUM_THREADS");
  if (text == nullptr || *text == '\0') {
    return std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, kMaxThreads);
  }
  char* rest = nullptr;
  const long value = std::strtol(text, &rest, 10);
  HEED_CHECK(*rest == '\0' && value >= 1 && value <= kMaxThreads, "HEED_NUM_THREADS=", text,
             " is not a number from 1 to ", kMaxThreads, ".");
  return static_cast<int>(value);
}

std::atomic<int>& thread_count() {
  static std::atomic<int> count{threads_at_start()};
  return count;
}

}  // namespace

int num_threads() { return thread_count().load(std::memory_order_relaxed); }

void set_num_threads(int threads) {
  HEED_CHECK(threads >= 1 && threads <= kMaxThreads, "set_num_threads: expected 1 to ", kMaxThreads,
             " threads, got ", threads, ".");
  thread_count().store(threads, std::memory_order_relaxed);
}

void parallel_run(std::int64_t begin, std::int64_t end, std::int64_t grain,
                  void (*body)(void* context, std::int64_t b, std::int64_t e), void* context) {
  if (begin >= end) return;
  if (grain < 1) grain = 1;
  if (end - begin <= grain) {
    body(context, begin, end);
    return;
  }
  const std::int64_t chunks = (end - begin - 1) / grain + 1;
  Job job{begin, end, grain, chunks, body, context};
  const int helpers =
      inside_chunk ? 0 : static_cast<int>(std::min<std::int64_t>(num_threads(), chunks)) - 1;
  bool shared = false;
  if (helpers > 0) {
    Pool& shared_pool = pool();
    if (const std::unique_lock owner(shared_pool.owner, std::try_to_lock); owner.owns_lock()) {
      shared_pool.run(job, helpers);
      shared = true;
    }
  }
  if (!shared) {
    for (std::int64_t chunk = 0; chunk < chunks; ++chunk) job.run_chunk(chunk);
  }
  if (job.error != nullptr) std::rethrow_exception(job.error);
}

namespace {
struct Scratch {
  void* memory = nullptr;
  std::int64_t bytes = 0;
  Scratch() = default;
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { std::free(memory); }
};
}  // namespace

void* thread_scratch(int slot, std::int64_t bytes) {
  static thread_local Scratch slots[4];
  Scratch& scratch = slots[slot];
  if (scratch.bytes < bytes) {
    std::free(scratch.memory);
    scratch.memory = nullptr;
    scratch.bytes = 0;
    // In steps, so that growing sizes do not reallocate at every call.
    const std::int64_t rounded = (bytes + bytes / 4 + 4095) / 4096 * 4096;
    scratch.memory = detail::system_block(static_cast<std::size_t>(rounded));
    if (scratch.memory == nullptr) throw std::bad_alloc();
    scratch.bytes = rounded;
  }
  return scratch.memory;
}

}  // namespace heed
