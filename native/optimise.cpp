// What is done to many arrays in one call: the optimiser's arithmetic, the norm of gradients, comparison with copies.
#include <algorithm>
#include <atomic>
#include <cstring>
#include <vector>

#include "api.h"
#include "dispatch.h"
#include "pool.h"

namespace tidegate {
namespace {

constexpr int64_t SHARE = 1 << 15;  // elements of one task

template <class S> int adam(const tg_adam& a) {
  const double constants[] = {a.rate / a.correction1, a.beta1, a.beta2, a.epsilon, a.decoupled != 0 ? 0 : a.decay,
                              a.decoupled != 0 ? 1 - a.rate * a.decay : 1, a.scale, 1 / __builtin_sqrt(a.correction2),
                              1 - a.beta1, 1 - a.beta2};
  int64_t total = 0;
  for (int64_t i = 0; i < a.count; ++i) total += a.length[i];
  const int64_t tasks = total < 4 * SHARE ? 1 : (total + SHARE - 1) / SHARE;
  auto task = [&](int64_t t, int64_t) {
    int64_t begin = total * t / tasks, end = total * (t + 1) / tasks, base = 0;
    for (int64_t i = 0; i < a.count && base < end; base += a.length[i++]) {
      const int64_t from = begin > base ? begin - base : 0, to = end - base < a.length[i] ? end - base : a.length[i];
      if (from >= to) continue;
      kernels<S>().adam(to - from, static_cast<S*>(a.value[i]) + from, static_cast<const S*>(a.gradient[i]) + from,
                        static_cast<S*>(a.mean[i]) + from, static_cast<S*>(a.square[i]) + from, constants);
    }
  };
  parallel(tasks, a.threads, task);
  return TG_OK;
}

struct Piece {
  int64_t array, first, n;
};

// Arrays cut into pieces of at most `size` elements, in order.
std::vector<Piece> pieces(int64_t count, const int64_t* length, int64_t size) {
  std::vector<Piece> all;
  for (int64_t i = 0; i < count; ++i)
    for (int64_t first = 0; first < length[i]; first += size) all.push_back({i, first, std::min(length[i] - first, size)});
  return all;
}

// The pieces' sums are added in order: the result does not depend on the threads.
template <class S> double square_sum(int64_t count, const void* const* array, const int64_t* length, int64_t threads) {
  const std::vector<Piece> all = pieces(count, length, SHARE);
  std::vector<double> sums(all.size());
  auto task = [&](int64_t i, int64_t) {
    const Piece& p = all[static_cast<size_t>(i)];
    sums[static_cast<size_t>(i)] = kernels<S>().square_sum(p.n, static_cast<const S*>(array[p.array]) + p.first);
  };
  const int64_t tasks = static_cast<int64_t>(all.size());
  parallel(tasks, tasks < 16 ? 1 : threads, task);
  double total = 0;
  for (double sum : sums) total += sum;
  return total;
}

}  // namespace
}  // namespace tidegate

extern "C" {

int tg_adam_step(const tg_adam* a) {
  if (!a || a->size != static_cast<int64_t>(sizeof *a)) return a ? TG_ERROR_SIZE : TG_ERROR_NULL;
  if (a->dtype < TG_FLOAT32 || a->dtype > TG_FLOAT64) return TG_ERROR_OPTION;
  if (a->count < 0 || a->threads < 1) return TG_ERROR_SHAPE;
  if (a->count && (!a->value || !a->gradient || !a->mean || !a->square || !a->length)) return TG_ERROR_NULL;
  for (int64_t i = 0; i < a->count; ++i) {
    if (a->length[i] < 0) return TG_ERROR_SHAPE;
    if (a->length[i] && (!a->value[i] || !a->gradient[i] || !a->mean[i] || !a->square[i])) return TG_ERROR_NULL;
  }
  if (!(a->correction1 > 0) || !(a->correction2 > 0) || !(a->epsilon >= 0)) return TG_ERROR_RANGE;
  return a->dtype == TG_FLOAT64 ? tidegate::adam<double>(*a) : tidegate::adam<float>(*a);
}

int tg_square_sum(int64_t dtype, int64_t count, const void* const* array, const int64_t* length, int64_t threads, double* out) {
  if (!out || (count && (!array || !length))) return TG_ERROR_NULL;
  if (count < 0 || threads < 1) return TG_ERROR_SHAPE;
  if (dtype < TG_FLOAT32 || dtype > TG_FLOAT64) return TG_ERROR_OPTION;
  *out = dtype == TG_FLOAT64 ? tidegate::square_sum<double>(count, array, length, threads)
                             : tidegate::square_sum<float>(count, array, length, threads);
  return TG_OK;
}

int tg_same(int64_t count, const void* const* array, const void* const* copy, const int64_t* bytes, int64_t threads) {
  if (count && (!array || !copy || !bytes)) return -TG_ERROR_NULL;
  if (count < 0 || threads < 1) return -TG_ERROR_SHAPE;
  const std::vector<tidegate::Piece> all = tidegate::pieces(count, bytes, int64_t{1} << 17);
  std::atomic<bool> same{true};
  auto task = [&](int64_t i, int64_t) {
    const tidegate::Piece& p = all[static_cast<size_t>(i)];
    const char *a = static_cast<const char*>(array[p.array]) + p.first, *b = static_cast<const char*>(copy[p.array]) + p.first;
    if (same.load(std::memory_order_relaxed) && std::memcmp(a, b, static_cast<size_t>(p.n))) same.store(false, std::memory_order_relaxed);
  };
  const int64_t tasks = static_cast<int64_t>(all.size());
  tidegate::parallel(tasks, tasks < 16 ? 1 : threads, task);
  return same.load();
}
}
