// Weights in the order in which the products read them.
//
// Template letters, here and in all kernels: S the scalar (float or double), C the cell (cells.h), W<S> the scalars of one
// vector register, V<S> that register. C::G gates, C::A sums that a cell needs (a GRU keeps x's and h's share of its
// candidate apart), C::K values kept for the way back, C::BIAS and C::EXTRA vectors of biases and of peepholes or norm.
//
// One panel holds everything that W units need, so that a register tile makes all gates of the same units, and the cell's
// arithmetic runs on registers; no pre-activation reaches memory. An LSTM's panel of units u to u + W:
//
//          W units
//        +---------+---------+---------+---------+
//        | bias i  | bias f  | bias g  | bias o  |   start of the sums          [BIAS, W]
//        +---------+---------+---------+---------+
//        | peepholes, scales of layer norm, if any |   read by the cell           [EXTRA, W]
//        +---------+---------+---------+---------+
//   k=0  | i       | f       | g       | o       |   sums += x[0] * this row
//   k=1  | i       | f       | g       | o       |   sums += x[1] * this row    [I, G, W]
//        | ...                                   |
//        +---------+---------+---------+---------+
//   k=0  | i       | f       | g       | o       |   sums += h[0] * this row    [H, G, W]
//        | ...                                   |
//        +---------+---------+---------+---------+
//
//   forward panel p: bias [BIAS, W], vectors [EXTRA, W], w_ih [I, G, W], w_hh [H, G, W]
//     vectors: peepholes; with layer norm also the scales of W x [G] and U h [G], scale and shift of the cell state
//   backward: vectors [P, EXTRA, W], w_hh for the state, then w_ih for the inputs; columns in groups of 4, 2 or 1 vectors,
//             a group: [G * U, vectors, W], its rows in the order of a row of gate gradients: [G, U]
#ifndef TIDEGATE_PACK_H
#define TIDEGATE_PACK_H
#include "cells.h"
#include "tile.h"

namespace {

template <class S, class C> TG_INLINE int64_t panel_length(int64_t I, int64_t H) {
  return (C::BIAS + C::EXTRA + (depth_of(I) + depth_of(H)) * C::G) * W<S>;
}

// [rows, n] of row pitch n, transposed into [n, G, W] at block g
template <class S> TG_INLINE void pack_block(const S* from, int64_t rows, int64_t n, int64_t pitch, S* to) {
  constexpr int64_t lanes = W<S>;
  int64_t first = 0;
  if (!HALF && rows == lanes)
    for (; first + lanes <= n; first += lanes) {
      V<S> square[lanes];
#pragma GCC unroll 16
      for (int64_t l = 0; l < lanes; ++l) square[l] = load(from + l * n + first);
      transpose<S>(square);
#pragma GCC unroll 16
      for (int64_t k = 0; k < lanes; ++k) store(to + (first + k) * pitch, square[k]);
    }
  for (int64_t l = 0; l < rows; ++l)
    for (int64_t k = first; k < n; ++k)
      if constexpr (HALF) ((uint16_t*)(to + k / 2 * pitch + l))[k % 2] = to_half(from[l * n + k]);
      else to[k * pitch + l] = from[l * n + k];
}

// Takes the mean over all rows of w [rows, n] out of every packed column;  to: [n, G, W] in each panel, `size` apart
template <class S, class C> void take_mean(const S* w, int64_t H, int64_t n, int64_t size, S* to) {
  constexpr int64_t COLUMNS = 64;
  const int64_t lanes = W<S>, rows = C::G * H;
  for (int64_t k = 0; k < n; k += COLUMNS) {
    const int64_t have = n - k < COLUMNS ? n - k : COLUMNS;
    S mean[COLUMNS] = {};
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t i = 0; i < have; ++i) mean[i] += w[r * n + k + i];
    for (int64_t i = 0; i < have; ++i) mean[i] /= S(rows);
    for (int64_t u = 0; u < H; u += lanes) {
      const int64_t units = H - u < lanes ? H - u : lanes;
      S* at = to + u / lanes * size + k * C::G * lanes;
      for (int64_t i = 0; i < have; ++i)
        for (int64_t g = 0; g < C::G; ++g, at += lanes)
          for (int64_t l = 0; l < units; ++l) at[l] -= mean[i];
    }
  }
}

// Where vector e of unit 0 begins: in the peepholes (slot 4) or in the norm's vectors (slot 5)
struct Place {
  int slot;
  int64_t at;
};
template <class S, class C> TG_INLINE Place extra_place(int e, int64_t H) {
  using Inner = typename C::Inner;
  if (e < Inner::EXTRA) return {4, e * H};
  e -= Inner::EXTRA;
  if (e < C::G) return {5, C::block_x(e) * H};
  if (e < 2 * C::G) return {5, (C::G + C::block_h(e - C::G)) * H};
  return {5, e * H};
}

// Part `part` of `parts`; with layer norm the first is the whole.
template <class S, class C> void pack_cell(int64_t I, int64_t H, const S* const* w, S* to, int64_t part, int64_t parts) {
  const int64_t lanes = W<S>, size = panel_length<S, C>(I, H), panels = padded<S>(H) / lanes;
  if (C::NORM && part) return;
  if (C::NORM) parts = 1;
  S* const first = to + (C::BIAS + C::EXTRA) * lanes;
  for (int64_t p = panels * part / parts; p < panels * (part + 1) / parts; ++p) {
    S* const panel = to + p * size;
    const int64_t u = p * lanes, n = H - u < lanes ? H - u : lanes;
    if (n < lanes || HALF) clear(panel, size);
    clear(panel, (C::BIAS + C::EXTRA) * lanes);
    S* px = panel + (C::BIAS + C::EXTRA) * lanes;
    S* ph = px + depth_of(I) * C::G * lanes;
    for (int g = 0; g < C::G; ++g) {
      const int64_t x = C::block_x(g) * H + u, h = C::block_h(g) * H + u;
      for (int64_t l = 0; l < n; ++l) {
        if (w[2]) panel[(C::Inner::XO + g) * lanes + l] += w[2][x + l];
        if (w[3]) panel[(C::Inner::HO + g) * lanes + l] += w[3][h + l];
      }
      pack_block(w[0] + x * I, n, I, C::G * lanes, px + g * lanes);
      pack_block(w[1] + h * H, n, H, C::G * lanes, ph + g * lanes);
    }
    for (int e = 0; e < C::EXTRA; ++e) {
      const Place from = extra_place<S, C>(e, H);
      copy(panel + (C::BIAS + e) * lanes, w[from.slot] + from.at + u, n);
    }
  }
  if (C::NORM) {
    take_mean<S, C>(w[0], H, I, size, first);
    take_mean<S, C>(w[1], H, H, size, first + I * C::G * lanes);
  }
}

template <class S> TG_INLINE int64_t group_vectors(int64_t left) { return left >= 4 ? 4 : left >= 2 ? 2 : 1; }

template <class S, class C> int64_t back_length(int64_t I, int64_t H, bool dx) {
  return C::EXTRA * padded<S>(H) + depth_of(C::G * padded<S>(H)) * (padded<S>(H) + (dx ? padded<S>(I) : 0));
}

// w: [G*H, n] -> groups over n, part `part` of `parts`
template <class S, class C>
void pack_columns(const S* w, int64_t H, int64_t n, bool recurrent, S* to, int64_t part, int64_t parts) {
  const int64_t lanes = W<S>, U = padded<S>(H), all_vectors = padded<S>(n) / lanes, fours = (all_vectors + 3) / 4;
  const int64_t begin = fours * part / parts * 4, last = fours * (part + 1) / parts * 4;
  to += begin * depth_of(C::G * U) * lanes;
  for (int64_t v = begin; v < last && v < all_vectors;) {
    const int64_t width = group_vectors<S>(all_vectors - v) * lanes, first = v * lanes;
    const int64_t have = n - first < width ? n - first : width;
    if (have < width || U > H) clear(to, depth_of(C::G * U) * width);
    for (int g = 0; g < C::G; ++g) {
      const S* from = w + (recurrent ? C::block_h(g) : C::block_x(g)) * H * n + first;
      for (int64_t u = 0; u < H; ++u)
        if constexpr (HALF)
          for (int64_t i = 0; i < have; ++i) ((uint16_t*)(to + (g * U + u) / 2 * width + i))[u % 2] = to_half(from[u * n + i]);
        else if (have == 4 * lanes)
          for (int v = 0; v < 4; ++v) store(to + (g * U + u) * width + v * lanes, load(from + u * n + v * lanes));
        else copy(to + (g * U + u) * width, from + u * n, have);
    }
    to += depth_of(C::G * U) * width;
    v += width / lanes;
  }
}

template <class S, class C>
void pack_back_cell(int64_t I, int64_t H, bool dx, const S* const* w, S* back, int64_t part, int64_t parts) {
  const int64_t lanes = W<S>, U = padded<S>(H);
  if (C::EXTRA && part == 0) clear(back, C::EXTRA * U);
  for (int e = 0; e < C::EXTRA && part == 0; ++e) {
    const Place from = extra_place<S, C>(e, H);
    for (int64_t u = 0; u < H; ++u) back[(u / lanes * C::EXTRA + e) * lanes + u % lanes] = w[from.slot][from.at + u];
  }
  back += C::EXTRA * U;
  pack_columns<S, C>(w[1], H, H, true, back, part, parts);
  if (dx) pack_columns<S, C>(w[0], H, I, false, back + depth_of(C::G * U) * U, part, parts);
}

}  // namespace
#endif
