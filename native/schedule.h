// How the work of a stack is cut among threads: groups of rows, units of a step, shares of packing.
#ifndef TIDEGATE_SCHEDULE_H
#define TIDEGATE_SCHEDULE_H
#include <stdint.h>

#include "api.h"
#include "pool.h"

namespace tidegate {
namespace {

constexpr int64_t GROUP = 48;  // rows that walk through time together: their states and one panel share the cache

// The rows of the batch in equal groups, a multiple of the threads.
struct Groups {
  Groups(int64_t B, int64_t threads) {
    if (B < 1) return;
    const int64_t turns = (B + threads * GROUP - 1) / (threads * GROUP);
    count = threads * turns < B ? threads * turns : B;
    rows = B;
  }
  int64_t first(int64_t i) const { return rows * i / count; }
  int64_t size(int64_t i) const { return first(i + 1) - first(i); }
  int64_t largest() const { return count ? (rows + count - 1) / count : 0; }
  int64_t count = 0, rows = 0;
};

// Whether few rows meet weights so large that threads share the units of a step instead of the rows.
bool by_units(const tg_rnn& r, int64_t threads) {
  if (threads == 1 || r.B > 8 || r.D > 1 || (r.flags & (TG_NORM | TG_BFLOAT16))) return false;
  if ((r.flags & TG_TRAIN) && r.recurrent_dropout > 0) return false;  // a masked state would need a phase of its own
  return 4 * r.H * (r.H + r.I) >= 3 << 16;
}

// Packing is shared where the weights are large; f(i, part, parts) packs of layer and direction i.
template <class F> void pack_parts(const tg_rnn& r, int64_t threads, F f) {
  const int64_t parts = r.H * r.H < 1 << 14 ? 1 : 2 * threads;
  auto task = [&](int64_t i, int64_t) { f(i / parts, i % parts, parts); };
  parallel(r.L * r.D * parts, parts == 1 ? 1 : threads, task);
}

}  // namespace
}  // namespace tidegate
#endif
