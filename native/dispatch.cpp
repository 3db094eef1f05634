#include "dispatch.h"

#include <cstdlib>
#include <cstring>

#include "api.h"
#include "cpu.h"

#if defined(__x86_64__) && !defined(TG_BASELINE_ONLY)
extern const tidegate::Isa tg_baseline, tg_avx2, tg_avx512;
#if defined(TG_HAS_BFLOAT16)
void tg_bfloat16(tidegate::Kernels<float>&);  // replaces what reads or writes packed weights
#endif
#elif defined(__aarch64__)
extern const tidegate::Isa tg_neon;
#else
extern const tidegate::Isa tg_baseline;
#endif

namespace tidegate {
namespace {

const Isa& choose() {
#if defined(__x86_64__) && !defined(TG_BASELINE_ONLY)
  const bool avx2 = cpu().avx2, avx512 = cpu().avx512;
  const char* wish = std::getenv("TIDEGATE_ISA");
  const bool any = !wish || !*wish || !std::strcmp(wish, "auto");
  if (avx512 && (any || !std::strcmp(wish, "avx512"))) return tg_avx512;
  if (avx2 && (any || std::strcmp(wish, "baseline"))) return tg_avx2;
  return tg_baseline;
#elif defined(__aarch64__)
  return tg_neon;
#else
  return tg_baseline;
#endif
}

}  // namespace

const Isa& isa() {
  static const Isa& chosen = choose();
  return chosen;
}

const Kernels<float>* half_kernels() {
#if defined(TG_HAS_BFLOAT16)
  if (&isa() != &tg_avx512 || !cpu().bfloat16) return nullptr;
  static const Kernels<float> kernels = [] {
    Kernels<float> k = tg_avx512.f32;
    tg_bfloat16(k);
    return k;
  }();
  return &kernels;
#else
  return nullptr;
#endif
}

}  // namespace tidegate

extern "C" int tg_bfloat16_products(void) { return tidegate::half_kernels() != nullptr; }
extern "C" const char* tg_isa(void) { return tidegate::isa().name; }
