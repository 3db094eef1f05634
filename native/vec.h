// Vectors of one instruction set in GCC/Clang vector extensions. TG_BYTES (16, 32, 64) comes from the build.
// Everything here has internal linkage: the same names are compiled once per instruction set.
#ifndef TIDEGATE_VEC_H
#define TIDEGATE_VEC_H
#include <stddef.h>
#include <stdint.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define TG_INLINE static inline __attribute__((always_inline))

namespace {

template <class S> struct Vec;
template <> struct Vec<float> {
  typedef float V __attribute__((vector_size(TG_BYTES)));
  typedef int32_t N __attribute__((vector_size(TG_BYTES)));
  typedef uint32_t M __attribute__((vector_size(TG_BYTES)));
  typedef uint32_t lane;
};
template <> struct Vec<double> {
  typedef double V __attribute__((vector_size(TG_BYTES)));
  typedef int64_t N __attribute__((vector_size(TG_BYTES)));
  typedef uint64_t M __attribute__((vector_size(TG_BYTES)));
  typedef uint64_t lane;
};
template <class S> using V = typename Vec<S>::V;
template <class S> constexpr int64_t W = TG_BYTES / (int64_t)sizeof(S);

template <class S> TG_INLINE V<S> load(const S* p) {
  V<S> v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
template <class S> TG_INLINE void store(S* p, V<S> v) { __builtin_memcpy(p, &v, sizeof v); }
template <class S> TG_INLINE V<S> all(S s) { return s - V<S>{}; }

// rows[i][j] <-> rows[j][i]: at each distance D, vectors D apart swap the lanes that differ in that bit.
template <class S, int64_t D> TG_INLINE void swap_lanes(V<S>* rows) {
#if defined(__clang__) || !defined(__GNUC__)
  for (int64_t i = 0; i < W<S>; ++i)
    if (!(i & D)) {
      const V<S> a = rows[i], b = rows[i + D];
      for (int64_t l = 0; l < W<S>; ++l)
        if (l & D) rows[i][l] = b[l - D];
        else rows[i + D][l] = a[l + D];
    }
#else
  typename Vec<S>::N low, high;
  for (int64_t l = 0; l < W<S>; ++l) low[l] = l & D ? W<S> + l - D : l, high[l] = l & D ? W<S> + l : l + D;
#pragma GCC unroll 16
  for (int64_t i = 0; i < W<S>; ++i)
    if (!(i & D)) {
      const V<S> a = rows[i], b = rows[i + D];
      rows[i] = __builtin_shuffle(a, b, low);
      rows[i + D] = __builtin_shuffle(a, b, high);
    }
#endif
}
template <class S> TG_INLINE void transpose(V<S>* rows) {
  if constexpr (W<S> > 1) swap_lanes<S, 1>(rows);
  if constexpr (W<S> > 2) swap_lanes<S, 2>(rows);
  if constexpr (W<S> > 4) swap_lanes<S, 4>(rows);
  if constexpr (W<S> > 8) swap_lanes<S, 8>(rows);
}

// The lesser and the greater of a limit and t, where NaN in t stays: one instruction where the compiler lacks it.
template <class S> TG_INLINE V<S> at_most(V<S> t, S limit) {
#if defined(__AVX512F__) && TG_BYTES == 64
  if constexpr (sizeof(S) == 4) return (V<S>)_mm512_min_ps((__m512)all(limit), (__m512)t);
  else return (V<S>)_mm512_min_pd((__m512d)all(limit), (__m512d)t);
#elif defined(__AVX2__) && TG_BYTES == 32
  if constexpr (sizeof(S) == 4) return __builtin_ia32_minps256(all(limit), t);
  else return __builtin_ia32_minpd256(all(limit), t);
#elif defined(__x86_64__) && TG_BYTES == 16
  if constexpr (sizeof(S) == 4) return __builtin_ia32_minps(all(limit), t);
  else return __builtin_ia32_minpd(all(limit), t);
#else
  return t > limit ? all(limit) : t;
#endif
}
template <class S> TG_INLINE V<S> at_least(V<S> t, S limit) {
#if defined(__AVX2__) && TG_BYTES == 32
  if constexpr (sizeof(S) == 4) return __builtin_ia32_maxps256(all(limit), t);
  else return __builtin_ia32_maxpd256(all(limit), t);
#elif defined(__x86_64__) && TG_BYTES == 16
  if constexpr (sizeof(S) == 4) return __builtin_ia32_maxps(all(limit), t);
  else return __builtin_ia32_maxpd(all(limit), t);
#else
  return t < limit ? all(limit) : t;
#endif
}

// 2^f for |f| <= 1/2
TG_INLINE V<float> fraction_power(V<float> f) {
  V<float> p = f * 0.0013276472454890609f + 0.009675541892647743f;
  p = p * f + 0.05550713092088699f;
  p = p * f + 0.24022120237350464f;
  p = p * f + 0.6931469440460205f;
  return p * f + 1.0f;
}
TG_INLINE V<double> fraction_power(V<double> f) {
  f = f * 0.693147180559945309417;
  V<double> p = f * (1.0 / 6227020800.0) + 1.0 / 479001600.0;
  p = p * f + 1.0 / 39916800.0;
  p = p * f + 1.0 / 3628800.0;
  p = p * f + 1.0 / 362880.0;
  p = p * f + 1.0 / 40320.0;
  p = p * f + 1.0 / 5040.0;
  p = p * f + 1.0 / 720.0;
  p = p * f + 1.0 / 120.0;
  p = p * f + 1.0 / 24.0;
  p = p * f + 1.0 / 6.0;
  p = p * f + 0.5;
  p = p * f + 1.0;
  return p * f + 1.0;
}

// 2^t; NaN stays NaN. Relative error 1.2e-7 (float), 4e-16 (double). With AVX-512 it goes on to 0 and infinity,
// elsewhere, and with TG_EXACT, whose bits are the same on every instruction set, t is held within the exponents of the type.
#if defined(__AVX512F__) && TG_BYTES == 64 && !defined(TG_EXACT)
TG_INLINE V<float> power2(V<float> t) {
  __m512 whole = _mm512_roundscale_ps((__m512)t, 8), part = _mm512_reduce_ps((__m512)t, 8);
  return (V<float>)_mm512_scalef_ps((__m512)fraction_power((V<float>)part), whole);
}
TG_INLINE V<double> power2(V<double> t) {
  __m512d whole = _mm512_roundscale_pd((__m512d)t, 8), part = _mm512_reduce_pd((__m512d)t, 8);
  return (V<double>)_mm512_scalef_pd((__m512d)fraction_power((V<double>)part), whole);
}
#else
TG_INLINE V<float> power2(V<float> t) {
  typedef Vec<float>::N N;
  t = at_least(at_most(t, 126.0f), -126.0f);
  V<float> m = t + 12582912.0f;  // rounds to a whole number and leaves it in the low bits
  return (V<float>)((N)fraction_power(t - (m - 12582912.0f)) + ((N)m << 23));
}
TG_INLINE V<double> power2(V<double> t) {
  typedef Vec<double>::N N;
  t = at_least(at_most(t, 1022.0), -1022.0);
  V<double> m = t + 6755399441055744.0;
  return (V<double>)((N)fraction_power(t - (m - 6755399441055744.0)) + ((N)m << 52));
}
#endif

template <class S> TG_INLINE V<S> sigmoid(V<S> x) { return S(1) / (S(1) + power2(x * S(-1.4426950408889634074))); }
template <class S> TG_INLINE V<S> tanh(V<S> x) {
  V<S> e = power2(at_most(x * S(-2.8853900817779268147), S(126)));
  return (S(1) - e) / (S(1) + e);
}

// log(1 + e) for e from 0 to 1: 2 artanh(e / (2 + e)), a series in at most 1/9
template <class S> TG_INLINE V<S> log_1p(V<S> e) {
  constexpr int TERMS = sizeof(S) == 4 ? 8 : 17;
  V<S> z = e / (S(2) + e), square = z * z, sum = all(S(1) / S(2 * TERMS - 1));
#pragma GCC unroll 17
  for (int i = TERMS - 2; i >= 0; --i) sum = sum * square + S(1) / S(2 * i + 1);
  return S(2) * z * sum;
}
template <class S> TG_INLINE V<S> softplus(V<S> x) {
  V<S> positive = x > V<S>{} ? x : V<S>{}, size = x > V<S>{} ? x : -x;
  return positive + log_1p<S>(power2(size * S(-1.4426950408889634074)));
}

// The masks' generator: a word per element from (key, element), the same on every instruction set and type.
TG_INLINE uint32_t mix(uint64_t key, uint64_t row) {
  uint64_t z = key + row * 0x9e3779b97f4a7c15ull;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return (uint32_t)(z >> 32);
}
template <class S> TG_INLINE typename Vec<S>::M words(uint32_t row, int64_t first) {
  const typename Vec<S>::lane low = 0xffffffffu;
  typename Vec<S>::M x;
  for (uint32_t l = 0; l < W<S>; ++l) x[l] = l * 0x9e3779b9u;
  x = (x + (uint32_t)(row + (uint32_t)first * 0x9e3779b9u)) & low;
  x = ((x ^ (x >> 16)) * 0x7feb352du) & low;
  x = ((x ^ (x >> 15)) * 0x846ca68bu) & low;
  return x ^ (x >> 16);
}
// `scale` where the element is kept, 0 where it is dropped. threshold = p * 2^24.
template <class S> TG_INLINE V<S> mask(uint32_t row, int64_t first, uint32_t threshold, S scale) {
  typedef typename Vec<S>::N N;
  N keep = (N)(words<S>(row, first) >> 8) >= (N)((typename Vec<S>::M){} + (typename Vec<S>::lane)threshold);
  return (V<S>)(keep & (N)all(scale));
}

}  // namespace
#endif
