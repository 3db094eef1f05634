// The optimiser's arithmetic for many arrays in one call.
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

int tg_square_sum(int64_t dtype, int64_t count, const void* const* array, const int64_t* length, double* out) {
  if (!out || (count && (!array || !length))) return TG_ERROR_NULL;
  if (count < 0) return TG_ERROR_SHAPE;
  if (dtype < TG_FLOAT32 || dtype > TG_FLOAT64) return TG_ERROR_OPTION;
  double total = 0;
  for (int64_t i = 0; i < count; ++i)
    total += dtype == TG_FLOAT64 ? tidegate::kernels<double>().square_sum(length[i], static_cast<const double*>(array[i]))
                                 : tidegate::kernels<float>().square_sum(length[i], static_cast<const float*>(array[i]));
  *out = total;
  return TG_OK;
}
}
