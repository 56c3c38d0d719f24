// The threads behind parallel_run: a small pool of our own.
//
// Why not OpenMP: its run time hangs in a child after fork(), cannot be seen through by
// ThreadSanitizer, differs between compilers, and would be the library's one dependency at run
// time. All that heed asks of threads is one loop over chunks, which is the 100 lines below.
//
// One caller at a time owns the pool; a second thread that arrives meanwhile runs its own chunks
// itself instead of waiting. Bits do not depend on either, since chunks depend on the work alone.
#include "core/parallel.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
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

// One parallel_run: chunks are handed out by a counter.
struct Job {
  std::int64_t begin, end, grain, chunks;
  void (*body)(void* context, std::int64_t b, std::int64_t e);
  void* context;
  std::atomic<std::int64_t> next{0};
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

  void run_all() {
    for (;;) {
      const std::int64_t chunk = next.fetch_add(1, std::memory_order_relaxed);
      if (chunk >= chunks) return;
      run_chunk(chunk);
    }
  }
};

thread_local bool inside_chunk = false;  // nested calls stay on their thread

struct InsideChunk {
  InsideChunk() { inside_chunk = true; }
  ~InsideChunk() { inside_chunk = false; }
  InsideChunk(const InsideChunk&) = delete;
  InsideChunk& operator=(const InsideChunk&) = delete;
};

class Pool {
 public:
  std::mutex owner;  // held for the whole of a job

  // Runs the job on the caller and up to `helpers` workers; returns when all have left it.
  void run(Job& job, int helpers) {
    {
      const std::lock_guard lock(mutex_);
      while (workers_ < helpers && start_worker()) {
      }
      job_ = &job;
      wanted_ = std::min(helpers, workers_);
    }
    wake_.notify_all();
    {
      const InsideChunk inside;
      job.run_all();
    }
    std::unique_lock lock(mutex_);
    job_ = nullptr;  // who has not started yet need not
    wanted_ = 0;
    done_.wait(lock, [&] { return running_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_, done_;
  Job* job_ = nullptr;
  int wanted_ = 0;   // workers that may still join job_
  int running_ = 0;  // workers inside it
  int workers_ = 0;

  // Workers live as long as the process: they are detached, and the pool is never destroyed.
  bool start_worker() {
    try {
      std::thread([this] { work(); }).detach();
    } catch (const std::system_error&) {
      return false;  // no more threads to be had: the caller does the work
    }
    ++workers_;
    return true;
  }

  void work() {
    inside_chunk = true;
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [&] { return wanted_ > 0; });
      --wanted_;
      ++running_;
      Job& job = *job_;
      lock.unlock();
      job.run_all();
      lock.lock();
      if (--running_ == 0) done_.notify_one();
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
