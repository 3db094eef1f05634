// Backward through time for a group of rows: gate gradients for the weights, gradients of inputs and states.
#ifndef TIDEGATE_BACKWARD_H
#define TIDEGATE_BACKWARD_H
#include "forward.h"

namespace {

// out[r] = a[r] times one group of columns;  w: [depth, NV, W]
template <class S, int NV> TG_INLINE void group_product(const S* const* a, int64_t n, int64_t depth, const S* w, S* const* out) {
  for (int64_t k = 0; k < depth; k += DEPTH) {
    const int64_t d = depth - k < DEPTH ? depth - k : DEPTH;
    tiles<tile_rows(NV)>(n, [&](int64_t j, auto count) {
      constexpr int R = decltype(count)::value;
      V<S> acc[R][NV];
      const S* p[R];
      for (int r = 0; r < R; ++r) {
        p[r] = a[j + r] + k;
        for (int v = 0; v < NV; ++v) acc[r][v] = k ? load(out[j + r] + v * W<S>) : V<S>{};
      }
      product<S, R, NV, 0, NV>(acc, p, w + k * NV * W<S>, d);
      for (int r = 0; r < R; ++r)
        for (int v = 0; v < NV; ++v) store(out[j + r] + v * W<S>, acc[r][v]);
    });
  }
}

// out[r]: [padded n]; a[r]: [depth]; w: the packed columns. Vectors v to end of the columns, v a multiple of 4.
template <class S>
__attribute__((noinline)) void columns_product(const S* const* a, int64_t rows, int64_t depth, int64_t n, const S* w, S* const* out,
                                               int64_t v, int64_t end) {
  S* to[MAX_ROWS];
  const int64_t vectors = padded<S>(n) / W<S>;
  w += v * depth * W<S>;
  if (rows == 1)
    for (; v + 8 <= end; v += 8, w += 8 * depth * W<S>) {
      V<S> acc[2][4] = {};
      product_pair<S, 4, 0, 4>(acc, a[0], w, w + 4 * depth * W<S>, depth);
      for (int i = 0; i < 8; ++i) store(out[0] + (v + i) * W<S>, acc[i / 4][i % 4]);
    }
  while (v < end) {
    for (int64_t r = 0; r < rows; ++r) to[r] = out[r] + v * W<S>;
    const int64_t width = group_vectors<S>(vectors - v);
    if (width == 4) group_product<S, 4>(a, rows, depth, w, to);
    else if (width == 2) group_product<S, 2>(a, rows, depth, w, to);
    else group_product<S, 1>(a, rows, depth, w, to);
    w += depth * width * W<S>;
    v += width;
  }
}

// Elements from one row of gate gradients to the next; not a power of two, so that rows do not meet in one cache set.
template <class S, class C> TG_INLINE int64_t gate_pitch(int64_t H) { return C::A * padded<S>(H) + 64 / (int64_t)sizeof(S); }

// Elements from one row of inputs to the next: an odd number of cache lines, so that a column meets every cache set.
template <class S> TG_INLINE int64_t input_pitch(const Layer<S>& a) {
  const int64_t line = 64 / (int64_t)sizeof(S), lines = (a.I + a.H + line - 1) / line;
  return (lines | 1) * line;
}

template <class S, class C> int64_t backward_scratch_cell(const Layer<S>& a, int64_t rows) {
  return rows * (padded<S>(a.H) * 5 + padded<S>(a.I) + (HALF ? C::A * padded<S>(a.H) / 2 : 0));
}

// A group of rows and what it carries, [n, U] each (dx: [n, I]); gates: this step's rows of dg, counted from a.row0.
template <class S> struct Walk {
  Walk(const Layer<S>& a, int64_t first_row, int64_t n, S* scratch) : row(first_row), n(n), U(padded<S>(a.H)), plane(a.B * U) {
    dh = a.carried + row * U;
    dc = a.carried + (a.B + row) * U;
    S** parts[] = {&carry, &carry_c, &first, &m, &product};
    for (S** part : parts) {
      *part = scratch;
      scratch += n * U;
    }
    dx = scratch;
  }
  int64_t row, n, U, plane;  // plane: from one vector of dc to the next
  S *dh, *dc, *carry, *carry_c, *first, *m, *product, *dx, *gates = nullptr;
};

// Part of one row of z: the inputs (of the first part) and the state before the step, as the products saw them.
template <class S> TG_INLINE void gather(const Layer<S>& a, int64_t b, int64_t s, const S* m, int64_t u0, int64_t u1, S* z) {
  const S* h = s ? a.y + b * a.y_b + place(a, b, s - 1) * a.y_t : a.h0 ? a.h0 + b * a.H : nullptr;
  if (u0 == 0) copy(z, a.x + b * a.x_b + place(a, b, s) * a.x_t, a.I);
  z += a.I;
  if (!h) clear(z + u0, u1 - u0);
  else if (!a.recurrent) copy(z + u0, h + u0, u1 - u0);
  else
    for (int64_t u = u0; u < u1; ++u) z[u] = h[u] * m[u];
}

template <class S, class C>
__attribute__((noinline)) void gate_gradients(const Layer<S>& a, const int64_t* active, int64_t n, int64_t s, const Walk<S>& w, int64_t u0, int64_t u1) {
  const int64_t lanes = W<S>, U = w.U, panels = U / lanes, row_stash = C::K * lanes, panel_stash = a.B * row_stash;
  const int64_t pitch = gate_pitch<S, C>(a.H);
  for (int64_t p = u0 / lanes; p < u1 / lanes; ++p) {
    const S* now = a.stash + (s * panels + p) * panel_stash;
    const S* before = now - panels * panel_stash;
    const S* extra = a.back + p * C::EXTRA * lanes;
    for (int64_t j = 0; j < n; ++j) {
      const int64_t r = active[j], b = w.row + r, at = r * U + p * lanes;
      V<S> old = load(w.first + at), dh = load(w.dh + at), dc[C::N + 1] = {}, back{}, d[C::A];
      for (int v = 0; v < C::N; ++v) dc[v] = load(w.dc + v * w.plane + at);
      if (C::HAS_C && s) old = load(before + b * row_stash + C::Inner::C * lanes);
      C::backward(now + b * row_stash, extra, old, old, dh, dc, back, d);
      for (int v = 0; v < C::N; ++v) store(w.dc + v * w.plane + at, dc[v]);
      if (C::SPLIT) store(w.carry + at, load(w.carry + at) + back);
      S* out = w.gates + (b - a.row0) * pitch + p * lanes;
      for (int g = 0; g < C::A; ++g) store(out + g * U, d[g]);
    }
  }
}

template <class S, class N>
void gate_gradients_normed(const Layer<S>& a, const int64_t* active, int64_t n, int64_t s, const Walk<S>& w);  // norm.h

// The part of dh and dc that zoneout lets pass by goes to carry and carry_c.
template <class S, class C>
void zoneout_back(const Layer<S>& a, const int64_t* active, int64_t n, int64_t s, const Walk<S>& w, int64_t u0, int64_t u1) {
  for (int64_t j = 0; j < n; ++j)
    for (int64_t u = u0; u < u1; u += W<S>) {
      const int64_t at = active[j] * w.U + u, b = w.row + active[j];
      if (a.zone_h || a.keep_h > 0) {
        V<S> dh = load(w.dh + at), part = kept_share(a, ZONE_H, a.zone_h, a.keep_h, b, s, u) * dh;
        store(w.carry + at, part);
        store(w.dh + at, dh - part);
      }
      if (C::N == 1 && (a.zone_c || a.keep_c > 0)) {
        V<S> dc = load(w.dc + at), part = kept_share(a, ZONE_C, a.zone_c, a.keep_c, b, s, u) * dc;
        store(w.carry_c + at, part);
        store(w.dc + at, dc - part);
      }
    }
}

// Inputs i0 to i1 of one row.
template <class S>
TG_INLINE void write_dx(const Layer<S>& a, int64_t b, int64_t t, S* row, bool direct, int64_t i0, int64_t i1) {
  S* to = a.dx + b * a.dx_b + t * a.dx_t;
  if (a.dx_dropout) drop_row(a.dx_key, a.dx_dropout, (a.step0 + t) * a.B + b, i0, i1 - i0, row + i0, row + i0);
  if (direct) return;
  if (!a.dx_add) return copy(to + i0, row + i0, i1 - i0);
  for (int64_t i = i0; i < i1; ++i) to[i] += row[i];
}

template <class S, class C> void begin_walk(const Layer<S>& a, const Walk<S>& w, int64_t s0, int64_t s1) {
  const int64_t n = w.n, U = w.U;
  if (s1 == a.T) {
    fetch(a, a.dhn, w.row, n, U, w.dh);
    fetch(a, a.dcn, w.row, n, U, w.dc, C::N, w.plane);
  }
  clear(w.carry, 2 * n * U);
  if (C::HAS_C && s0 == 0) {  // c alone of its vectors is looked at again
    clear(w.first, n * U);
    for (int64_t r = 0; a.c0 && r < n; ++r) copy(w.first + r * U, a.c0 + (w.row + r) * C::N * a.H, a.H);
  }
  else if (!C::HAS_C && U > a.H) clear(w.first, n * U);
  if (a.recurrent) recurrent_mask(a, w.row, n, U, w.m);
}

template <class S> TG_INLINE bool zones(const Layer<S>& a) { return a.zone_h || a.zone_c || a.keep_h > 0 || a.keep_c > 0; }

// Rows that are still under way at step s; active: [MAX_ROWS]
template <class S> TG_INLINE int64_t active_rows(const Layer<S>& a, const Walk<S>& w, int64_t s, int64_t* active) {
  int64_t count = 0;
  for (int64_t r = 0; r < w.n; ++r)
    if (s < steps_of(a, w.row + r)) active[count++] = r;
  return count;
}

// The first half of a step: gradients of the gates of units u0 to u1, and what the weights' gradients need beside them.
template <class S, class C>
void walk_gates(const Layer<S>& a, Walk<S>& w, int64_t s0, int64_t s, const int64_t* active, int64_t count, int64_t u0, int64_t u1) {
  const int64_t U = w.U, pitch = gate_pitch<S, C>(a.H), pitch_z = input_pitch(a), end = u1 < a.H ? u1 : a.H;
  w.gates = a.dg + (s - s0) * a.rows * pitch;
  int64_t next = 0;
  for (int64_t r = 0; r < w.n; ++r) {
    const int64_t b = w.row + r, at = r * U;
    S *gates = w.gates + (b - a.row0) * pitch, *z = a.z + ((s - s0) * a.rows + b - a.row0) * pitch_z;
    if (next == count || active[next] != r) {
      for (int64_t g = 0; g < C::A; ++g) clear(gates + g * U + u0, u1 - u0);
      clear(z + a.I + u0, end - u0);
      if (u0 == 0) {
        clear(z, a.I);
        if (a.dx && !a.dx_add) clear(a.dx + b * a.dx_b + s * a.dx_t, a.I);
      }
      continue;
    }
    ++next;
    gather(a, b, s, w.m + at, u0, end, z);
    if (a.dy) {
      const S* dy = a.dy + b * a.dy_b + place(a, b, s) * a.dy_t;
      S* dh = w.dh + at;
      for (int64_t u = u0; u < end; ++u) dh[u] += dy[u];
    }
    if (!C::HAS_C) {
      const S* before = s ? a.y + b * a.y_b + place(a, b, s - 1) * a.y_t : a.h0 ? a.h0 + b * a.H : nullptr;
      if (before) copy(w.first + at + u0, before + u0, end - u0);
      else clear(w.first + at + u0, end - u0);
      if (!a.zone_h && !(a.keep_h > 0)) clear(w.carry + at + u0, u1 - u0);
    }
  }
  if (!count) return;
  if (zones(a)) zoneout_back<S, C>(a, active, count, s, w, u0, u1);
  if constexpr (C::NORM) gate_gradients_normed<S, C>(a, active, count, s, w);
  else gate_gradients<S, C>(a, active, count, s, w, u0, u1);
}

// The second half: gradients of the state before, vectors v0 to v1 of all columns (those of the state, then the inputs').
template <class S, class C>
void walk_products(const Layer<S>& a, const Walk<S>& w, int64_t s, const int64_t* active, int64_t count, int64_t v0, int64_t v1) {
  const int64_t lanes = W<S>, U = w.U, IU = padded<S>(a.I), pitch = gate_pitch<S, C>(a.H), of_h = U / lanes;
  const bool aside = C::SPLIT || zones(a) || a.recurrent;  // the product is not yet the state's gradient
  const bool direct = a.dx && !a.dx_add && IU == a.I;      // the product writes dx itself
  const S *gate_x[MAX_ROWS], *gate_h[MAX_ROWS];
  S *to_h[MAX_ROWS], *to_x[MAX_ROWS];
  for (int64_t j = 0; j < count; ++j) {
    const int64_t r = active[j], b = w.row + r;
    const S* gates = w.gates + (b - a.row0) * pitch;
#if defined(TG_HALF)
    float* half = w.dx + w.n * IU + j * (C::A * U / 2);
    to_half(gates, C::A * U, half);
    gate_h[j] = half + C::HO * U / 2;
    gate_x[j] = half + C::XO * U / 2;
#else
    gate_h[j] = gates + C::HO * U;
    gate_x[j] = gates + C::XO * U;
#endif
    to_h[j] = (aside ? w.product : w.dh) + r * U;
    to_x[j] = direct ? a.dx + b * a.dx_b + place(a, b, s) * a.dx_t : w.dx + r * IU;
  }
  const int64_t depth = depth_of(C::G * U), h1 = v1 < of_h ? v1 : of_h, x0 = v0 > of_h ? v0 - of_h : 0, x1 = v1 - of_h;
  const S* back = a.back + C::EXTRA * U;
  if (v0 < h1) columns_product(gate_h, count, depth, a.H, back, to_h, v0, h1);
  if (a.dx && x0 < x1) columns_product(gate_x, count, depth, a.I, back + depth * U, to_x, x0, x1);
  for (int64_t j = 0; j < count; ++j) {
    const int64_t r = active[j];
    if (aside)
      for (int64_t u = r * U + v0 * lanes; u < r * U + h1 * lanes; u += lanes) {
        V<S> v = load(w.product + u);
        if (a.recurrent) v *= load(w.m + u);
        store(w.dh + u, v + load(w.carry + u));
        if (C::HAS_C) store(w.dc + u, load(w.dc + u) + load(w.carry_c + u));
      }
    if (a.dx && x0 < x1) {
      const int64_t i1 = x1 * lanes < a.I ? x1 * lanes : a.I;
      write_dx(a, w.row + r, place(a, w.row + r, s), to_x[j], direct, x0 * lanes, i1);
    }
  }
}

template <class S, class C> void end_walk(const Layer<S>& a, const Walk<S>& w) {
  for (int64_t r = 0; r < w.n; ++r) {
    if (a.dh0) copy(a.dh0 + (w.row + r) * a.H, w.dh + r * w.U, a.H);
    for (int64_t v = 0; v < C::N && a.dc0; ++v)
      copy(a.dc0 + ((w.row + r) * C::N + v) * a.H, w.dc + v * w.plane + r * w.U, a.H);
  }
}

template <class S> TG_INLINE int64_t all_columns(const Layer<S>& a) {
  return (padded<S>(a.H) + (a.dx ? padded<S>(a.I) : 0)) / W<S>;
}

template <class S, class C>
void backward_cell(const Layer<S>& a, int64_t first, int64_t n, int64_t s0, int64_t s1, S* scratch) {
  Walk<S> w(a, first, n, scratch);
  int64_t active[MAX_ROWS];
  begin_walk<S, C>(a, w, s0, s1);
  for (int64_t s = s1 - 1; s >= s0; --s) {
    const int64_t count = active_rows(a, w, s, active);
    walk_gates<S, C>(a, w, s0, s, active, count, 0, w.U);
    if (count) walk_products<S, C>(a, w, s, active, count, 0, all_columns(a));
  }
  if (s0 == 0) end_walk<S, C>(a, w);
}

// All rows, but of each step only a part of the units or of the columns. Phase 0 begins, phases 2 i + 1 and 2 i + 2 are the
// halves of step s1 - 1 - i, the last phase ends.
template <class S, class C>
void backward_part_cell(const Layer<S>& a, int64_t s0, int64_t s1, int64_t phase, int64_t part, int64_t parts, S* scratch) {
  Walk<S> w(a, 0, a.B, scratch);
  const int64_t s = s1 - 1 - (phase - 1) / 2;
  if (phase == 0) {
    if (part == 0) begin_walk<S, C>(a, w, s0, s1);
  } else if (s < s0) {
    if (part == 0 && s0 == 0) end_walk<S, C>(a, w);
  } else {
    int64_t active[MAX_ROWS];
    const int64_t count = active_rows(a, w, s, active);
    if (phase % 2) {
      const int64_t u0 = part_begins<S>(w.U, part, parts), u1 = part_begins<S>(w.U, part + 1, parts);
      if (u0 < u1) walk_gates<S, C>(a, w, s0, s, active, count, u0, u1);
    } else if (count) {
      w.gates = a.dg + (s - s0) * a.rows * gate_pitch<S, C>(a.H);
      const int64_t all = all_columns(a), groups = (all + 7) / 8, of_h = w.U / W<S>;
      auto cut = [&](int64_t i) {  // not within a group of columns
        int64_t v = groups * i / parts * 8;
        if (v > of_h) v = of_h + (v - of_h) / 4 * 4;
        else if (v < of_h) v = v / 4 * 4;
        return v < all ? v : all;
      };
      const int64_t v0 = cut(part), v1 = part + 1 == parts ? all : cut(part + 1);
      if (v0 < v1) walk_products<S, C>(a, w, s, active, count, v0, v1);
    }
  }
}

}  // namespace
#endif
