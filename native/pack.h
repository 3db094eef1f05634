// Weights in the order in which the products read them.
//   forward panel p: bias [A, W], peepholes [EXTRA, W], w_ih [I, G, W], w_hh [H, G, W]
//   backward: peepholes [P, EXTRA, W], w_hh for the state, then w_ih for the inputs; columns in groups of 4, 2 or 1 vectors,
//             a group: [G * U, vectors, W], its rows in the order of a row of gate gradients: [G, U]
#ifndef TIDEGATE_PACK_H
#define TIDEGATE_PACK_H
#include "cells.h"
#include "tile.h"

namespace {

template <class S, class C> TG_INLINE int64_t panel_length(int64_t I, int64_t H) {
  return (C::A + C::EXTRA + (I + H) * C::G) * W<S>;
}

// [rows, n] of row pitch n, transposed into [n, G, W] at block g
template <class S> TG_INLINE void pack_block(const S* from, int64_t rows, int64_t n, int64_t pitch, S* to) {
  for (int64_t l = 0; l < rows; ++l)
    for (int64_t k = 0; k < n; ++k) to[k * pitch + l] = from[l * n + k];
}

template <class S, class C> void pack_cell(int64_t I, int64_t H, const S* const* w, S* panel) {
  const int64_t lanes = W<S>, size = panel_length<S, C>(I, H);
  for (int64_t u = 0; u < H; u += lanes, panel += size) {
    const int64_t n = H - u < lanes ? H - u : lanes;
    if (n < lanes) clear(panel, size);
    clear(panel, (C::A + C::EXTRA) * lanes);
    S* px = panel + (C::A + C::EXTRA) * lanes;
    S* ph = px + I * C::G * lanes;
    for (int g = 0; g < C::G; ++g) {
      const int64_t x = C::block_x(g) * H + u, h = C::block_h(g) * H + u;
      for (int64_t l = 0; l < n; ++l) {
        if (w[2]) panel[(C::XO + g) * lanes + l] += w[2][x + l];
        if (w[3]) panel[(C::HO + g) * lanes + l] += w[3][h + l];
      }
      pack_block(w[0] + x * I, n, I, C::G * lanes, px + g * lanes);
      pack_block(w[1] + h * H, n, H, C::G * lanes, ph + g * lanes);
    }
    for (int e = 0; e < C::EXTRA; ++e)
      for (int64_t l = 0; l < n; ++l) panel[(C::A + e) * lanes + l] = w[4][e * H + u + l];
  }
}

template <class S> TG_INLINE int64_t group_vectors(int64_t left) { return left >= 4 ? 4 : left >= 2 ? 2 : 1; }

template <class S, class C> int64_t back_length(int64_t I, int64_t H, bool dx) {
  return C::EXTRA * padded<S>(H) + C::G * padded<S>(H) * (padded<S>(H) + (dx ? padded<S>(I) : 0));
}

// w: [G*H, n] -> groups over n
template <class S, class C> S* pack_columns(const S* w, int64_t H, int64_t n, bool recurrent, S* to) {
  const int64_t lanes = W<S>, U = padded<S>(H), all_vectors = padded<S>(n) / lanes;
  for (int64_t v = 0; v < all_vectors;) {
    const int64_t width = group_vectors<S>(all_vectors - v) * lanes, first = v * lanes;
    const int64_t have = n - first < width ? n - first : width;
    if (have < width || U > H) clear(to, C::G * U * width);
    for (int g = 0; g < C::G; ++g) {
      const S* from = w + (recurrent ? C::block_h(g) : C::block_x(g)) * H * n + first;
      for (int64_t u = 0; u < H; ++u) copy(to + (g * U + u) * width, from + u * n, have);
    }
    to += C::G * U * width;
    v += width / lanes;
  }
  return to;
}

template <class S, class C> void pack_back_cell(int64_t I, int64_t H, bool dx, const S* const* w, S* back) {
  const int64_t lanes = W<S>;
  if (C::EXTRA) clear(back, C::EXTRA * padded<S>(H));
  for (int e = 0; e < C::EXTRA; ++e)
    for (int64_t u = 0; u < H; ++u) back[(u / lanes * C::EXTRA + e) * lanes + u % lanes] = w[4][e * H + u];
  S* end = pack_columns<S, C>(w[1], H, H, true, back + C::EXTRA * padded<S>(H));
  if (dx) pack_columns<S, C>(w[0], H, I, false, end);
}

}  // namespace
#endif
