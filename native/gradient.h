// Weight gradients: one product over all rows and steps, in blocks that are added in one fixed order.
// The work is divided by panel (and by inputs where panels are few), never by row: any division gives the same bits.
#ifndef TIDEGATE_GRADIENT_H
#define TIDEGATE_GRADIENT_H
#include "norm.h"

namespace {

constexpr int64_t BLOCK = 96;  // rows of one partial sum: their gate gradients of one panel stay in L1

template <class S> struct Rectangle {  // n rows of z [n, pitch_z] and of one panel of dg [n, pitch], blocks U apart
  const S* z;
  int64_t pitch_z;
  const S* dg;
  int64_t pitch, U, n;
};

// sum[i] [G, W] += sum_r z[r][i] * dg[r] for R inputs i
template <class S, class C, int FIRST, int R> TG_INLINE void outer_tile(const Rectangle<S>& a, int64_t k, S* sum) {
  V<S> acc[R][C::G];
#pragma GCC unroll 8
  for (int i = 0; i < R; ++i)
#pragma GCC unroll 8
    for (int g = 0; g < C::G; ++g) acc[i][g] = V<S>{};
  const S *z = a.z + k, *d = a.dg + FIRST * a.U;
  const int64_t n = a.n, pitch = a.pitch, pitch_z = a.pitch_z, U = a.U;
#pragma GCC unroll 2
  for (int64_t r = 0; r < n; ++r, d += pitch, z += pitch_z) {
    if constexpr (R < C::G) {
      V<S> s[R];
#pragma GCC unroll 8
      for (int i = 0; i < R; ++i) s[i] = all(z[i]);
#pragma GCC unroll 8
      for (int g = 0; g < C::G; ++g) {
        V<S> v = load(d + g * U);
#pragma GCC unroll 8
        for (int i = 0; i < R; ++i) acc[i][g] = multiply_add(acc[i][g], v, s[i]);
      }
    } else {
      V<S> v[C::G];
#pragma GCC unroll 8
      for (int g = 0; g < C::G; ++g) v[g] = load(d + g * U);
#pragma GCC unroll 8
      for (int i = 0; i < R; ++i) {
        V<S> s = all(z[i]);
#pragma GCC unroll 8
        for (int g = 0; g < C::G; ++g) acc[i][g] = multiply_add(acc[i][g], v[g], s);
      }
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < R; ++i)
#pragma GCC unroll 8
    for (int g = 0; g < C::G; ++g) {
      S* to = sum + (i * C::G + g) * W<S>;
      store(to, load(to) + acc[i][g]);
    }
}

template <class S, class C, int FIRST>
__attribute__((noinline)) void outer(const Rectangle<S>& a, int64_t begin, int64_t end, S* sum) {
  tiles<tile_rows(C::G)>(end - begin, [&](int64_t k, auto count) {
    outer_tile<S, C, FIRST, decltype(count)::value>(a, begin + k, sum + (begin + k) * C::G * W<S>);
  });
}

#if defined(TG_HALF)
constexpr int64_t PIECE = 96;  // inputs at a time: their pairs of rows, and those of a panel, stay in L1

// Pairs of rows of n [n, pitch], `columns` of them, rounded to bfloat16: to [depth_of(n), pitch_to] has (even row, odd row).
TG_INLINE void pair_rows(const float* from, int64_t n, int64_t pitch, int64_t columns, float* to, int64_t pitch_to) {
  const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8,  //
                                         23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  for (int64_t r = 0; r < n; r += 2, from += 2 * pitch, to += pitch_to)
    for (int64_t i = 0; i < columns; i += W<float>) {
      const __mmask16 there = columns - i < W<float> ? (__mmask16)((1 << (columns - i)) - 1) : (__mmask16)0xffff;
      const __m512 even = _mm512_maskz_loadu_ps(there, from + i);
      const __m512 odd = r + 1 < n ? _mm512_maskz_loadu_ps(there, from + pitch + i) : _mm512_setzero_ps();
      _mm512_storeu_si512(to + i, _mm512_permutexvar_epi16(order, (__m512i)_mm512_cvtne2ps_pbh(odd, even)));
    }
}

// As `outer` over pairs of rows, for panels p0 to p1, whose sums lie `size` apart.
template <class C, int FIRST>
void outer_pairs(const Rectangle<float>& a, int64_t begin, int64_t end, int64_t p0, int64_t p1, float* sums, int64_t size) {
  constexpr int64_t lanes = W<float>, width = C::G * lanes;
  alignas(64) float z[BLOCK / 2 * PIECE], d[BLOCK / 2 * width];
  const Rectangle<float> pairs{z, PIECE, d, width, lanes, depth_of(a.n)};
  for (int64_t k = begin; k < end; k += PIECE) {
    const int64_t count = end - k < PIECE ? end - k : PIECE;
    pair_rows(a.z + k, a.n, a.pitch_z, count, z, PIECE);
    for (int64_t p = p0; p < p1; ++p) {
      for (int64_t g = 0; g < C::G; ++g)
        pair_rows(a.dg + (FIRST + g) * a.U + p * lanes, a.n, a.pitch, lanes, d + g * lanes, width);
      outer<float, C, 0>(pairs, 0, count, sums + p * size + k * width);
    }
  }
}
#endif

template <class S, class C> int64_t sums_size_cell(const Layer<S>& a) {
  return padded<S>(a.H) * (C::BIAS + C::EXTRA + (a.I + a.H) * C::G);
}

// first: row of the block's [step, row] arrays that d begins with, counted from step 0;  sum: [BIAS + EXTRA, W]
template <class S, class C>
void vector_sums(const Layer<S>& a, int64_t p, int64_t first, const Rectangle<S>& d, S* sum) {
  using Inner = typename C::Inner;
  const int64_t lanes = W<S>, panels = padded<S>(a.H) / lanes, row_stash = C::K * lanes;
  V<S> acc[C::BIAS + C::EXTRA];
  for (auto& v : acc) v = V<S>{};
  int64_t s = first / a.rows, b = a.row0 + first % a.rows;
  const S* dg = d.dg + (C::NORM ? 2 * C::G * d.U : 0);
  for (int64_t r = 0; r < d.n; ++r, dg += d.pitch) {
    for (int g = 0; g < C::BIAS; ++g) acc[g] += load(dg + g * d.U);
    if (C::EXTRA && s < steps_of(a, b)) {
      const S* now = a.stash + ((s * panels + p) * a.B + b) * row_stash;
      if constexpr (Inner::EXTRA > 0) {
        V<S> old{};
        if (s) {
          old = load(now + (Inner::C - panels * a.B * C::K) * lanes);
        } else if (a.c0) {
          S row[W<S>] = {};
          const int64_t u = p * lanes;
          copy(row, a.c0 + b * a.H + u, a.H - u < lanes ? a.H - u : lanes);
          old = load(row);
        }
        acc[C::BIAS] += load(dg) * old;
        acc[C::BIAS + 1] += load(dg + d.U) * old;
        // The output gate saw the cell state before zoneout.
        V<S> fresh = load(now + lanes) * old + load(now) * load(now + 2 * lanes);
        acc[C::BIAS + 2] += load(dg + 3 * d.U) * fresh;
      }
      if constexpr (C::NORM) {
        V<S>* scales = acc + C::BIAS + Inner::EXTRA;
        const S *hs = now + Inner::K * lanes, *xs = hs + C::G * lanes;
        for (int g = 0; g < C::G; ++g) {
          scales[g] += load(dg + (Inner::XO + g) * d.U) * load(xs + g * lanes);
          scales[C::G + g] += load(dg + (Inner::HO + g) * d.U) * load(hs + g * lanes);
        }
        if constexpr (C::HAS_C) {
          V<S> q = load(dg + Inner::A * d.U);
          scales[2 * C::G] += q * load(xs + C::G * lanes);
          scales[2 * C::G + 1] += q;
        }
      }
    }
    if (++b == a.row0 + a.rows) b = a.row0, ++s;
  }
  for (int g = 0; g < C::BIAS + C::EXTRA; ++g) store(sum + g * lanes, load(sum + g * lanes) + acc[g]);
}

// from: [n, G, W] -> to: [G*H, n], columns begin to end
template <class S, class C, class F>
void unpack(const S* from, int64_t H, int64_t n, int64_t begin, int64_t end, int64_t u, F block, S* to) {
  constexpr int64_t lanes = W<S>;
  const int64_t have = H - u < lanes ? H - u : lanes;
  for (int g = 0; g < C::G; ++g) {
    S* rows = to + (block(g) * H + u) * n;
    int64_t first = begin;
    if (have == lanes)
      for (; first + lanes <= end; first += lanes) {
        V<S> square[lanes];
#pragma GCC unroll 16
        for (int64_t k = 0; k < lanes; ++k) square[k] = load(from + ((first + k) * C::G + g) * lanes);
        transpose<S>(square);
#pragma GCC unroll 16
        for (int64_t l = 0; l < lanes; ++l) store(rows + l * n + first, square[l]);
      }
    for (int64_t l = 0; l < have; ++l)
      for (int64_t k = first; k < end; ++k) rows[l * n + k] = from[(k * C::G + g) * lanes + l];
  }
}

// Hands out the sums of panel p: inputs begin to end, and its vectors if asked for.
template <class S, class C>
void hand_out(const Layer<S>& a, int64_t p, int64_t begin, int64_t end, bool vectors) {
  const int64_t lanes = W<S>, u = p * lanes, have = a.H - u < lanes ? a.H - u : lanes;
  const S* sum = a.sums + p * (C::BIAS + C::EXTRA + (a.I + a.H) * C::G) * lanes;
  if (vectors) {
    for (int g = 0; g < C::G; ++g) {
      if (a.dweights[2]) copy(a.dweights[2] + C::block_x(g) * a.H + u, sum + (C::Inner::XO + g) * lanes, have);
      if (a.dweights[3]) copy(a.dweights[3] + C::block_h(g) * a.H + u, sum + (C::Inner::HO + g) * lanes, have);
    }
    for (int e = 0; e < C::EXTRA; ++e) {
      const Place to = extra_place<S, C>(e, a.H);
      if (a.dweights[to.slot]) copy(a.dweights[to.slot] + to.at + u, sum + (C::BIAS + e) * lanes, have);
    }
  }
  sum += (C::BIAS + C::EXTRA) * lanes;
  const int64_t x0 = begin < a.I ? begin : a.I, x1 = end < a.I ? end : a.I, h0 = begin - x0, h1 = end - x1;
  if (a.dweights[0]) unpack<S, C>(sum, a.H, a.I, x0, x1, u, C::block_x, a.dweights[0]);
  if (a.dweights[1]) unpack<S, C>(sum + a.I * C::G * lanes, a.H, a.H, h0, h1, u, C::block_h, a.dweights[1]);
}

template <class S, class C> void gradient_cell(const Layer<S>& a, int64_t task, int64_t tasks, int64_t s0, int64_t s1) {
  const int64_t lanes = W<S>, U = padded<S>(a.H), panels = U / lanes, N = (s1 - s0) * a.rows, inputs = a.I + a.H;
  const int64_t splits = (tasks + panels - 1) / panels, shares = tasks / splits;  // of the inputs, of the panels
  const int64_t split = task % splits, share = task / splits;
  if (share >= shares) return;
  const int64_t p0 = panels * share / shares, p1 = panels * (share + 1) / shares;
  const int64_t begin = inputs * split / splits, end = inputs * (split + 1) / splits;
  const int64_t x0 = begin < a.I ? begin : a.I, x1 = end < a.I ? end : a.I, h0 = begin - x0, h1 = end - x1;
  const int64_t vectors = (C::BIAS + C::EXTRA) * lanes, size = vectors + inputs * C::G * lanes;
  if (s1 == a.T)
    for (int64_t p = p0; p < p1; ++p) {
      S* sum = a.sums + p * size;
      if (split == 0) clear(sum, vectors);
      clear(sum + vectors + begin * C::G * lanes, (end - begin) * C::G * lanes);
    }
  Rectangle<S> d{a.z, input_pitch(a), a.dg, gate_pitch<S, C>(a.H), U, 0};
  for (int64_t first = 0; first < N; first += BLOCK) {
    d.n = N - first < BLOCK ? N - first : BLOCK;
    d.z = a.z + first * d.pitch_z;
    for (int64_t p = p0; p < p1; ++p) {
      d.dg = a.dg + first * d.pitch + p * lanes;
      S* sum = a.sums + p * size;
      if (split == 0) vector_sums<S, C>(a, p, s0 * a.rows + first, d, sum);
      sum += vectors;
      if constexpr (HALF) continue;
      if (C::XO == C::HO) {
        outer<S, C, C::XO>(d, begin, end, sum);
      } else {
        outer<S, C, C::XO>(d, x0, x1, sum);
        outer<S, C, C::HO>(d, a.I + h0, a.I + h1, sum);
      }
    }
#if defined(TG_HALF)
    d.dg = a.dg + first * d.pitch;
    outer_pairs<C, C::XO>(d, x0, x1, p0, p1, a.sums + vectors, size);
    outer_pairs<C, C::HO>(d, a.I + h0, a.I + h1, p0, p1, a.sums + vectors, size);
#endif
  }
  if (s0 > 0 || a.rows < a.B) return;
  for (int64_t p = p0; p < p1; ++p) hand_out<S, C>(a, p, begin, end, split == 0);
}

// Adds the sums of `count` groups of rows, `apart` from one to the next, and hands them out: one of `tasks` shares.
template <class S, class C> void collect_cell(const Layer<S>& a, int64_t count, int64_t apart, int64_t task, int64_t tasks) {
  const int64_t panels = padded<S>(a.H) / W<S>, size = (C::BIAS + C::EXTRA + (a.I + a.H) * C::G) * W<S>;
  for (int64_t p = panels * task / tasks; p < panels * (task + 1) / tasks; ++p) {
    S* sum = a.sums + p * size;
    for (int64_t i = 1; i < count; ++i)
      for (int64_t k = 0; k < size; k += W<S>) store(sum + k, load(sum + k) + load(sum + i * apart + k));
    hand_out<S, C>(a, p, 0, a.I + a.H, true);
  }
}

}  // namespace
#endif
