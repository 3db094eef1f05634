// A pool of threads that take numbered tasks one by one. No order among tasks is promised: results must not need one.
#ifndef TIDEGATE_POOL_H
#define TIDEGATE_POOL_H
#include <stdint.h>

namespace tidegate {

// Runs task(context, i, worker) for i in [0, tasks) on at most `threads` threads, the caller among them;
// worker is in [0, threads). Calls from several threads at once, or from inside a task, run on the caller alone.
void run(int64_t tasks, int64_t threads, void (*task)(void*, int64_t i, int64_t worker), void* context);

template <class F> void parallel(int64_t tasks, int64_t threads, F& f) {
  run(tasks, threads, [](void* context, int64_t i, int64_t worker) { (*static_cast<F*>(context))(i, worker); }, &f);
}

// Runs f(phase, part) for every part of phase 0, then of phase 1, and so on: no part begins before the phase before has
// ended. Threads wait for each other without sleeping, so phases of a few microseconds pay.
void run_phases(int64_t phases, int64_t parts, int64_t threads, void (*task)(void*, int64_t phase, int64_t part), void* context);

template <class F> void in_phases(int64_t phases, int64_t parts, int64_t threads, F& f) {
  run_phases(phases, parts, threads, [](void* context, int64_t phase, int64_t part) { (*static_cast<F*>(context))(phase, part); }, &f);
}

}  // namespace tidegate
#endif
