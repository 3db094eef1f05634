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

// out[r]: [padded n]; a[r]: [depth]; returns the end of the packed columns
template <class S>
__attribute__((noinline)) const S* columns_product(const S* const* a, int64_t rows, int64_t depth, int64_t n, const S* w, S* const* out) {
  S* to[MAX_ROWS];
  const int64_t vectors = padded<S>(n) / W<S>;
  int64_t v = 0;
  if (rows == 1)
    for (; v + 8 <= vectors; v += 8, w += 8 * depth * W<S>) {
      V<S> acc[2][4] = {};
      product_pair<S, 4, 0, 4>(acc, a[0], w, w + 4 * depth * W<S>, depth);
      for (int i = 0; i < 8; ++i) store(out[0] + (v + i) * W<S>, acc[i / 4][i % 4]);
    }
  while (v < vectors) {
    for (int64_t r = 0; r < rows; ++r) to[r] = out[r] + v * W<S>;
    const int64_t width = group_vectors<S>(vectors - v);
    if (width == 4) group_product<S, 4>(a, rows, depth, w, to);
    else if (width == 2) group_product<S, 2>(a, rows, depth, w, to);
    else group_product<S, 1>(a, rows, depth, w, to);
    w += depth * width * W<S>;
    v += width;
  }
  return w;
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

template <class S> struct Walk {  // [rows, U] each; gates: this step's rows of dg
  S *dh, *dc, *carry, *carry_c, *first, *m, *product, *gates, *dx;
};

// One row of z: the inputs and the state before the step, as the products saw them.
template <class S> TG_INLINE void gather(const Layer<S>& a, int64_t b, int64_t s, const S* m, S* z) {
  const S* x = a.x + b * a.x_b + place(a, b, s) * a.x_t;
  const S* h = s ? a.y + b * a.y_b + place(a, b, s - 1) * a.y_t : a.h0 ? a.h0 + b * a.H : nullptr;
  copy(z, x, a.I);
  if (!h) clear(z + a.I, a.H);
  else if (!a.recurrent) copy(z + a.I, h, a.H);
  else
    for (int64_t u = 0; u < a.H; ++u) z[a.I + u] = h[u] * m[u];
}

template <class S, class C>
__attribute__((noinline)) void gate_gradients(const Layer<S>& a, const int64_t* active, int64_t n, int64_t first, int64_t s, int64_t U, const Walk<S>& w) {
  const int64_t lanes = W<S>, panels = U / lanes, row_stash = C::K * lanes, panel_stash = a.B * row_stash;
  const int64_t pitch = gate_pitch<S, C>(a.H);
  for (int64_t p = 0; p < panels; ++p) {
    const S* now = a.stash + (s * panels + p) * panel_stash;
    const S* before = now - panels * panel_stash;
    const S* extra = a.back + p * C::EXTRA * lanes;
    for (int64_t j = 0; j < n; ++j) {
      const int64_t r = active[j], b = first + r, at = r * U + p * lanes;
      V<S> old = load(w.first + at), dh = load(w.dh + at), dc = C::HAS_C ? load(w.dc + at) : V<S>{}, back{}, d[C::A];
      if (C::HAS_C && s) old = load(before + b * row_stash + C::Inner::C * lanes);
      C::backward(now + b * row_stash, extra, old, old, dh, dc, back, d);
      if (C::HAS_C) store(w.dc + at, dc);
      if (C::SPLIT) store(w.carry + at, load(w.carry + at) + back);
      S* out = w.gates + b * pitch + p * lanes;
      for (int g = 0; g < C::A; ++g) store(out + g * U, d[g]);
    }
  }
}

template <class S, class N>
void gate_gradients_normed(const Layer<S>& a, const int64_t* active, int64_t n, int64_t first, int64_t s, int64_t U, const Walk<S>& w);

// The part of dh and dc that zoneout lets pass by goes to carry and carry_c.
template <class S, class C>
void zoneout_back(const Layer<S>& a, const int64_t* active, int64_t n, int64_t first, int64_t s, int64_t U, const Walk<S>& w) {
  for (int64_t j = 0; j < n; ++j)
    for (int64_t u = 0; u < U; u += W<S>) {
      const int64_t at = active[j] * U + u, b = first + active[j];
      if (a.zone_h || a.keep_h > 0) {
        V<S> dh = load(w.dh + at), part = kept_share(a, ZONE_H, a.zone_h, a.keep_h, b, s, u) * dh;
        store(w.carry + at, part);
        store(w.dh + at, dh - part);
      }
      if (C::HAS_C && (a.zone_c || a.keep_c > 0)) {
        V<S> dc = load(w.dc + at), part = kept_share(a, ZONE_C, a.zone_c, a.keep_c, b, s, u) * dc;
        store(w.carry_c + at, part);
        store(w.dc + at, dc - part);
      }
    }
}

template <class S> TG_INLINE void write_dx(const Layer<S>& a, int64_t b, int64_t t, S* row, bool direct) {
  S* to = a.dx + b * a.dx_b + t * a.dx_t;
  if (a.dx_dropout) drop_row(a.dx_key, a.dx_dropout, (a.step0 + t) * a.B + b, 0, a.I, row, row);
  if (direct) return;
  if (!a.dx_add) return copy(to, row, a.I);
  for (int64_t i = 0; i < a.I; ++i) to[i] += row[i];
}

template <class S, class C>
void backward_cell(const Layer<S>& a, int64_t first, int64_t n, int64_t s0, int64_t s1, S* scratch) {
  const int64_t lanes = W<S>, U = padded<S>(a.H), IU = padded<S>(a.I), pitch = gate_pitch<S, C>(a.H), pitch_z = input_pitch(a);
  Walk<S> w;
  w.dh = a.carried + first * U;
  w.dc = a.carried + (a.B + first) * U;
  S** parts[] = {&w.carry, &w.carry_c, &w.first, &w.m, &w.product};
  for (S** part : parts) {
    *part = scratch;
    scratch += n * U;
  }
  w.dx = scratch;
  if (s1 == a.T) {
    fetch(a, a.dhn, first, n, U, w.dh);
    fetch(a, a.dcn, first, n, U, w.dc);
  }
  clear(w.carry, 2 * n * U);
  if (C::HAS_C && s0 == 0) fetch(a, a.c0, first, n, U, w.first);
  else if (!C::HAS_C && U > a.H) clear(w.first, n * U);
  if (a.recurrent) recurrent_mask(a, first, n, U, w.m);
  const bool zone = a.zone_h || a.zone_c || a.keep_h > 0 || a.keep_c > 0;
  const bool direct = a.dx && !a.dx_add && IU == a.I;  // the product writes dx itself
  const S *gate_x[MAX_ROWS], *gate_h[MAX_ROWS];
  S *to_h[MAX_ROWS], *to_x[MAX_ROWS];
  int64_t active[MAX_ROWS];
  for (int64_t s = s1 - 1; s >= s0; --s) {
    w.gates = a.dg + (s - s0) * a.B * pitch;
    int64_t count = 0;
    for (int64_t r = 0; r < n; ++r) {
      const int64_t b = first + r;
      S *gates = w.gates + b * pitch, *z = a.z + ((s - s0) * a.B + b) * pitch_z;
      if (s >= steps_of(a, b)) {
        clear(gates, C::A * U);
        clear(z, a.I + a.H);
        if (a.dx && !a.dx_add) clear(a.dx + b * a.dx_b + s * a.dx_t, a.I);
        continue;
      }
      gather(a, b, s, w.m + r * U, z);
      if (a.dy) {
        const S* dy = a.dy + b * a.dy_b + place(a, b, s) * a.dy_t;
        S* dh = w.dh + r * U;
        for (int64_t u = 0; u < a.H; ++u) dh[u] += dy[u];
      }
      if (!C::HAS_C) {
        if (s) copy(w.first + r * U, a.y + b * a.y_b + place(a, b, s - 1) * a.y_t, a.H);
        else if (a.h0) copy(w.first + r * U, a.h0 + b * a.H, a.H);
        else clear(w.first + r * U, a.H);
        if (!a.zone_h && !(a.keep_h > 0)) clear(w.carry + r * U, U);
      }
      gate_h[count] = gates + C::HO * U;
      gate_x[count] = gates + C::XO * U;
      to_h[count] = (C::SPLIT || zone || a.recurrent ? w.product : w.dh) + r * U;
      to_x[count] = direct ? a.dx + b * a.dx_b + place(a, b, s) * a.dx_t : w.dx + r * IU;
      active[count++] = r;
    }
    if (!count) continue;
    if (zone) zoneout_back<S, C>(a, active, count, first, s, U, w);
    if constexpr (C::NORM) gate_gradients_normed<S, C>(a, active, count, first, s, U, w);
    else gate_gradients<S, C>(a, active, count, first, s, U, w);
#if defined(TG_HALF)
    for (int64_t j = 0; j < count; ++j) {
      float* half = w.dx + n * IU + j * (C::A * U / 2);
      to_half(w.gates + (first + active[j]) * pitch, C::A * U, half);
      gate_h[j] = half + C::HO * U / 2;
      gate_x[j] = half + C::XO * U / 2;
    }
#endif
    const int64_t depth = depth_of(C::G * U);
    const S* rest = columns_product(gate_h, count, depth, a.H, a.back + C::EXTRA * U, to_h);
    if (a.dx) columns_product(gate_x, count, depth, a.I, rest, to_x);
    for (int64_t j = 0; j < count; ++j) {
      const int64_t r = active[j];
      if (C::SPLIT || zone || a.recurrent)
        for (int64_t u = r * U; u < (r + 1) * U; u += lanes) {
          V<S> v = load(w.product + u);
          if (a.recurrent) v *= load(w.m + u);
          store(w.dh + u, v + load(w.carry + u));
          if (C::HAS_C) store(w.dc + u, load(w.dc + u) + load(w.carry_c + u));
        }
      if (a.dx) write_dx(a, first + r, place(a, first + r, s), to_x[j], direct);
    }
  }
  if (s0 > 0) return;
  for (int64_t r = 0; r < n; ++r) {
    if (a.dh0) copy(a.dh0 + (first + r) * a.H, w.dh + r * U, a.H);
    if (C::HAS_C && a.dc0) copy(a.dc0 + (first + r) * a.H, w.dc + r * U, a.H);
  }
}

}  // namespace
#endif
