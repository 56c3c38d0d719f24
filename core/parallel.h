// Work shared between threads, in pieces that depend on the work alone.
//
// The same program gives the same bits for any number of threads because a piece is never cut
// by the number of threads: parallel_for cuts [begin, end) into chunks of `grain`, and which
// thread runs a chunk changes nothing in it. A kernel that adds up across chunks keeps one
// partial a chunk and combines them in chunk order.
#pragma once

#include <cstdint>
#include <type_traits>

namespace heed {

/// Threads that heed may use. Starts as HEED_NUM_THREADS, else the number of cores.
int num_threads();

/// Sets the number of threads for the whole process, from 1 to 1024. Results do not depend on it.
void set_num_threads(int threads);

/// Runs body(context, b, e) for consecutive chunks [b, e) of [begin, end), each of `grain` (the
/// last may be shorter). One chunk, a nested call, or one thread: runs on the calling thread. The
/// first exception a chunk throws is rethrown after all have ended. A plain function and a pointer,
/// so that kernels compiled for a wider instruction set may call it (see simd/kernels.h).
void parallel_run(std::int64_t begin, std::int64_t end, std::int64_t grain,
                  void (*body)(void* context, std::int64_t b, std::int64_t e), void* context);

/// parallel_run for a callable body(b, e).
template <class Body>
void parallel_for(std::int64_t begin, std::int64_t end, std::int64_t grain, Body&& body) {
  using Plain = std::remove_reference_t<Body>;
  parallel_run(
      begin, end, grain,
      [](void* context, std::int64_t b, std::int64_t e) { (*static_cast<Plain*>(context))(b, e); },
      const_cast<std::remove_const_t<Plain>*>(&body));
}

/// At least `bytes` of 64-byte aligned memory that belongs to the calling thread until its next
/// call with the same slot. For packing buffers and other scratch inside kernels; never freed
/// before the thread ends. Slots 0 to 3. Throws std::bad_alloc.
void* thread_scratch(int slot, std::int64_t bytes);

}  // namespace heed
