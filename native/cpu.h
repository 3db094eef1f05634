// What the processor has and the system saves, asked of both: __builtin_cpu_supports needs a part of GCC's or clang's runtime
// that is not in every build (it answers 0 to everything where zig links).
#ifndef TIDEGATE_CPU_H
#define TIDEGATE_CPU_H
#if defined(__x86_64__)
#include <cpuid.h>

namespace tidegate {

struct Cpu {
  bool avx2, avx512, bfloat16, vnni, avxvnni;  // avx2 with fma; avx512: f, vl, dq, bw; vnni: of 512 bits
};

inline Cpu ask() {
  Cpu found = {};
  unsigned a, b, c, d, saved, high;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return found;
  const bool fma = c >> 12 & 1, avx = c >> 28 & 1, xsave = c >> 27 & 1;
  if (!fma || !avx || !xsave) return found;
  __asm__ volatile("xgetbv" : "=a"(saved), "=d"(high) : "c"(0));
  if ((saved & 0x06) != 0x06 || !__get_cpuid_count(7, 0, &a, &b, &c, &d)) return found;
  const unsigned wide = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31;
  found.avx2 = b >> 5 & 1;
  found.avx512 = found.avx2 && (saved & 0xe6) == 0xe6 && (b & wide) == wide;
  found.vnni = found.avx512 && (c >> 11 & 1);
  if (a >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d)) {
    found.bfloat16 = found.avx512 && (a >> 5 & 1);
    found.avxvnni = found.avx2 && (a >> 4 & 1);
  }
  return found;
}

inline const Cpu& cpu() {
  static const Cpu found = ask();
  return found;
}

}  // namespace tidegate
#endif
#endif
