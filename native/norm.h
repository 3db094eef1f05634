// Layer norm inside the cell (Ba, Kiros and Hinton 2016): the input product and the recurrent product are normalised over
// all gates of a row, the cell state over its units before the output's tanh.
//   a = norm(W x) * scale_x + norm(U h) * scale_h + b     h' = o tanh(norm(c') * scale_c + shift_c)
// The packed weights have the mean over all gates taken out of every column (pack.h): the products then have mean zero.
// A normalised cell keeps after its own values: norm(U h) [G], norm(W x) [G], norm(c) [1] and,
// for panel 0 alone, the reciprocal deviations of W x, U h and c.
#ifndef TIDEGATE_NORM_H
#define TIDEGATE_NORM_H
#include "backward.h"

namespace {

// out[j] = the sum of the lanes of v[j], for n <= MAX_ROWS vectors; v is overwritten. W of them are transposed and added as
// vectors: the lanes of each are added in the same order wherever it stands.
template <class S> __attribute__((noinline)) void totals(V<S>* v, int64_t n, S* out) {
  constexpr int64_t lanes = W<S>;
  for (int64_t j = 0; j < n; j += lanes) {
    V<S> square[lanes];
    for (int64_t i = 0; i < lanes; ++i) square[i] = j + i < n ? v[j + i] : V<S>{};
    transpose<S>(square);
#pragma GCC unroll 4
    for (int64_t half = lanes / 2; half; half /= 2)
#pragma GCC unroll 8
      for (int64_t i = 0; i < half; ++i) square[i] += square[i + half];
    store(out + j, square[0]);
  }
}
template <class S> TG_INLINE S root(S v) { return sizeof(S) == 4 ? S(__builtin_sqrtf((float)v)) : S(__builtin_sqrt((double)v)); }

// scale[j] = 1 / sqrt(square[j] / count + epsilon)
template <class S> TG_INLINE void reciprocal_deviations(const S* square, int64_t n, S count, S epsilon, S* scale) {
  for (int64_t j = 0; j < n; ++j) scale[j] = S(1) / root(square[j] / count + epsilon);
}

// Ones where the lane is one of n units, zeros after.
template <class S> TG_INLINE V<S> lanes_below(int64_t n) {
  S part[W<S>];
  for (int64_t i = 0; i < W<S>; ++i) part[i] = S(i < n);
  return load(part);
}

// to [rows, G, W] = product of one panel
template <class S, class N>
TG_INLINE void panel_product(const S* const* from, int64_t rows, int64_t depth, const S* w, S* to) {
  static const S zeros[N::G * W<S>] = {};
  const S* start = zeros;
  for (int64_t k = 0; k < depth; k += DEPTH) {
    const int64_t n = depth - k < DEPTH ? depth - k : DEPTH;
    add_products(Sums<S, Blocks<N::G>>{from, from, w + k * N::G * W<S>, w, k, n, k, 0, rows, start, k ? N::G * W<S> : 0, to});
    start = to;
  }
}

template <class S, class N, bool TRAIN>
__attribute__((noinline)) void step_normed(const Layer<S>& a, const Rows<S>& rows, const State<S>& state) {
  using C = typename N::Inner;
  const int64_t lanes = W<S>, size = panel_length<S, N>(a.I, a.H), U = state.U, panels = U / lanes, n = rows.n;
  const int64_t gates = N::G * lanes, plane = n * gates;
  S *x = state.sums, *h = x + panels * plane, *kept = h + panels * plane;
  V<S> sums[2][MAX_ROWS];
  S sum[MAX_ROWS], of_x[MAX_ROWS], of_h[MAX_ROWS], of_c[MAX_ROWS];  // reciprocal deviations
  const V<S> last = lanes_below<S>(a.H - (panels - 1) * lanes);
  for (int64_t p = 0; p < panels; ++p) {
    const S* w = a.panel + p * size + (N::BIAS + N::EXTRA) * lanes;
    panel_product<S, N>(rows.x, n, a.I, w, x + p * plane);
    panel_product<S, N>(rows.h, n, a.H, w + a.I * gates, h + p * plane);
  }
  for (int64_t j = 0; j < n; ++j) {
    V<S> square_x{}, square_h{};
    for (int64_t p = 0; p < panels; ++p)
      for (int g = 0; g < N::G; ++g) {
        V<S> xs = load(x + p * plane + j * gates + g * lanes), hs = load(h + p * plane + j * gates + g * lanes);
        square_x += xs * xs;
        square_h += hs * hs;
      }
    sums[0][j] = square_x;
    sums[1][j] = square_h;
  }
  totals<S>(sums[0], n, sum);
  reciprocal_deviations(sum, n, S(N::G * a.H), a.epsilon, of_x);
  totals<S>(sums[1], n, sum);
  reciprocal_deviations(sum, n, S(N::G * a.H), a.epsilon, of_h);
  auto keeps = [&](int64_t p, int64_t j) {
    return TRAIN ? state.stash + (p * a.B + rows.r[j]) * N::K * lanes : kept + (p * n + j) * C::K * lanes;
  };
  for (int64_t p = 0; p < panels; ++p) {
    const S *bias = a.panel + p * size, *extra = bias + N::BIAS * lanes, *scale = extra + C::EXTRA * lanes;
    for (int64_t j = 0; j < n; ++j) {
      const int64_t at = rows.r[j] * U + p * lanes;
      const S *xs = x + p * plane + j * gates, *hs = h + p * plane + j * gates;
      V<S> v[C::A], k[C::K], c = C::HAS_C ? load(state.c_old + at) : V<S>{};  // one vector of c, of any normalised cell
      S* keep = keeps(p, j);
      for (int i = 0; i < C::A; ++i) v[i] = load(bias + i * lanes);
      for (int g = 0; g < N::G; ++g) {
        V<S> from_x = load(xs + g * lanes) * of_x[j], from_h = load(hs + g * lanes) * of_h[j];
        v[C::XO + g] += from_x * load(scale + g * lanes);
        v[C::HO + g] += from_h * load(scale + (N::G + g) * lanes);
        if (TRAIN) {
          store(keep + (C::K + g) * lanes, from_h);
          store(keep + (C::K + N::G + g) * lanes, from_x);
        }
      }
      C::gates(v, extra, &c, k);
      if (C::HAS_C) store(state.c_new + at, c);
      else store(state.h_new + at, C::output(v, c, load(state.h_old + at), k));
      for (int i = 0; i < C::K; ++i) store(keep + i * lanes, k[i]);
    }
  }
  S mean[MAX_ROWS];
  if (C::HAS_C) {
    for (int64_t j = 0; j < n; ++j) {
      const S* c = state.c_new + rows.r[j] * U;  // zero past the last unit
      V<S> v{};
      for (int64_t p = 0; p < panels; ++p) v += load(c + p * lanes);
      sums[0][j] = v;
    }
    totals<S>(sums[0], n, mean);
    for (int64_t j = 0; j < n; ++j) {
      const S* c = state.c_new + rows.r[j] * U;
      mean[j] /= S(a.H);
      V<S> square{};
      for (int64_t p = 0; p < panels; ++p) {
        V<S> d = (load(c + p * lanes) - mean[j]) * (p + 1 < panels ? all(S(1)) : last);
        square += d * d;
      }
      sums[0][j] = square;
    }
    totals<S>(sums[0], n, sum);
    reciprocal_deviations(sum, n, S(a.H), a.epsilon, of_c);
  }
  for (int64_t p = 0; p < panels; ++p) {
    const S* scale = a.panel + p * size + (N::BIAS + C::EXTRA + 2 * N::G) * lanes;
    for (int64_t j = 0; j < n; ++j) {
      const int64_t at = rows.r[j] * U + p * lanes;
      S* keep = keeps(p, j);
      if (C::HAS_C) {
        V<S> k[C::K], c = load(state.c_new + at), z = (c - mean[j]) * of_c[j];
        if (p + 1 == panels) z *= last;
        for (int i = 0; i < C::K; ++i) k[i] = load(keep + i * lanes);
        store(state.h_new + at, C::output(nullptr, z * load(scale) + load(scale + lanes), V<S>{}, k));
        if (TRAIN) {
          store(keep + C::C * lanes, c);
          store(keep + (C::C + 1) * lanes, k[C::C + 1]);
          store(keep + (C::K + 2 * N::G) * lanes, z);
        }
      }
      if (TRAIN && p == 0) {
        S* own = keep + (N::K - N::DEVIATIONS) * lanes;
        clear(own, N::DEVIATIONS * lanes);
        own[0] = of_x[j], own[1] = of_h[j], own[2] = C::HAS_C ? of_c[j] : S(0);
      }
    }
  }
}

// The gradient of a normalised vector: scale * (d - mean(d) - v * mean(d v))
template <class S> struct Slopes {
  S scale, mean, along;
  inline __attribute__((always_inline)) V<S> operator()(V<S> d, V<S> v) const { return (d - mean - v * along) * scale; }
};

template <class S, class N>
__attribute__((noinline)) void gate_gradients_normed(const Layer<S>& a, const int64_t* active, int64_t n, int64_t s,
                                                     const Walk<S>& w) {
  using C = typename N::Inner;
  const int64_t lanes = W<S>, U = w.U, panels = U / lanes, row_stash = N::K * lanes, panel_stash = a.B * row_stash;
  const int64_t pitch = gate_pitch<S, N>(a.H);
  const V<S> last = lanes_below<S>(a.H - (panels - 1) * lanes);
  V<S> sums[4][MAX_ROWS];
  S mean[4][MAX_ROWS];
  auto stash = [&](int64_t j) { return a.stash + s * panels * panel_stash + (w.row + active[j]) * row_stash; };
  auto row = [&](int64_t j) { return w.gates + (w.row - a.row0 + active[j]) * pitch; };
  auto scales = [&](int64_t p) { return a.back + (p * N::EXTRA + C::EXTRA) * lanes; };
  auto counts = [&](int64_t p) { return p + 1 < panels ? all(S(1)) : last; };
  if (C::HAS_C) {
    for (int64_t j = 0; j < n; ++j) {
      const S *kept = stash(j), *dh = w.dh + active[j] * U;
      S* out = row(j) + (N::A - 1) * U;
      V<S> sum{}, along{};
      for (int64_t p = 0; p < panels; ++p) {
        const S* k = kept + p * panel_stash;
        V<S> q = load(dh + p * lanes) * C::slope(k), d = q * load(scales(p) + 2 * N::G * lanes);
        store(out + p * lanes, q);
        sum += d;
        along += d * load(k + (C::K + 2 * N::G) * lanes);
      }
      sums[0][j] = sum;
      sums[1][j] = along;
    }
    for (int i = 0; i < 2; ++i) totals<S>(sums[i], n, mean[i]);
  }
  for (int64_t j = 0; j < n; ++j) {
    const S *kept = stash(j), *deviation = kept + (N::K - N::DEVIATIONS) * lanes;
    S* out = row(j);
    const Slopes<S> of_c{deviation[2], mean[0][j] / S(a.H), mean[1][j] / S(a.H)};
    V<S> sum_x{}, sum_h{}, along_x{}, along_h{};
    for (int64_t p = 0; p < panels; ++p) {
      const int64_t at = active[j] * U + p * lanes;
      const S *k = kept + p * panel_stash, *hs = k + C::K * lanes, *xs = hs + N::G * lanes, *scale = scales(p);
      V<S> old = load(w.first + at), dh = load(w.dh + at), dc = C::HAS_C ? load(w.dc + at) : V<S>{}, back{}, d[C::A];
      if (C::HAS_C) {
        if (s) old = load(k - panels * panel_stash + C::C * lanes);
        V<S> q = load(out + (N::A - 1) * U + p * lanes) * load(scale + 2 * N::G * lanes);
        dc += of_c(q, load(xs + N::G * lanes)) * counts(p);
      }
      C::template backward<true>(k, scale - C::EXTRA * lanes, old, old, dh, &dc, back, d);
      if (C::HAS_C) store(w.dc + at, dc);
      if (C::SPLIT) store(w.carry + at, load(w.carry + at) + back);
      for (int i = 0; i < C::A; ++i) store(out + (2 * N::G + i) * U + p * lanes, d[i]);
      for (int g = 0; g < N::G; ++g) {
        V<S> x = d[C::XO + g] * load(scale + g * lanes), h = d[C::HO + g] * load(scale + (N::G + g) * lanes);
        sum_x += x;
        sum_h += h;
        along_x += x * load(xs + g * lanes);
        along_h += h * load(hs + g * lanes);
      }
    }
    sums[0][j] = sum_x;
    sums[1][j] = along_x;
    sums[2][j] = sum_h;
    sums[3][j] = along_h;
  }
  for (int i = 0; i < 4; ++i) totals<S>(sums[i], n, mean[i]);
  for (int64_t j = 0; j < n; ++j) {
    const S *kept = stash(j), *deviation = kept + (N::K - N::DEVIATIONS) * lanes, count = S(N::G * a.H);
    const Slopes<S> of_x{deviation[0], mean[0][j] / count, mean[1][j] / count};
    const Slopes<S> of_h{deviation[1], mean[2][j] / count, mean[3][j] / count};
    for (int64_t p = 0; p < panels; ++p) {
      const S *hs = kept + p * panel_stash + C::K * lanes, *xs = hs + N::G * lanes, *scale = scales(p);
      S* to = row(j) + p * lanes;
      for (int g = 0; g < N::G; ++g) {
        V<S> x = load(to + (2 * N::G + C::XO + g) * U) * load(scale + g * lanes);
        V<S> h = load(to + (2 * N::G + C::HO + g) * U) * load(scale + (N::G + g) * lanes);
        store(to + g * U, of_h(h, load(hs + g * lanes)) * counts(p));
        store(to + (N::G + g) * U, of_x(x, load(xs + g * lanes)) * counts(p));
      }
    }
  }
}

}  // namespace
#endif
