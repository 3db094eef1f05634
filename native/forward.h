// Forward: a group of rows walks through all its steps; no other rows are waited for.
#ifndef TIDEGATE_FORWARD_H
#define TIDEGATE_FORWARD_H
#include "layer.h"
#include "pack.h"

namespace {
using tidegate::Layer;

constexpr int64_t MAX_ROWS = 64;  // of one call

template <class S> TG_INLINE int64_t steps_of(const Layer<S>& a, int64_t b) { return a.lengths ? a.lengths[b] : a.T; }
template <class S> TG_INLINE int64_t place(const Layer<S>& a, int64_t b, int64_t s) {
  return a.reverse ? steps_of(a, b) - 1 - s : s;
}

// [vectors, rows, U] `plane` apart from [B, vectors, H], zero where absent
template <class S>
TG_INLINE void fetch(const Layer<S>& a, const S* from, int64_t first, int64_t rows, int64_t U, S* to, int64_t vectors = 1, int64_t plane = 0) {
  for (int64_t v = 0; v < vectors; ++v, to += plane) {
    if (!from || U > a.H) clear(to, rows * U);
    if (from)
      for (int64_t r = 0; r < rows; ++r) copy(to + r * U, from + ((first + r) * vectors + v) * a.H, a.H);
  }
}

enum Kind : uint64_t { RECURRENT = 1, ZONE_H = 2, ZONE_C = 3, OUTPUT = 4 };
TG_INLINE uint64_t kind_key(uint64_t key, Kind kind) { return key ^ (uint64_t)kind * 0xd6e8feb86659fd93ull; }
template <class S> TG_INLINE S scale_of(uint32_t threshold) { return S(1) / (S(1) - S(threshold) / S(16777216)); }

// m: [rows, U], one mask of the recurrent state for all steps
template <class S> TG_INLINE void recurrent_mask(const Layer<S>& a, int64_t first, int64_t rows, int64_t U, S* m) {
  for (int64_t r = 0; r < rows; ++r) {
    uint32_t word = mix(kind_key(a.key, RECURRENT), (uint64_t)(first + r));
    for (int64_t u = 0; u < U; u += W<S>) store(m + r * U + u, mask<S>(word, u, a.recurrent, scale_of<S>(a.recurrent)));
  }
}

// Share of the old state that row `b` keeps at step `s` for units u to u + W: 0 or 1 in training, p otherwise.
template <class S> TG_INLINE V<S> kept_share(const Layer<S>& a, Kind kind, uint32_t p, S eval, int64_t b, int64_t s, int64_t u) {
  if (!a.train) return all(eval);
  return S(1) - mask<S>(mix(kind_key(a.key, kind), (uint64_t)((a.step0 + s) * a.B + b)), u, p, S(1));
}

// to = from * mask of the output dropout; n elements of row (b, t), the first being element `unit0` of the row
template <class S>
TG_INLINE void drop_row(uint64_t key, uint32_t p, int64_t word_row, int64_t unit0, int64_t n, const S* from, S* to) {
  const uint32_t word = mix(kind_key(key, OUTPUT), (uint64_t)word_row);
  const S scale = scale_of<S>(p);
  int64_t u = 0;
  for (; u + W<S> <= n; u += W<S>) store(to + u, load(from + u) * mask<S>(word, unit0 + u, p, scale));
  if (u < n) {
    S buffer[W<S>];
    V<S> m = mask<S>(word, unit0 + u, p, scale);
    store(buffer, m);
    for (int64_t l = 0; u < n; ++u, ++l) to[u] = from[u] * buffer[l];
  }
}

template <class S> struct Rows {
  const S* x[MAX_ROWS];   // [I]
  const S* h[MAX_ROWS];   // [H], enters the recurrent product
  int64_t r[MAX_ROWS];    // row within the group
  int64_t n;
};

template <class S> struct State {  // of one step; all [rows, U] but stash [P, B, K, W]
  const S *h_old, *c_old;
  S *h_new, *c_new, *stash;
  S* sums;  // [rows, A, W], for products that are cut into pieces
  int64_t U, plane;  // plane: from one vector of c to the next, [rows, U] each
};

// The cell's arithmetic for the rows of one panel once their sums are complete: a loop of its own, so that the registers
// of the product are free again and several rows are under way at once.
template <class S, class C, bool TRAIN>
TG_INLINE void finish(const S* sums, const S* extra, const Rows<S>& rows, int64_t u, const State<S>& state, S* stash) {
  const int64_t lanes = W<S>;
#pragma GCC unroll 1
  for (int64_t j = 0; j < rows.n; ++j, sums += C::A * lanes) {
    const int64_t at = rows.r[j] * state.U + u;
    V<S> a[C::A], k[C::K], c[C::N + 1] = {};
    for (int v = 0; v < C::N; ++v) c[v] = load(state.c_old + v * state.plane + at);
    for (int g = 0; g < C::A; ++g) a[g] = load(sums + g * lanes);
    C::gates(a, extra, c, k);
    for (int v = 0; v < C::N; ++v) store(state.c_new + v * state.plane + at, c[v]);
    store(state.h_new + at, C::output(a, c[0], C::HAS_C ? V<S>{} : load(state.h_old + at), k));
    if (TRAIN)
      for (int i = 0; i < C::K; ++i) store(stash + (rows.r[j] * C::K + i) * lanes, k[i]);
  }
}

// sums = start + x's product + h's product of one panel;  start: bias [A, W] of pitch 0, or sums so far
template <class S, class C> struct Sums {
  const S *const *x, *const *h;  // rows from x0 and h0 on
  const S *wx, *wh;              // [n, G, W]
  int64_t x0, nx, h0, nh, rows;
  const S* start;
  int64_t pitch;
  S* to;  // [rows, A, W]
};

template <class S, class C> __attribute__((noinline)) void add_products(const Sums<S, C>& p) {
  tiles<tile_rows(C::A)>(p.rows, [&](int64_t j, auto count) {
    constexpr int R = decltype(count)::value;
    V<S> acc[R][C::A];
    const S *x[R], *h[R], *start = p.start + j * p.pitch;
    S* to = p.to + j * C::A * W<S>;
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      x[r] = p.x[j + r] + p.x0;
      h[r] = p.h[j + r] + p.h0;
#pragma GCC unroll 8
      for (int g = 0; g < C::A; ++g) acc[r][g] = load(start + r * p.pitch + g * W<S>);
    }
    product<S, R, C::A, C::XO, C::G>(acc, x, p.wx, p.nx);
    product<S, R, C::A, C::HO, C::G>(acc, h, p.wh, p.nh);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
      for (int g = 0; g < C::A; ++g) store(to + (r * C::A + g) * W<S>, acc[r][g]);
  });
}

constexpr int64_t DEPTH = 16384 / TG_BYTES;  // of the inner axis between two visits of a tile, so that its weights are near

// Units u0 to u1, whole panels.
template <class S, class C, bool TRAIN>
__attribute__((noinline)) void step(const Layer<S>& a, const Rows<S>& rows, const State<S>& state, int64_t u0, int64_t u1) {
  const int64_t lanes = W<S>, size = panel_length<S, C>(a.I, a.H), step_w = C::G * lanes;
  const int64_t I = depth_of(a.I), H = depth_of(a.H);
  const int64_t next = TRAIN ? a.B * C::K * lanes : 0;
  const S* panel = a.panel + u0 / lanes * size;
  S* stash = state.stash + u0 / lanes * next;
  int64_t u = u0;
  if (rows.n == 1)
    for (; u + lanes < u1; u += 2 * lanes, panel += 2 * size, stash += 2 * next) {
      V<S> acc[2][C::A];
      for (int i = 0; i < 2; ++i)
        for (int g = 0; g < C::A; ++g) acc[i][g] = load(panel + i * size + g * lanes);
      const S* w = panel + (C::BIAS + C::EXTRA) * lanes;
      product_pair<S, C::A, C::XO, C::G>(acc, rows.x[0], w, w + size, I);
      w += I * step_w;
      product_pair<S, C::A, C::HO, C::G>(acc, rows.h[0], w, w + size, H);
      for (int i = 0; i < 2; ++i) {
        for (int g = 0; g < C::A; ++g) store(state.sums + g * lanes, acc[i][g]);
        finish<S, C, TRAIN>(state.sums, panel + i * size + C::A * lanes, rows, u + i * lanes, state, stash + i * next);
      }
    }
  // One piece where the whole panel stays in L1 or no tile comes back to it.
  const int64_t depth = rows.n <= tile_rows(C::A) || I + H <= DEPTH + DEPTH / 2 ? I + H : DEPTH;
  for (; u < u1; u += lanes, panel += size, stash += next) {
    const S* w = panel + (C::BIAS + C::EXTRA) * lanes;
    Sums<S, C> p{rows.x, rows.h, w, w + I * step_w, 0, 0, 0, 0, rows.n, panel, 0, state.sums};
    while (p.x0 < I || p.h0 < H) {
      const int64_t left = I - p.x0;
      p.nx = left < depth ? left : depth;
      p.nh = H - p.h0 < depth - p.nx ? H - p.h0 : depth - p.nx;
      add_products(p);
      p.x0 += p.nx;
      p.h0 += p.nh;
      p.wx += p.nx * step_w;
      p.wh += p.nh * step_w;
      p.start = state.sums;
      p.pitch = C::A * lanes;
    }
    finish<S, C, TRAIN>(state.sums, panel + C::A * lanes, rows, u, state, stash);
  }
}

// Mixes the old state into the new one.
template <class S, class C>
void zoneout(const Layer<S>& a, const Rows<S>& rows, const State<S>& state, int64_t first, int64_t s, int64_t u0, int64_t u1) {
  const int64_t lanes = W<S>;
  for (int64_t j = 0; j < rows.n; ++j)
    for (int64_t u = u0; u < u1; u += lanes) {
      const int64_t at = rows.r[j] * state.U + u, b = first + rows.r[j];
      if (a.zone_h || a.keep_h > 0) {
        V<S> z = kept_share(a, ZONE_H, a.zone_h, a.keep_h, b, s, u), n = load(state.h_new + at);
        store(state.h_new + at, n + z * (load(state.h_old + at) - n));
      }
      if (C::N == 1 && (a.zone_c || a.keep_c > 0)) {
        V<S> z = kept_share(a, ZONE_C, a.zone_c, a.keep_c, b, s, u), n = load(state.c_new + at);
        V<S> c = n + z * (load(state.c_old + at) - n);
        store(state.c_new + at, c);
        if (state.stash) store(state.stash + ((u / lanes * a.B + rows.r[j]) * C::K + C::Inner::C) * lanes, c);
      }
    }
}

template <class S, class N, bool TRAIN> void step_normed(const Layer<S>& a, const Rows<S>& rows, const State<S>& state);  // norm.h
template <class S, class C, bool TRAIN>
TG_INLINE void any_step(const Layer<S>& a, const Rows<S>& rows, const State<S>& state, int64_t u0, int64_t u1) {
  if constexpr (C::NORM) step_normed<S, C, TRAIN>(a, rows, state);
  else step<S, C, TRAIN>(a, rows, state, u0, u1);
}

template <class S, class C> int64_t forward_scratch_cell(const Layer<S>& a, int64_t rows) {
  const int64_t U = padded<S>(a.H), sums = C::NORM ? (2 * C::G + C::Inner::K + 1) * U + 4 : C::A * W<S>;
  return rows * (U * (4 + 2 * (C::N > 1 ? C::N : 1)) + sums + (HALF ? depth_of(a.I) + depth_of(a.H) : 0));
}

// A group of rows and what it carries from step to step, [n, U] each; s & 1 says which of two is old at step s.
template <class S> struct Group {
  // vectors: of c
  Group(const Layer<S>& a, int64_t first, int64_t n, S* scratch, int64_t vectors) : first(first), n(n), U(padded<S>(a.H)) {
    const int64_t size = n * U, room = vectors > 1 ? vectors : 1;
    for (int i = 0; i < 2; ++i) h[i] = scratch + i * size, c[i] = scratch + (2 + i * room) * size;
    m = scratch + (2 + 2 * room) * size;
    masked = m + size;
    sums = masked + size;
  }
  int64_t first, n, U;
  S *h[2], *c[2];
  S *m, *masked;  // mask of the recurrent state, and the masked state
  S* sums;
};

template <class S, class C> void begin_group(const Layer<S>& a, const Group<S>& g) {
  fetch(a, a.h0, g.first, g.n, g.U, g.h[0]);
  if (C::HAS_C) fetch(a, a.c0, g.first, g.n, g.U, g.c[0], C::N, g.n * g.U);
  if (a.recurrent) recurrent_mask(a, g.first, g.n, g.U, g.m);
}

// Units u0 to u1 of one step; sums: this call's own.
template <class S, class C> void step_group(const Layer<S>& a, const Group<S>& g, int64_t s, int64_t u0, int64_t u1, S* sums) {
  const int64_t lanes = W<S>, U = g.U, row_stash = C::K * lanes, n = g.n;
  const S *h_old = g.h[s & 1], *c_old = g.c[s & 1];
  S *h_new = g.h[~s & 1], *c_new = g.c[~s & 1];
  const S* enters = h_old;
  if (a.recurrent) {
    for (int64_t i = 0; i < n * U; i += lanes) store(g.masked + i, load(h_old + i) * load(g.m + i));
    enters = g.masked;
  }
  Rows<S> rows;
  rows.n = 0;
  for (int64_t r = 0; r < n; ++r) {
    const int64_t b = g.first + r;
    if (s >= steps_of(a, b)) continue;
    rows.x[rows.n] = a.x + b * a.x_b + place(a, b, s) * a.x_t;
    rows.h[rows.n] = enters + r * U;
    rows.r[rows.n++] = r;
  }
#if defined(TG_HALF)
  float* half = sums + n * C::A * lanes;
  for (int64_t j = 0; j < rows.n; ++j) {
    to_half(rows.x[j], a.I, half);
    to_half(rows.h[j], a.H, half + depth_of(a.I));
    rows.x[j] = half;
    rows.h[j] = half + depth_of(a.I);
    half += depth_of(a.I) + depth_of(a.H);
  }
#endif
  if (rows.n) {
    S* stash = a.train ? a.stash + (s * U / lanes * a.B + g.first) * row_stash : nullptr;
    const State<S> state{h_old, c_old, h_new, c_new, stash, sums, U, n * U};
    if (a.train) any_step<S, C, true>(a, rows, state, u0, u1);
    else any_step<S, C, false>(a, rows, state, u0, u1);
    if (a.zone_h || a.zone_c || a.keep_h > 0 || a.keep_c > 0) zoneout<S, C>(a, rows, state, g.first, s, u0, u1);
  }
  const int64_t have = (u1 < a.H ? u1 : a.H) - u0;
  int64_t active = 0;
  for (int64_t r = 0; r < n; ++r) {
    const int64_t b = g.first + r, at = r * U + u0;
    if (active < rows.n && rows.r[active] == r) {
      ++active;
      const int64_t t = place(a, b, s);
      if (a.y) copy(a.y + b * a.y_b + t * a.y_t + u0, h_new + at, have);
      if (a.dropped)
        drop_row(a.out_key, a.dropout, (a.step0 + t) * a.B + b, a.unit0 + u0, have, h_new + at,
                 a.dropped + b * a.dropped_b + t * a.dropped_t + u0);
    } else {
      copy(h_new + at, h_old + at, u1 - u0);
      for (int v = 0; v < C::N; ++v) copy(c_new + v * n * U + at, c_old + v * n * U + at, u1 - u0);
      if (a.y) clear(a.y + b * a.y_b + s * a.y_t + u0, have);
      if (a.dropped) clear(a.dropped + b * a.dropped_b + s * a.dropped_t + u0, have);
    }
  }
}

template <class S, class C> void end_group(const Layer<S>& a, const Group<S>& g) {
  for (int64_t r = 0; r < g.n; ++r) {
    if (a.hn) copy(a.hn + (g.first + r) * a.H, g.h[a.T & 1] + r * g.U, a.H);
    for (int64_t v = 0; v < C::N && a.cn; ++v)
      copy(a.cn + ((g.first + r) * C::N + v) * a.H, g.c[a.T & 1] + (v * g.n + r) * g.U, a.H);
  }
}

template <class S, class C> void forward_cell(const Layer<S>& a, int64_t first, int64_t n, S* scratch) {
  const Group<S> g(a, first, n, scratch, C::N);
  begin_group<S, C>(a, g);
  for (int64_t s = 0; s < a.T; ++s) step_group<S, C>(a, g, s, 0, g.U, g.sums);
  end_group<S, C>(a, g);
}

// The units of part `part` of `parts`, in pairs of panels.
template <class S> TG_INLINE int64_t part_begins(int64_t U, int64_t part, int64_t parts) {
  const int64_t pair = 2 * W<S>, at = (U + pair - 1) / pair * part / parts * pair;
  return at < U ? at : U;
}

// All rows, but of each step only a part of the units. Phase 0 begins, phase s + 1 walks step s, phase T + 1 ends.
template <class S, class C> void forward_part_cell(const Layer<S>& a, int64_t phase, int64_t part, int64_t parts, S* scratch) {
  const Group<S> g(a, 0, a.B, scratch, C::N);
  const int64_t u0 = part_begins<S>(g.U, part, parts), u1 = part_begins<S>(g.U, part + 1, parts);
  if (phase >= 1 && phase <= a.T) {
    if (u0 < u1) step_group<S, C>(a, g, phase - 1, u0, u1, g.sums + part * g.n * C::A * W<S>);
  } else if (part == 0) {
    if (phase == 0) begin_group<S, C>(a, g);
    else end_group<S, C>(a, g);
  }
}

}  // namespace
#endif
