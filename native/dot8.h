// Products of 8-bit numbers, four to a lane: the same whole number on every instruction set. Included once per set.
#ifndef TIDEGATE_DOT8_H
#define TIDEGATE_DOT8_H
#include "vec.h"

namespace {
typedef Vec<float>::N N;

TG_INLINE int64_t up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

// acc += of each lane's four weights the product with four inputs, exactly; both from -127 to 127.
#if defined(__AVX512VNNI__) && TG_BYTES == 64
constexpr bool UNSIGNED = true;  // weights are packed plus 128; the sum of the inputs times 128 is what acc begins from
TG_INLINE N dot(N acc, N w, N x) { return (N)_mm512_dpbusd_epi32((__m512i)acc, (__m512i)w, (__m512i)x); }
#elif defined(__AVXVNNI__) && TG_BYTES == 32
constexpr bool UNSIGNED = true;
TG_INLINE N dot(N acc, N w, N x) { return (N)_mm256_dpbusd_avx_epi32((__m256i)acc, (__m256i)w, (__m256i)x); }
#elif defined(__AVX2__) && TG_BYTES == 32
constexpr bool UNSIGNED = false;
TG_INLINE N dot(N acc, N w, N x) {  // 2 * 127 * 127 is less than 2^15: nothing saturates
  const __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8((__m256i)x), _mm256_sign_epi8((__m256i)w, (__m256i)x));
  return acc + (N)_mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}
#else
constexpr bool UNSIGNED = false;
TG_INLINE N dot(N acc, N w, N x) {
  typedef int16_t H2 __attribute__((vector_size(TG_BYTES)));
  const H2 even = ((H2)w << 8 >> 8) * ((H2)x << 8 >> 8), odd = ((H2)w >> 8) * ((H2)x >> 8);
  const N both = (N)(even + odd);
  return acc + (both << 16 >> 16) + (both >> 16);
}
#endif

}  // namespace
#endif
