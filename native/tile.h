// Register tiles: R rows times A vectors stay in registers while a product runs over its inner axis.
#ifndef TIDEGATE_TILE_H
#define TIDEGATE_TILE_H
#include "vec.h"

namespace {

#if TG_BYTES == 64 || defined(__aarch64__)
constexpr int REGISTERS = 32;
#else
constexpr int REGISTERS = 16;
#endif

// Rows of a tile with A vectors each; what is left holds one vector of weights and the rows' values.
constexpr int tile_rows(int a) { return REGISTERS == 32 ? (a <= 2 ? 8 : a == 3 ? 7 : 6) : (a == 1 ? 6 : a == 2 ? 5 : a == 3 ? 4 : 3); }

// With TG_HALF the products take pairs of bfloat16 in the place of one float: half the depth, sums in float32.
#if defined(TG_HALF)
constexpr bool HALF = true;
TG_INLINE V<float> multiply_add(V<float> sum, V<float> v, V<float> s) {
  return (V<float>)_mm512_dpbf16_ps((__m512)sum, (__m512bh)v, (__m512bh)s);
}
#else
constexpr bool HALF = false;
template <class T> TG_INLINE T multiply_add(T sum, T v, T s) { return sum + v * s; }
#endif
TG_INLINE int64_t depth_of(int64_t n) { return HALF ? (n + 1) / 2 : n; }

// The nearest bfloat16, ties to even.
TG_INLINE uint16_t to_half(float v) {
  uint32_t bits;
  __builtin_memcpy(&bits, &v, sizeof bits);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return (uint16_t)(bits >> 16 | 64);  // NaN
  return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
}
#if defined(TG_HALF)
// to: n bfloat16 and, where n is odd, a zero
TG_INLINE void to_half(const float* from, int64_t n, float* to) {
  uint16_t* out = (uint16_t*)to;
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) {
    __m256bh v = _mm512_cvtneps_pbh((__m512)load(from + i));
    __builtin_memcpy(out + i, &v, sizeof v);
  }
  for (; i < n; ++i) out[i] = to_half(from[i]);
  if (n & 1) out[n] = 0;
}
#endif

// acc[r][FIRST + g] += sum_k row[r][k] * w[k][g],  w: [n, G, W]
template <class S, int R, int A, int FIRST, int G>
TG_INLINE void product(V<S> (&acc)[R][A], const S* const* row, const S* w, int64_t n) {
  const S* p[R];
  for (int r = 0; r < R; ++r) p[r] = row[r];
#pragma GCC unroll 2
  for (int64_t k = 0; k < n; ++k, w += G * W<S>) {
    // Whichever are fewer stay in registers, the others pass one by one: R * A + min(R, A) + 1 registers.
    if constexpr (R < A) {
      V<S> s[R];
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) s[r] = all(p[r][k]);
#pragma GCC unroll 8
      for (int g = 0; g < G; ++g) {
        V<S> v = load(w + g * W<S>);
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) acc[r][FIRST + g] = multiply_add(acc[r][FIRST + g], v, s[r]);
      }
    } else {
      V<S> v[G];
#pragma GCC unroll 8
      for (int g = 0; g < G; ++g) v[g] = load(w + g * W<S>);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        V<S> s = all(p[r][k]);
#pragma GCC unroll 8
        for (int g = 0; g < G; ++g) acc[r][FIRST + g] = multiply_add(acc[r][FIRST + g], v[g], s);
      }
    }
  }
}

// One row times two groups of columns: twice as many independent sums as one group has, or the row waits for itself.
template <class S, int A, int FIRST, int G>
TG_INLINE void product_pair(V<S> (&acc)[2][A], const S* row, const S* w0, const S* w1, int64_t n) {
#pragma GCC unroll 2
  for (int64_t k = 0; k < n; ++k, w0 += G * W<S>, w1 += G * W<S>) {
    V<S> s = all(row[k]);
#pragma GCC unroll 8
    for (int g = 0; g < G; ++g) acc[0][FIRST + g] = multiply_add(acc[0][FIRST + g], load(w0 + g * W<S>), s);
#pragma GCC unroll 8
    for (int g = 0; g < G; ++g) acc[1][FIRST + g] = multiply_add(acc[1][FIRST + g], load(w1 + g * W<S>), s);
  }
}

// Calls f(first, integral_constant) for tiles of at most MAX rows that differ by at most one row.
template <int N> struct Count { static constexpr int value = N; };
template <int MAX, class F> TG_INLINE void tiles(int64_t n, F f) {
  if (n <= 0) return;
  int64_t count = (n + MAX - 1) / MAX, small = n / count, large = n - small * count, first = 0;
  for (int64_t t = 0; t < count; ++t) {
    int64_t rows = small + (t < large);
    switch (rows) {
      case 1: f(first, Count<1>{}); break;
      case 2: if constexpr (MAX >= 2) f(first, Count<2>{}); break;
      case 3: if constexpr (MAX >= 3) f(first, Count<3>{}); break;
      case 4: if constexpr (MAX >= 4) f(first, Count<4>{}); break;
      case 5: if constexpr (MAX >= 5) f(first, Count<5>{}); break;
      case 6: if constexpr (MAX >= 6) f(first, Count<6>{}); break;
      case 7: if constexpr (MAX >= 7) f(first, Count<7>{}); break;
      default: if constexpr (MAX >= 8) f(first, Count<8>{}); break;
    }
    first += rows;
  }
}

template <class S> TG_INLINE int64_t padded(int64_t n) { return (n + W<S> - 1) / W<S> * W<S>; }
template <class S> TG_INLINE void clear(S* p, int64_t n) { __builtin_memset(p, 0, (size_t)n * sizeof(S)); }
template <class S> TG_INLINE void copy(S* to, const S* from, int64_t n) { __builtin_memcpy(to, from, (size_t)n * sizeof(S)); }

}  // namespace
#endif
