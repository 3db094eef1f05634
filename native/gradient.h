// Weight gradients: one product over all rows and steps, in blocks that are added in one fixed order.
// The work is divided by panel (and by inputs where panels are few), never by row: any division gives the same bits.
#ifndef TIDEGATE_GRADIENT_H
#define TIDEGATE_GRADIENT_H
#include "backward.h"

namespace {

constexpr int64_t BLOCK = 96;  // rows of one partial sum: their gate gradients of one panel stay in L1

// sum[i] [G, W] += sum_r z[r][i] * dg[r] for R inputs i;  z: [n, pitch], dg: [n, A, W]
template <class S, class C, int FIRST, int R>
TG_INLINE void outer_tile(const S* z, int64_t pitch, const S* dg, int64_t n, S* sum) {
  V<S> acc[R][C::G];
  for (int i = 0; i < R; ++i)
    for (int g = 0; g < C::G; ++g) acc[i][g] = V<S>{};
  const S* d = dg + FIRST * W<S>;
#pragma GCC unroll 2
  for (int64_t r = 0; r < n; ++r, d += C::A * W<S>, z += pitch) {
    if constexpr (R < C::G) {
      V<S> s[R];
#pragma GCC unroll 8
      for (int i = 0; i < R; ++i) s[i] = all(z[i]);
#pragma GCC unroll 8
      for (int g = 0; g < C::G; ++g) {
        V<S> v = load(d + g * W<S>);
#pragma GCC unroll 8
        for (int i = 0; i < R; ++i) acc[i][g] += v * s[i];
      }
    } else {
      V<S> v[C::G];
#pragma GCC unroll 8
      for (int g = 0; g < C::G; ++g) v[g] = load(d + g * W<S>);
#pragma GCC unroll 8
      for (int i = 0; i < R; ++i) {
        V<S> s = all(z[i]);
#pragma GCC unroll 8
        for (int g = 0; g < C::G; ++g) acc[i][g] += v[g] * s;
      }
    }
  }
  for (int i = 0; i < R; ++i)
    for (int g = 0; g < C::G; ++g) {
      S* to = sum + (i * C::G + g) * W<S>;
      store(to, load(to) + acc[i][g]);
    }
}

template <class S, class C, int FIRST>
__attribute__((noinline)) void outer(const S* z, int64_t pitch, int64_t begin, int64_t end, const S* dg, int64_t n, S* sum) {
  tiles<tile_rows(C::G)>(end - begin, [&](int64_t k, auto count) {
    outer_tile<S, C, FIRST, decltype(count)::value>(z + begin + k, pitch, dg, n, sum + (begin + k) * C::G * W<S>);
  });
}

// Elements from one row of inputs to the next: an odd number of cache lines, so that a column meets every cache set.
template <class S> TG_INLINE int64_t pitch_of(int64_t n) {
  const int64_t line = 64 / (int64_t)sizeof(S), lines = (n + line - 1) / line;
  return (lines | 1) * line;
}

// z: [n, pitch], x and the state before the step for rows first to first + n of [T, B]; zeros past a row's end.
template <class S>
__attribute__((noinline)) void gather_inputs(const Layer<S>& a, int64_t first, int64_t n, const S* m, S* z, int64_t pitch) {
  int64_t s = first / a.B, b = first % a.B;
  const int64_t U = padded<S>(a.H);
  for (int64_t r = 0; r < n; ++r, z += pitch) {
    if (s >= steps_of(a, b)) {
      clear(z, a.I + a.H);
    } else {
      const S* h = s ? a.y + b * a.y_b + place(a, b, s - 1) * a.y_t : a.h0 ? a.h0 + b * a.H : nullptr;
      const S* x = a.x + b * a.x_b + place(a, b, s) * a.x_t;
      if (a.I == 1) z[0] = x[0];
      else copy(z, x, a.I);
      if (!h) clear(z + a.I, a.H);
      else if (!a.recurrent) copy(z + a.I, h, a.H);
      else
        for (int64_t u = 0; u < a.H; ++u) z[a.I + u] = h[u] * m[b * U + u];
    }
    if (++b == a.B) b = 0, ++s;
  }
}

template <class S, class C> int64_t gradient_scratch_cell(const Layer<S>& a) {
  const int64_t U = padded<S>(a.H);
  return (U / W<S>) * (C::A + C::EXTRA + (a.I + a.H) * C::G) * W<S> + (a.recurrent ? a.B * U : 0) + BLOCK * pitch_of<S>(a.I + a.H);
}

// sum: [A + EXTRA, W]
template <class S, class C>
void vector_sums(const Layer<S>& a, int64_t p, int64_t first, int64_t n, const S* dg, S* sum) {
  const int64_t lanes = W<S>, panels = padded<S>(a.H) / lanes, row_stash = C::K * lanes;
  V<S> acc[C::A + C::EXTRA];
  for (auto& v : acc) v = V<S>{};
  int64_t s = first / a.B, b = first % a.B;
  for (int64_t r = 0; r < n; ++r, dg += C::A * lanes) {
    for (int g = 0; g < C::A; ++g) acc[g] += load(dg + g * lanes);
    if (C::EXTRA && s < steps_of(a, b)) {
      const S* now = a.stash + ((s * panels + p) * a.B + b) * row_stash + C::C * lanes;
      V<S> old{};
      if (s) {
        old = load(now - panels * a.B * row_stash);
      } else if (a.c0) {
        S row[W<S>] = {};
        const int64_t u = p * lanes;
        copy(row, a.c0 + b * a.H + u, a.H - u < lanes ? a.H - u : lanes);
        old = load(row);
      }
      acc[C::A] += load(dg) * old;
      acc[C::A + (C::EXTRA ? 1 : 0)] += load(dg + lanes) * old;
      // The output gate saw the cell state before zoneout.
      const S* gate = now - C::C * lanes;
      V<S> fresh = load(gate + lanes) * old + load(gate) * load(gate + 2 * lanes);
      acc[C::A + (C::EXTRA ? 2 : 0)] += load(dg + 3 * lanes) * fresh;
    }
    if (++b == a.B) b = 0, ++s;
  }
  for (int g = 0; g < C::A + C::EXTRA; ++g) store(sum + g * lanes, load(sum + g * lanes) + acc[g]);
}

// from: [n, G, W] -> to: [G*H, n], columns begin to end
template <class S, class C, class F>
void unpack(const S* from, int64_t H, int64_t n, int64_t begin, int64_t end, int64_t u, F block, S* to) {
  const int64_t lanes = W<S>, have = H - u < lanes ? H - u : lanes;
  for (int g = 0; g < C::G; ++g)
    for (int64_t l = 0; l < have; ++l) {
      S* row = to + (block(g) * H + u + l) * n;
      for (int64_t k = begin; k < end; ++k) row[k] = from[(k * C::G + g) * lanes + l];
    }
}

template <class S, class C> void gradient_cell(const Layer<S>& a, int64_t task, int64_t tasks, S* scratch) {
  const int64_t lanes = W<S>, U = padded<S>(a.H), panels = U / lanes, N = a.T * a.B, inputs = a.I + a.H;
  const int64_t splits = (tasks + panels - 1) / panels, shares = tasks / splits;  // of the inputs, of the panels
  const int64_t split = task % splits, share = task / splits;
  if (share >= shares) return;
  const int64_t p0 = panels * share / shares, p1 = panels * (share + 1) / shares;
  const int64_t begin = inputs * split / splits, end = inputs * (split + 1) / splits;
  auto least = [](int64_t u, int64_t v) { return u < v ? u : v; };
  const int64_t x0 = least(begin, a.I), x1 = least(end, a.I), h0 = begin - x0, h1 = end - x1;
  const int64_t size = (C::A + C::EXTRA + inputs * C::G) * lanes, pitch = pitch_of<S>(inputs);
  S* sums = scratch;
  S* z = sums + panels * size;
  S* m = z + BLOCK * pitch;
  clear(sums, (p1 - p0) * size);
  if (a.recurrent) recurrent_mask(a, 0, a.B, U, m);
  for (int64_t first = 0; first < N; first += BLOCK) {
    const int64_t n = N - first < BLOCK ? N - first : BLOCK;
    gather_inputs(a, first, n, m, z, pitch);
    for (int64_t p = p0; p < p1; ++p) {
      const S* dg = a.dg + (p * N + first) * C::A * lanes;
      S* sum = sums + (p - p0) * size;
      if (split == 0) vector_sums<S, C>(a, p, first, n, dg, sum);
      sum += (C::A + C::EXTRA) * lanes;
      if (C::XO == C::HO) {
        outer<S, C, C::XO>(z, pitch, begin, end, dg, n, sum);
      } else {
        outer<S, C, C::XO>(z, pitch, x0, x1, dg, n, sum);
        outer<S, C, C::HO>(z + a.I, pitch, h0, h1, dg, n, sum + a.I * C::G * lanes);
      }
    }
  }
  for (int64_t p = p0; p < p1; ++p) {
    const S* sum = sums + (p - p0) * size;
    const int64_t u = p * lanes, have = a.H - u < lanes ? a.H - u : lanes;
    if (split == 0) {
      for (int g = 0; g < C::G; ++g) {
        if (a.dweights[2]) copy(a.dweights[2] + C::block_x(g) * a.H + u, sum + (C::XO + g) * lanes, have);
        if (a.dweights[3]) copy(a.dweights[3] + C::block_h(g) * a.H + u, sum + (C::HO + g) * lanes, have);
      }
      for (int e = 0; e < C::EXTRA; ++e)
        if (a.dweights[4]) copy(a.dweights[4] + e * a.H + u, sum + (C::A + e) * lanes, have);
    }
    sum += (C::A + C::EXTRA) * lanes;
    if (a.dweights[0]) unpack<S, C>(sum, a.H, a.I, x0, x1, u, C::block_x, a.dweights[0]);
    if (a.dweights[1]) unpack<S, C>(sum + a.I * C::G * lanes, a.H, a.H, h0, h1, u, C::block_h, a.dweights[1]);
  }
}

}  // namespace
#endif
