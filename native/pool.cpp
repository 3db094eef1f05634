#include "pool.h"

#include "api.h"

#include <pthread.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace tidegate {
namespace {

#if defined(__x86_64__)
inline void relax() { __builtin_ia32_pause(); }
#else
inline void relax() { __asm__ __volatile__("yield"); }
#endif

constexpr int SPINS = 2000;  // tens of microseconds: the next call of a training step usually comes within them

struct Job {
  void (*task)(void*, int64_t, int64_t) = nullptr;
  void* context = nullptr;
  int64_t tasks = 0, workers = 0;
};

// A ticket is the round in its upper half and the next task in its lower half: a thread that wakes late cannot take
// a task of another round, so nobody has to wait for threads that found nothing to do.
class Pool {
 public:
  void run(const Job& job) {
    grow(job.workers - 1);
    uint64_t round;
    {
      std::lock_guard<std::mutex> guard(lock_);
      job_ = job;
      finished_.store(0, std::memory_order_relaxed);
      round = ((ticket_.load(std::memory_order_relaxed) >> 32) + 1) & 0xffffffffu;
      ticket_.store(round << 32, std::memory_order_release);
    }
    wake_.notify_all();
    work(job, round, 0);
    for (int i = 0; i < SPINS && finished_.load(std::memory_order_acquire) < job.tasks; ++i) relax();
    if (finished_.load(std::memory_order_acquire) < job.tasks) {
      std::unique_lock<std::mutex> guard(lock_);
      done_.wait(guard, [&] { return finished_.load(std::memory_order_acquire) >= job.tasks; });
    }
  }

 private:
  uint64_t round() const { return ticket_.load(std::memory_order_acquire) >> 32; }

  void work(const Job& job, uint64_t round, int64_t worker) {
    for (;;) {
      uint64_t ticket = ticket_.load(std::memory_order_acquire);
      do {
        if (ticket >> 32 != round || static_cast<int64_t>(ticket & 0xffffffffu) >= job.tasks) return;
      } while (!ticket_.compare_exchange_weak(ticket, ticket + 1, std::memory_order_acq_rel));
      job.task(job.context, static_cast<int64_t>(ticket & 0xffffffffu), worker);
      if (finished_.fetch_add(1, std::memory_order_acq_rel) + 1 == job.tasks && worker != 0) {
        std::lock_guard<std::mutex> guard(lock_);
        done_.notify_one();
      }
    }
  }

  void grow(int64_t count) {
    while (threads_ < count) {
      const int64_t worker = ++threads_;
      const uint64_t seen = round();
      std::thread([this, worker, seen] { serve(worker, seen); }).detach();
    }
  }

  void serve(int64_t worker, uint64_t seen) {
    for (;;) {
      for (int i = 0; i < SPINS && round() == seen; ++i) relax();
      Job job;
      {
        std::unique_lock<std::mutex> guard(lock_);
        wake_.wait(guard, [&] { return round() != seen; });
        seen = round();
        job = job_;
      }
      if (worker < job.workers) work(job, seen, worker);
    }
  }

  std::mutex lock_;
  std::condition_variable wake_, done_;
  Job job_;
  int64_t threads_ = 0;
  std::atomic<uint64_t> ticket_{0};
  std::atomic<int64_t> finished_{0};
};

std::atomic<Pool*> pool{nullptr};
std::atomic_flag busy = ATOMIC_FLAG_INIT;

// The threads of an OpenMP runtime that the process has anyway (torch's). They spin for milliseconds after each of its
// parallel regions: threads of our own would have to share a core with them just then.
using Openmp = void (*)(void (*)(void*), void*, unsigned, unsigned);  // GOMP_parallel
std::atomic<Openmp> openmp{nullptr};

struct Team {
  Job job;
  std::atomic<int64_t> next{0}, worker{0};
};

void work_in_team(void* context) {
  Team& team = *static_cast<Team*>(context);
  const int64_t worker = team.worker.fetch_add(1, std::memory_order_relaxed);
  for (int64_t task; (task = team.next.fetch_add(1, std::memory_order_relaxed)) < team.job.tasks;)
    team.job.task(team.job.context, task, worker);
}

// A child of fork() has none of the parent's threads: it starts a pool of its own.
void after_fork() {
  pool.store(new Pool);
  openmp.store(nullptr);
  busy.clear();
}

}  // namespace

void run(int64_t tasks, int64_t threads, void (*task)(void*, int64_t, int64_t), void* context) {
  const int64_t workers = threads < tasks ? threads : tasks;
  if (workers <= 1 || busy.test_and_set(std::memory_order_acquire)) {
    for (int64_t i = 0; i < tasks; ++i) task(context, i, 0);
    return;
  }
  if (!pool.load()) {
    pool.store(new Pool);
    pthread_atfork(nullptr, nullptr, after_fork);
  }
  const Job job{task, context, tasks, workers};
  if (Openmp parallel = openmp.load()) {
    Team team;
    team.job = job;
    parallel(work_in_team, &team, static_cast<unsigned>(workers), 0);
  } else {
    pool.load()->run(job);
  }
  busy.clear(std::memory_order_release);
}

// Every part is claimed once, by whoever comes first; a thread tries the part that it had before first, whose weights are in
// its cache. What a claimed part waits for has been claimed by threads that are at work: they never wait in a circle.
void run_phases(int64_t phases, int64_t parts, int64_t threads, void (*task)(void*, int64_t, int64_t), void* context) {
  std::vector<std::atomic<bool>> claimed(static_cast<size_t>(phases * parts));
  std::atomic<int64_t> finished{0};
  auto work = [&](int64_t, int64_t worker) {
    for (int64_t phase = 0; phase < phases; ++phase)
      for (int64_t i = 0; i < parts; ++i) {
        const int64_t part = (worker + i) % parts;
        if (claimed[static_cast<size_t>(phase * parts + part)].exchange(true, std::memory_order_relaxed)) continue;
        for (int64_t spins = 0; finished.load(std::memory_order_acquire) < phase * parts;)
          if (++spins < SPINS) relax();
          else std::this_thread::yield();
        task(context, phase, part);
        finished.fetch_add(1, std::memory_order_release);
      }
  };
  parallel(threads < parts ? threads : parts, threads, work);
}

}  // namespace tidegate

extern "C" void tg_use_openmp(void* parallel) { tidegate::openmp.store(reinterpret_cast<tidegate::Openmp>(parallel)); }
