// Weights of 8 bits: compiled once per instruction set, without contraction of a product and a sum into one operation.
//
// W units make a panel, as in pack.h; U is H rounded up to 16 on every instruction set. Four inputs of a unit stand
// together, so that a lane holds what it needs of them:
//
//   packed: vectors [VECTORS, U] float, then for each panel w_ih [I/4, G, W, 4], w_hh [H/4, G, W, 4] int8
//   vectors: bias [A], steps of w_ih [G] and of w_hh [G], peepholes [3], scales of the norm [2 G], scale and shift of c [2]
#define TG_EXACT
#include "int8.h"

#include "cells.h"
#include "dot8.h"

namespace {
constexpr int64_t LANES = W<float>;
constexpr float LOW = 1.0f / 254.0f;  // of the second digit
constexpr float WHOLE = 12582912.0f;  // added, it rounds to a whole number and leaves it in the low bits
static_assert(LANES <= 16, "units are padded to 16");

template <class C> struct Places {
  static constexpr int G = C::G, SX = C::A, SH = SX + G, PEEP = SH + G, NORM = PEEP + 3, CELL = NORM + 2 * G, VECTORS = CELL + 2;
};
struct Dense {
  static constexpr int A = 1, G = 1, XO = 0, HO = 0;
  TG_INLINE int64_t block_x(int) { return 0; }
  TG_INLINE int64_t block_h(int) { return 0; }
};

template <class C> TG_INLINE int64_t panel_bytes(const tg_int8& a, bool dense) {
  return (up(a.I, 4) + (dense ? 0 : up(a.H, 4))) * C::G * LANES;
}
template <class C> int64_t bytes_of(const tg_int8& a, bool dense) {
  const int64_t U = up(a.H, 16);
  return Places<C>::VECTORS * U * 4 + U / LANES * panel_bytes<C>(a, dense);
}

// w [rows, n] -> [n/4, G, W, 4] at block g
TG_INLINE void pack_bytes(const int8_t* w, int64_t rows, int64_t n, int64_t G, int8_t* to) {
  for (int64_t k = 0; k < up(n, 4); ++k)
    for (int64_t l = 0; l < LANES; ++l) {
      const int v = l < rows && k < n ? w[l * n + k] : 0;
      to[(k / 4 * G * LANES + l) * 4 + k % 4] = (int8_t)(uint8_t)(UNSIGNED ? v + 128 : v);
    }
}

template <class C> void pack_layer(const tg_int8& a, bool dense, void* packed) {
  using P = Places<C>;
  const int64_t H = a.H, U = up(H, 16), size = panel_bytes<C>(a, dense);
  const int8_t* w[2] = {(const int8_t*)a.weights[0], (const int8_t*)a.weights[1]};
  const float* f[TG_INT8_ARRAYS];
  for (int i = 2; i < TG_INT8_ARRAYS; ++i) f[i] = (const float*)a.weights[i];
  float* v = (float*)packed;
  __builtin_memset(v, 0, (size_t)(P::VECTORS * U * 4));
  for (int64_t u = 0; u < H; ++u) {
    for (int g = 0; g < C::G; ++g) {
      v[(C::XO + g) * U + u] = f[4] ? f[4][C::block_x(g) * H + u] : 0;
      v[(P::SX + g) * U + u] = f[2][C::block_x(g) * H + u];
      if (a.flags & TG_NORM) v[(P::NORM + g) * U + u] = f[7][C::block_x(g) * H + u];
    }
    for (int g = 0; g < C::G && !dense; ++g) {
      if (f[5]) v[(C::HO + g) * U + u] += f[5][C::block_h(g) * H + u];
      v[(P::SH + g) * U + u] = f[3][C::block_h(g) * H + u];
      if (a.flags & TG_NORM) v[(P::NORM + C::G + g) * U + u] = f[7][(C::G + C::block_h(g)) * H + u];
    }
    for (int e = 0; e < 3 && f[6]; ++e) v[(P::PEEP + e) * U + u] = f[6][e * H + u];
    for (int e = 0; e < 2 && (a.flags & TG_NORM) && a.cell != TG_GRU; ++e)
      v[(P::CELL + e) * U + u] = f[7][(2 * C::G + e) * H + u];
  }
  int8_t* panel = (int8_t*)(v + P::VECTORS * U);
  for (int64_t u = 0; u < U; u += LANES, panel += size) {
    const int64_t rows = H - u < LANES ? (H > u ? H - u : 0) : LANES, first = rows ? u : 0;
    for (int g = 0; g < C::G; ++g) {
      pack_bytes(w[0] + (C::block_x(g) * H + first) * a.I, rows, a.I, C::G, panel + g * LANES * 4);
      if (dense) continue;
      int8_t* const to = panel + up(a.I, 4) * C::G * LANES + g * LANES * 4;
      pack_bytes(w[1] + (C::block_h(g) * H + first) * H, rows, H, C::G, to);
    }
  }
}

// A row as whole numbers: x = step * (first + second / 254). `sum` of them, times -128 where weights are packed plus 128.
struct Row {
  const int8_t* q[2];
  int32_t start[2];
  float step;
};

// q: [up(n, 4)] of each digit, zero past n. A row with a value that is not finite has NaN for its step.
TG_INLINE Row quantise(const float* x, int64_t n, int64_t digits, int8_t* q0, int8_t* q1) {
  uint32_t most = 0;
  for (int64_t i = 0; i < n; ++i) {
    uint32_t bits;
    __builtin_memcpy(&bits, x + i, 4);
    bits &= 0x7fffffffu;
    most = bits > most ? bits : most;
  }
  Row row{{q0, q1}, {0, 0}, 0.0f};
  float m;
  __builtin_memcpy(&m, &most, 4);
  const int64_t padded = up(n, 4);
  if (most >= 0x7f800000u || m < 1e-30f) {
    row.step = most >= 0x7f800000u ? __builtin_nanf("") : 0.0f;
    __builtin_memset(q0, 0, (size_t)padded);
    if (digits == 2) __builtin_memset(q1, 0, (size_t)padded);
    return row;
  }
  const float inverse = 127.0f / m;
  row.step = m / 127.0f;
  int32_t sum[2] = {0, 0};
  for (int64_t i = 0; i < n; ++i) {
    const float rounded = x[i] * inverse + WHOLE;
    int32_t bits;
    __builtin_memcpy(&bits, &rounded, 4);
    q0[i] = (int8_t)(uint8_t)bits;
    sum[0] += q0[i];
  }
  if (digits == 2)
    for (int64_t i = 0; i < n; ++i) {
      const float t = x[i] * inverse, rounded = (t - (float)q0[i]) * 254.0f + WHOLE;
      int32_t bits;
      __builtin_memcpy(&bits, &rounded, 4);
      q1[i] = (int8_t)(uint8_t)bits;
      sum[1] += q1[i];
    }
  for (int64_t i = n; i < padded; ++i) {
    q0[i] = 0;
    if (digits == 2) q1[i] = 0;
  }
  if (UNSIGNED)
    for (int d = 0; d < 2; ++d) row.start[d] = -128 * sum[d];
  return row;
}

// acc[r][g] = the whole-number product of row r with block g of a panel;  w: [groups, G, W, 4]
template <int R, int G> TG_INLINE void product(N (&acc)[R][G], const Row* const* rows, int d, const int8_t* w, int64_t groups) {
  const int8_t* q[R];
  for (int r = 0; r < R; ++r) {
    q[r] = rows[r]->q[d];
    for (int g = 0; g < G; ++g) acc[r][g] = N{} + rows[r]->start[d];
  }
#pragma GCC unroll 2
  for (int64_t k = 0; k < groups; ++k, w += G * LANES * 4) {
    N x[R];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      int32_t four;
      __builtin_memcpy(&four, q[r] + 4 * k, 4);
      x[r] = N{} + four;
    }
#pragma GCC unroll 8
    for (int g = 0; g < G; ++g) {
      N v;
      __builtin_memcpy(&v, w + g * LANES * 4, sizeof v);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) acc[r][g] = dot(acc[r][g], v, x[r]);
    }
  }
}

// z[r][g * U + u ...] = product * step of the row * step of the weight
template <int R, int G>
TG_INLINE void scaled(const Row* const* rows, int64_t digits, const int8_t* w, int64_t groups, const float* steps, int64_t U, float* const* z) {
  N acc[R][G];
  product<R, G>(acc, rows, 0, w, groups);
  V<float> v[R][G];
  for (int r = 0; r < R; ++r)
    for (int g = 0; g < G; ++g) v[r][g] = __builtin_convertvector(acc[r][g], V<float>);
  if (digits == 2) {
    product<R, G>(acc, rows, 1, w, groups);
    for (int r = 0; r < R; ++r)
      for (int g = 0; g < G; ++g) v[r][g] += __builtin_convertvector(acc[r][g], V<float>) * LOW;
  }
  for (int r = 0; r < R; ++r)
    for (int g = 0; g < G; ++g) store(z[r] + g * U, v[r][g] * rows[r]->step * load(steps + g * U));
}

#if TG_BYTES == 64
constexpr int MOST = 6;
#elif defined(__aarch64__)
constexpr int MOST = 4;
#else
constexpr int MOST = 2;
#endif

// One panel for n rows
template <int G>
TG_INLINE void panel_product(const Row* rows, int64_t n, int64_t digits, const int8_t* w, int64_t groups, const float* steps, int64_t U, float* z, int64_t pitch) {
  for (int64_t first = 0; first < n; first += MOST) {
    const Row* own[MOST];
    float* to[MOST];
    const int64_t have = n - first < MOST ? n - first : MOST;
    for (int64_t r = 0; r < have; ++r) own[r] = rows + first + r, to[r] = z + (first + r) * pitch;
    switch (have) {
      case 1: scaled<1, G>(own, digits, w, groups, steps, U, to); break;
      case 2: scaled<2, G>(own, digits, w, groups, steps, U, to); break;
#if TG_BYTES == 64 || defined(__aarch64__)
      case 3: scaled<3, G>(own, digits, w, groups, steps, U, to); break;
      case 4: scaled<4, G>(own, digits, w, groups, steps, U, to); break;
#endif
#if TG_BYTES == 64
      case 5: scaled<5, G>(own, digits, w, groups, steps, U, to); break;
      case 6: scaled<6, G>(own, digits, w, groups, steps, U, to); break;
#endif
    }
  }
}

// Sum of n numbers: 16 sums side by side, then those d apart for d = 8, 4, 2, 1. The array is zero from n to a multiple of 16.
TG_INLINE float sum_of(const float* x, int64_t n) {
  float s[16] = {};
  for (int64_t i = 0; i < n; i += 16)
    for (int l = 0; l < 16; ++l) s[l] += x[i + l];
  for (int d = 8; d; d /= 2)
    for (int l = 0; l < d; ++l) s[l] += s[l + d];
  return s[0];
}

// Each of `blocks` [U] of x less the mean of all H * blocks, over their deviation; the first is summed last where `turned`
TG_INLINE void normalise(float* x, int64_t blocks, bool turned, int64_t H, int64_t U, float epsilon, float* square) {
  float total = 0, squares = 0;
  for (int64_t b = 0; b < blocks; ++b) total += sum_of(x + (b + turned) % blocks * U, H);
  const float count = (float)(blocks * H), mean = total / count;
  for (int64_t b = 0; b < blocks; ++b) {
    float* own = x + (b + turned) % blocks * U;
    for (int64_t u = 0; u < H; ++u) own[u] -= mean;
    for (int64_t u = 0; u < U; ++u) square[u] = u < H ? own[u] * own[u] : 0;
    squares += sum_of(square, H);
  }
  const float inverse = 1.0f / __builtin_sqrtf(squares / count + epsilon);
  for (int64_t b = 0; b < blocks; ++b)
    for (int64_t u = 0; u < H; ++u) x[b * U + u] *= inverse;
}

// The cell's arithmetic for one row; z: [2 G, U], of x and of h
template <class C> TG_INLINE void finish(const tg_int8& a, const float* v, float* z, float* h, float* c, float* room) {
  using P = Places<C>;
  constexpr int G = C::G, OUT = G == 4 ? 3 : 2;
  const int64_t H = a.H, U = up(H, 16);
  const bool norm = a.flags & TG_NORM;
  const float keep_h = (float)a.zoneout_h, keep_c = (float)a.zoneout_c;
  if (norm)
    for (int side = 0; side < 2; ++side) {
      float* own = z + side * G * U;
      normalise(own, G, side && C::block_h(0), H, U, (float)a.epsilon, room);  // a gru's candidate stands first
      for (int64_t i = 0; i < G * U; ++i) own[i] *= v[(P::NORM + side * G) * U + i];
    }
  const bool shown = norm && C::HAS_C;
  for (int64_t u = 0; u < U; u += LANES) {
    V<float> acc[C::A], k[C::K], before = load(h + u), cell = C::HAS_C ? load(c + u) : V<float>{};
    for (int i = 0; i < C::A; ++i) {
      const int x = i - C::XO, r = i - C::HO;
      const bool of_x = x >= 0 && x < G, of_h = r >= 0 && r < G;
      acc[i] = load(v + i * U + u);
      if (of_x && of_h) acc[i] = (load(z + x * U + u) + load(z + (G + r) * U + u)) + acc[i];
      else acc[i] = load(z + (of_x ? x : G + r) * U + u) + acc[i];
    }
    const V<float> old = cell;
    float peep[3 * LANES];
    for (int e = 0; e < 3; ++e) store(peep + e * LANES, load(v + (P::PEEP + e) * U + u));
    C::gates(acc, peep, &cell, k);
    if (C::HAS_C) store(c + u, keep_c != 0 ? cell + (old - cell) * keep_c : cell);
    if (shown) {
      store(z + u, k[OUT]);
      store(z + U + u, cell);  // all blocks of these units have been read
      continue;
    }
    V<float> now = C::output(acc, cell, before, k);
    if (keep_h != 0) now = now + (before - now) * keep_h;
    store(h + u, now);
  }
  if (!shown) return;
  float* const own = z + U;
  normalise(own, 1, false, H, U, (float)a.epsilon, room);
  for (int64_t u = 0; u < U; u += LANES) {
    V<float> before = load(h + u), seen = load(own + u) * load(v + P::CELL * U + u) + load(v + (P::CELL + 1) * U + u);
    V<float> now = load(z + u) * tanh<float>(seen);
    if (keep_h != 0) now = now + (before - now) * keep_h;
    store(h + u, now);
  }
}

struct Room {
  float *h, *c, *z, *more;
  int8_t *x0, *x1, *hq;
  Row *x, *of_h;
  int64_t total;
};
template <class C> Room room_of(const tg_int8& a, bool dense, int64_t rows, void* scratch) {
  const int64_t U = up(a.H, 16);
  char* p = (char*)scratch;
  auto take = [&](int64_t n) {
    char* at = p;
    p += up(n, 64);
    return (void*)at;
  };
  Room r;
  r.z = (float*)take(rows * (dense ? 1 : 2) * C::G * U * 4);
  r.h = (float*)take(dense ? 0 : rows * U * 4);
  r.c = (float*)take(dense ? 0 : rows * U * 4);
  r.more = (float*)take(dense ? 0 : U * 4);
  r.x0 = (int8_t*)take(rows * up(a.I, 4));
  r.x1 = (int8_t*)take(rows * up(a.I, 4));
  r.hq = (int8_t*)take(dense ? 0 : rows * up(a.H, 4));
  r.x = (Row*)take(rows * (int64_t)sizeof(Row));
  r.of_h = (Row*)take(rows * (int64_t)sizeof(Row));
  r.total = p - (char*)scratch;
  return r;
}

template <class C> void forward_layer(const tg_int8& a, int64_t first, int64_t rows, void* scratch) {
  using P = Places<C>;
  constexpr int G = C::G;
  const int64_t I4 = up(a.I, 4), H4 = up(a.H, 4), U = up(a.H, 16), size = panel_bytes<C>(a, false);
  const Room room = room_of<C>(a, false, rows, scratch);
  const float* v = (const float*)a.packed;
  const int8_t* panels = (const int8_t*)(v + P::VECTORS * U);
  auto fetch = [&](const float* from, float* to) {
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t u = 0; u < U; ++u) to[r * U + u] = from && u < a.H ? from[(first + r) * a.H + u] : 0;
  };
  fetch(a.h0, room.h);
  fetch(C::HAS_C ? a.c0 : nullptr, room.c);
  int64_t at[64];
  for (int64_t s = 0; s < a.T; ++s) {
    int64_t n = 0;
    for (int64_t r = 0; r < rows; ++r) {
      const int64_t b = first + r, steps = a.lengths ? a.lengths[b] : a.T;
      if (s >= steps) {
        if (a.y) __builtin_memset(a.y + s * a.y_t + b * a.y_b, 0, (size_t)a.H * 4);
        continue;
      }
      const int64_t t = a.flags & TG_REVERSE ? steps - 1 - s : s;
      room.x[n] = quantise(a.x + t * a.x_t + b * a.x_b, a.I, a.digits, room.x0 + r * I4, room.x1 + r * I4);
      room.of_h[n] = quantise(room.h + r * U, a.H, 1, room.hq + r * H4, nullptr);
      at[n++] = r;
    }
    const int8_t* panel = panels;
    for (int64_t u = 0; u < U; u += LANES, panel += size) {
      panel_product<G>(room.x, n, a.digits, panel, I4 / 4, v + P::SX * U + u, U, room.z + u, 2 * G * U);
      panel_product<G>(room.of_h, n, 1, panel + I4 * G * LANES, H4 / 4, v + P::SH * U + u, U, room.z + G * U + u, 2 * G * U);
    }
    for (int64_t j = 0; j < n; ++j) {
      const int64_t r = at[j], b = first + r, steps = a.lengths ? a.lengths[b] : a.T;
      finish<C>(a, v, room.z + j * 2 * G * U, room.h + r * U, room.c + r * U, room.more);
      const int64_t t = a.flags & TG_REVERSE ? steps - 1 - s : s;
      if (a.y) __builtin_memcpy(a.y + t * a.y_t + b * a.y_b, room.h + r * U, (size_t)a.H * 4);
    }
  }
  for (int64_t r = 0; r < rows; ++r) {
    if (a.hn) __builtin_memcpy(a.hn + (first + r) * a.H, room.h + r * U, (size_t)a.H * 4);
    if (a.cn && C::HAS_C) __builtin_memcpy(a.cn + (first + r) * a.H, room.c + r * U, (size_t)a.H * 4);
  }
}

void dense(const tg_int8& a, int64_t first, int64_t rows, void* scratch) {
  using P = Places<Dense>;
  const int64_t I4 = up(a.I, 4), U = up(a.H, 16);
  const Room room = room_of<Dense>(a, true, rows, scratch);
  const float* v = (const float*)a.packed;
  const int8_t* panel = (const int8_t*)(v + P::VECTORS * U);
  for (int64_t r = 0; r < rows; ++r)
    room.x[r] = quantise(a.x + (first + r) * a.x_b, a.I, a.digits, room.x0 + r * I4, room.x1 + r * I4);
  for (int64_t u = 0; u < U; u += LANES, panel += I4 * LANES)
    panel_product<1>(room.x, rows, a.digits, panel, I4 / 4, v + P::SX * U + u, U, room.z + u, U);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t u = 0; u < a.H; ++u) a.y[(first + r) * a.y_b + u] = room.z[r * U + u] + v[u];
}

template <class F> auto with_cell(int64_t cell, bool dense, F f) {
  if (dense) return f(Dense{});
  switch (cell) {
    case TG_PEEPHOLE: return f(Lstm<float, true>{});
    case TG_COUPLED: return f(Coupled<float>{});
    case TG_GRU: return f(Gru<float>{});
    default: return f(Lstm<float, false>{});
  }
}
int64_t bytes(const tg_int8& a, bool dense) {
  return with_cell(a.cell, dense, [&](auto c) { return bytes_of<decltype(c)>(a, dense); });
}
void pack(const tg_int8& a, bool dense, void* to) {
  with_cell(a.cell, dense, [&](auto c) { pack_layer<decltype(c)>(a, dense, to); });
}
int64_t scratch(const tg_int8& a, bool dense, int64_t rows) {
  return with_cell(a.cell, dense, [&](auto c) { return room_of<decltype(c)>(a, dense, rows, nullptr).total; });
}
void forward(const tg_int8& a, int64_t first, int64_t rows, void* scratch) {
  switch (a.cell) {
    case TG_PEEPHOLE: return forward_layer<Lstm<float, true>>(a, first, rows, scratch);
    case TG_COUPLED: return forward_layer<Coupled<float>>(a, first, rows, scratch);
    case TG_GRU: return forward_layer<Gru<float>>(a, first, rows, scratch);
    default: return forward_layer<Lstm<float, false>>(a, first, rows, scratch);
  }
}

}  // namespace

extern const tidegate::Int8Isa TG_TABLE;
const tidegate::Int8Isa TG_TABLE = {TG_NAME, bytes, pack, scratch, forward, dense};
