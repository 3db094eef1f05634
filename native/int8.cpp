// Weights of 8 bits: which instruction set, what is refused, and rows shared among threads.
#include "int8.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "cpu.h"
#include "memory.h"
#include "pool.h"

#if defined(__x86_64__) && !defined(TG_BASELINE_ONLY)
extern const tidegate::Int8Isa tg_int8_baseline, tg_int8_avx2;
#if defined(TG_HAS_AVX512VNNI)
extern const tidegate::Int8Isa tg_int8_avx512vnni;
#endif
#if defined(TG_HAS_AVXVNNI)
extern const tidegate::Int8Isa tg_int8_avxvnni;
#endif
#elif defined(__aarch64__)
extern const tidegate::Int8Isa tg_int8_neon;
#else
extern const tidegate::Int8Isa tg_int8_baseline;
#endif

namespace tidegate {
namespace {

constexpr double WORTH_THREADS = 4e6;  // products below which waking a thread takes longer than the work
constexpr int64_t MOST_ROWS = 32, LARGEST = 1 << 17;  // 127 * 127 * LARGEST is below 2^31

const Int8Isa& choose() {
#if defined(__x86_64__) && !defined(TG_BASELINE_ONLY)
  const char* wish = std::getenv("TIDEGATE_ISA");
  const bool any = !wish || !*wish || !std::strcmp(wish, "auto") || !std::strcmp(wish, "avx512");
#if defined(TG_HAS_AVX512VNNI)
  if (any && cpu().vnni) return tg_int8_avx512vnni;
#endif
#if defined(TG_HAS_AVXVNNI)
  if (any && cpu().avxvnni) return tg_int8_avxvnni;
#endif
  if (cpu().avx2 && (any || std::strcmp(wish, "baseline"))) return tg_int8_avx2;
  return tg_int8_baseline;
#elif defined(__aarch64__)
  return tg_int8_neon;
#else
  return tg_int8_baseline;
#endif
}

const Int8Isa& isa() {
  static const Int8Isa& chosen = choose();
  return chosen;
}

int check(const tg_int8* a, bool dense, bool run) {
  if (!a) return TG_ERROR_NULL;
  if (a->size != static_cast<int64_t>(sizeof(tg_int8))) return TG_ERROR_SIZE;
  if (a->cell < TG_LSTM || a->cell > TG_GRU || (a->flags & ~(TG_REVERSE | TG_NORM)) || a->digits < 1 || a->digits > 2)
    return TG_ERROR_OPTION;
  if (a->I < 1 || a->I > LARGEST || a->H < 1 || a->H > LARGEST || a->B < 0 || a->T < 0 || a->threads < 1) return TG_ERROR_SHAPE;
  for (double p : {a->zoneout_h, a->zoneout_c})
    if (!(p >= 0 && p < 1)) return TG_ERROR_RANGE;
  if (!(a->epsilon >= 0)) return TG_ERROR_RANGE;
  if (!run) return TG_OK;
  if (!a->packed || (a->B && a->T && !a->x) || (dense && !a->y)) return TG_ERROR_NULL;
  if (a->lengths)
    for (int64_t b = 0; b < a->B; ++b)
      if (a->lengths[b] < 0 || a->lengths[b] > a->T) return TG_ERROR_LENGTH;
  return TG_OK;
}

int walk(const tg_int8* a, bool dense) {
  if (const int status = check(a, dense, true)) return status;
  const double work = static_cast<double>(a->B) * static_cast<double>(a->T) * static_cast<double>(a->H) * static_cast<double>(a->I + a->H);
  const int64_t threads = work < WORTH_THREADS ? 1 : a->threads;
  const int64_t share = (a->B + threads - 1) / threads, rows = std::max<int64_t>(1, std::min(share, MOST_ROWS));
  const int64_t tasks = (a->B + rows - 1) / rows, workers = std::min(threads, std::max<int64_t>(tasks, 1));
  const int64_t need = (isa().scratch(*a, dense, rows) + 63) / 64 * 64;
  Scratch<char> scratch(need * workers);
  if (!scratch.ok()) return TG_ERROR_MEMORY;
  auto task = [&](int64_t i, int64_t worker) {
    const int64_t first = i * rows, own = std::min(rows, a->B - first);
    (dense ? isa().dense : isa().forward)(*a, first, own, scratch.get() + worker * need);
  };
  parallel(tasks, workers, task);
  return TG_OK;
}

}  // namespace
}  // namespace tidegate

using namespace tidegate;
extern "C" const char* tg_int8_isa(void) { return isa().name; }
extern "C" int64_t tg_int8_bytes(const tg_int8* a) {
  if (const int status = check(a, false, false)) return -status;
  return isa().bytes(*a, a->weights && !a->weights[1]);
}
extern "C" int tg_int8_pack(const tg_int8* a, void* packed) {
  if (const int status = check(a, false, false)) return status;
  if (!packed || !a->weights || !a->weights[0] || !a->weights[2]) return TG_ERROR_NULL;
  const bool dense = !a->weights[1];
  if (!dense && (!a->weights[3] || (a->cell == TG_PEEPHOLE && !a->weights[6]) || ((a->flags & TG_NORM) && !a->weights[7])))
    return TG_ERROR_NULL;
  isa().pack(*a, dense, packed);
  return TG_OK;
}
extern "C" int tg_int8_forward(const tg_int8* a) { return walk(a, false); }
extern "C" int tg_int8_dense(const tg_int8* a) { return walk(a, true); }
