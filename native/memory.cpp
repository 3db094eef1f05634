#include "memory.h"

#include <cstdlib>
#include <map>
#include <mutex>
#include <unordered_map>
#include <unordered_set>

#if !defined(_WIN32)
#include <pthread.h>
#endif
#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "api.h"

namespace tidegate {
namespace {

constexpr int64_t HUGE_PAGE = int64_t{1} << 21;

struct Blocks {
  std::mutex lock;
  std::multimap<int64_t, void*> unused;            // by size
  std::unordered_map<void*, int64_t> size;         // of every block, used or not
  std::unordered_set<void*> used;                  // a block that is released twice is released once
  int64_t held = 0, unused_bytes = 0;
};

Blocks& blocks();

// A thread that forks holds the lock over the fork, so that no other thread of the parent leaves it locked in the child.
void before_fork() { blocks().lock.lock(); }
void after_fork() { blocks().lock.unlock(); }

Blocks& blocks() {
  static Blocks* all = [] {
    Blocks* made = new Blocks;  // never destroyed: worker threads may outlive static destructors
#if !defined(_WIN32)
    pthread_atfork(before_fork, after_fork, after_fork);
#endif
    return made;
  }();
  return *all;
}

int64_t rounded(int64_t bytes) {
  int64_t unit = 256;
  while (unit * 8 < bytes) unit *= 2;  // at most an eighth is wasted
  return (bytes + unit - 1) / unit * unit;
}

}  // namespace

void* acquire(int64_t bytes) {
  if (bytes <= 0 || bytes > (int64_t{1} << 46)) return nullptr;
  bytes = rounded(bytes);
  Blocks& all = blocks();
  std::lock_guard<std::mutex> guard(all.lock);
  auto found = all.unused.lower_bound(bytes);
  if (found != all.unused.end() && found->first <= bytes + bytes / 4) {
    void* block = found->second;
    all.unused_bytes -= found->first;
    all.unused.erase(found);
    all.used.insert(block);
    return block;
  }
  void* block = nullptr;
  if (posix_memalign(&block, bytes >= HUGE_PAGE ? HUGE_PAGE : 64, static_cast<size_t>(bytes)) != 0) return nullptr;
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  if (bytes >= HUGE_PAGE) madvise(block, static_cast<size_t>(bytes), MADV_HUGEPAGE);
#endif
  all.size.emplace(block, bytes);
  all.used.insert(block);
  all.held += bytes;
  return block;
}

void release(void* block) {
  if (!block) return;
  Blocks& all = blocks();
  std::lock_guard<std::mutex> guard(all.lock);
  if (!all.used.erase(block)) return;
  auto found = all.size.find(block);
  all.unused.emplace(found->second, block);
  all.unused_bytes += found->second;
  // Sizes that a program no longer uses must not pile up: keep at most what is in use, or 256 MB.
  const int64_t used = all.held - all.unused_bytes, limit = used > (int64_t{1} << 28) ? used : int64_t{1} << 28;
  while (all.unused_bytes > limit) {
    auto largest = std::prev(all.unused.end());
    all.held -= largest->first;
    all.unused_bytes -= largest->first;
    all.size.erase(largest->second);
    free(largest->second);
    all.unused.erase(largest);
  }
}

}  // namespace tidegate

extern "C" {
void* tg_acquire(int64_t bytes) { return tidegate::acquire(bytes); }
void tg_release(void* block) { tidegate::release(block); }
int64_t tg_held_bytes(void) {
  tidegate::Blocks& all = tidegate::blocks();
  std::lock_guard<std::mutex> guard(all.lock);
  return all.held;
}
void tg_trim(void) {
  tidegate::Blocks& all = tidegate::blocks();
  std::lock_guard<std::mutex> guard(all.lock);
  for (auto& [bytes, block] : all.unused) {
    all.held -= bytes;
    all.size.erase(block);
    free(block);
  }
  all.unused.clear();
  all.unused_bytes = 0;
}
}
