// Text written by an LSTM, one token after another, in one call: all layers, the scores and the choice of the next token;
// and the largest scores of many rows, for a search: of scores that there are, or of products that are made for it.
// A step reads every weight once, so that memory sets the pace: weights are kept in 24 bits (relative error 2^-17).
//
// A matrix [rows, K] is packed in panels of 32 rows (of a layer: i f g o of 8 units): for every k the 32 weights, 3 bytes
// each. U: units padded to whole panels of 8.
#include <cstdint>

#include "api.h"
#include "dispatch.h"
#include "pool.h"

#if defined(__x86_64__)
#define TG_BYTES 32
#include <immintrin.h>
#include <stddef.h>
#if defined(__clang__)  // which passes such vectors only between functions that say so, those of vec.h among them
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#endif
#include "vec.h"
#define TG_WIDE __attribute__((target("avx2,fma")))

namespace {

constexpr int64_t PANEL = 32, BYTES = 96;

// out[32] += panel [K, 32] times x [K]; returns the panel that follows. Reads 4 bytes before and 8 after a panel.
TG_WIDE inline const uint8_t* product(const uint8_t* w, int64_t K, const float* x, __m256* out) {
  const __m256i spread = _mm256_setr_epi8(-1, 4, 5, 6, -1, 7, 8, 9, -1, 10, 11, 12, -1, 13, 14, 15,  //
                                          -1, 0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11);
  auto weights = [&](const uint8_t* p) TG_WIDE {
    return _mm256_castsi256_ps(_mm256_shuffle_epi8(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p - 4)), spread));
  };
  __m256 a0 = out[0], a1 = out[1], a2 = out[2], a3 = out[3];
  __m256 b0 = _mm256_setzero_ps(), b1 = b0, b2 = b0, b3 = b0;
  int64_t k = 0;
  for (; k + 1 < K; k += 2, w += 2 * BYTES) {
    const __m256 one = _mm256_broadcast_ss(x + k), two = _mm256_broadcast_ss(x + k + 1);
    __builtin_prefetch(w + 1536);
    __builtin_prefetch(w + 1600);
    __builtin_prefetch(w + 1664);
    a0 = _mm256_fmadd_ps(weights(w), one, a0);
    a1 = _mm256_fmadd_ps(weights(w + 24), one, a1);
    a2 = _mm256_fmadd_ps(weights(w + 48), one, a2);
    a3 = _mm256_fmadd_ps(weights(w + 72), one, a3);
    b0 = _mm256_fmadd_ps(weights(w + 96), two, b0);
    b1 = _mm256_fmadd_ps(weights(w + 120), two, b1);
    b2 = _mm256_fmadd_ps(weights(w + 144), two, b2);
    b3 = _mm256_fmadd_ps(weights(w + 168), two, b3);
  }
  if (k < K) {
    const __m256 one = _mm256_broadcast_ss(x + k);
    a0 = _mm256_fmadd_ps(weights(w), one, a0);
    a1 = _mm256_fmadd_ps(weights(w + 24), one, a1);
    a2 = _mm256_fmadd_ps(weights(w + 48), one, a2);
    a3 = _mm256_fmadd_ps(weights(w + 72), one, a3);
    w += BYTES;
  }
  out[0] = _mm256_add_ps(a0, b0), out[1] = _mm256_add_ps(a1, b1);
  out[2] = _mm256_add_ps(a2, b2), out[3] = _mm256_add_ps(a3, b3);
  return w;
}

TG_WIDE inline void start(const float* from, __m256* a) {
  for (int i = 0; i < 4; ++i) a[i] = _mm256_loadu_ps(from + 8 * i);
}

// One token into the state; scores [V padded to panels of 32].
TG_WIDE void advance(const tg_writer& r, int64_t token, float* scores) {
  const int64_t U = (r.H + 7) / 8 * 8, panels = U / 8;
  const uint8_t* w = static_cast<const uint8_t*>(r.packed);
  const float* bias = r.bias;
  for (int64_t l = 0; l < r.L; ++l) {
    float *h = r.h + l * U, *c = r.c + l * U, *next = r.work;
    const float* begin = l ? bias : r.inputs + token * 4 * U;
    if (l) bias += 4 * U;
    for (int64_t p = 0; p < panels; ++p) {
      __m256 a[4];
      start(begin + p * PANEL, a);
      if (l) w = product(w, U, r.h + (l - 1) * U, a);
      w = product(w, U, h, a);
      const V<float> i = sigmoid<float>((V<float>)a[0]), f = sigmoid<float>((V<float>)a[1]);
      const V<float> g = tanh<float>((V<float>)a[2]), o = sigmoid<float>((V<float>)a[3]);
      const V<float> cell = f * load(c + 8 * p) + i * g;
      store(c + 8 * p, cell);
      store(next + 8 * p, o * tanh<float>(cell));
    }
    __builtin_memcpy(h, next, sizeof(float) * static_cast<size_t>(U));
  }
  for (int64_t v = 0; v < r.V; v += PANEL) {
    __m256 a[4];
    start(bias + v, a);
    w = product(w, U, r.h + (r.L - 1) * U, a);
    for (int i = 0; i < 4; ++i) _mm256_storeu_ps(scores + v + 8 * i, a[i]);
  }
}

TG_WIDE int64_t choose(const tg_writer& r, const float* scores, const float* noise) {
  const float scale = static_cast<float>(r.scale);
  float best = 0;
  int64_t found = -1;
  for (int64_t v = 0; v < r.V; ++v) {
    const float value = (scores[v] + r.add[v]) * scale + (noise ? noise[v] : 0.0f);
    if (found < 0 || value > best) best = value, found = v;
  }
  return found;
}

TG_WIDE int64_t write(const tg_writer& r) {
  const int64_t wide = (r.V + PANEL - 1) / PANEL * PANEL;
  for (int64_t s = 0; s < r.steps; ++s) {
    int64_t token = r.tokens[s];
    if (token < 0) token = r.tokens[s] = choose(r, r.scores + s * wide, r.noise ? r.noise + s * r.V : nullptr);
    if (token >= r.V) return -TG_ERROR_SHAPE;
    if (token == r.stop) return s + 1;
    advance(r, token, r.scores + (s + 1) * wide);
  }
  return r.steps;
}

constexpr int64_t BLOCK = 64;

TG_WIDE inline float across(V<float> v, bool largest) {
  float found = v[0];
  for (int64_t l = 1; l < W<float>; ++l) found = largest ? (v[l] > found ? v[l] : found) : found + v[l];
  return found;
}

TG_WIDE float log_sum(const float* x, int64_t V_, float largest) {
  V<float> sums[4] = {};
  int64_t v = 0;
  for (; v + 4 * W<float> <= V_; v += 4 * W<float>)
    for (int64_t i = 0; i < 4; ++i)
      sums[i] += power2((load(x + v + i * W<float>) - largest) * 1.4426950408889634f);
  float found = across((sums[0] + sums[1]) + (sums[2] + sums[3]), false);
  for (; v < V_; ++v) found += __builtin_expf(x[v] - largest);
  return largest + __builtin_logf(found);
}

// Keeps values[count] and places[count] in order; a value comes after those that equal it.
inline float insert(float value, int64_t place, float* values, int64_t* places, int64_t count) {
  int64_t at = count - 1;
  for (; at > 0 && values[at - 1] < value; --at) values[at] = values[at - 1], places[at] = places[at - 1];
  values[at] = value, places[at] = place;
  return values[count - 1];
}

TG_WIDE void largest(const tg_tops& r, const float* x, float* values, int64_t* places, float* sum) {
  for (int64_t i = 0; i < r.count; ++i) values[i] = -__builtin_inff(), places[i] = 0;
  float least = -__builtin_inff();
  V<float> most = all(-__builtin_inff());
  int64_t v = 0;
  for (; v + BLOCK <= r.V; v += BLOCK) {
    V<float> own[BLOCK / W<float>], best = all(-__builtin_inff());
    for (int64_t i = 0; i < BLOCK / W<float>; ++i) {
      const V<float> plain = load(x + v + i * W<float>);
      most = plain > most ? plain : most;
      own[i] = plain + load(r.add + v + i * W<float>);
      best = own[i] > best ? own[i] : best;
    }
    if (!_mm256_movemask_ps((__m256)(best > least))) continue;
    for (int64_t i = 0; i < BLOCK; ++i)
      if (const float value = own[i / W<float>][i % W<float>]; value > least)
        least = insert(value, v + i, values, places, r.count);
  }
  float top = across(most, true);
  for (; v < r.V; ++v) {
    if (x[v] > top) top = x[v];
    if (const float value = x[v] + r.add[v]; value > least) least = insert(value, v, values, places, r.count);
  }
  if (sum) *sum = log_sum(x, r.V, top);
}

constexpr int64_t TILE = 6, WIDE_PANEL = 16;  // rows and outputs whose sums stay in registers
constexpr float NORM = 32000.0f;              // of a row of x in whole numbers; with 65000 of a packed row no sum overflows

TG_WIDE inline float total(__m256 v) {
  float found = 0;
  for (int i = 0; i < 8; ++i) found += v[i];
  return found;
}

TG_WIDE float dot(const float* a, const float* b, int64_t n) {
  __m256 s0 = _mm256_setzero_ps(), s1 = s0;
  int64_t k = 0;
  for (; k + 16 <= n; k += 16) {
    s0 = _mm256_fmadd_ps(_mm256_loadu_ps(a + k), _mm256_loadu_ps(b + k), s0);
    s1 = _mm256_fmadd_ps(_mm256_loadu_ps(a + k + 8), _mm256_loadu_ps(b + k + 8), s1);
  }
  float found = total(_mm256_add_ps(s0, s1));
  for (; k < n; ++k) found += a[k] * b[k];
  return found;
}

// A row in whole numbers of 16 bits, its norm at most NORM; gives the step, and the norm of what was lost.
TG_WIDE float to_whole(const float* x, int64_t n, int16_t* to, float* lost) {
  float most = 0;
  for (int64_t k = 0; k < n; ++k) most = __builtin_fabsf(x[k]) > most ? __builtin_fabsf(x[k]) : most;
  const float norm = __builtin_sqrtf(dot(x, x, n));
  *lost = norm;
  if (!(norm > 1e-30f) || !(norm < 1e30f)) {
    for (int64_t k = 0; k < n; ++k) to[k] = 0;
    return 0;
  }
  float scale = NORM / norm;
  if (most * scale > 32767.0f) scale = 32767.0f / most;
  const float step = 1 / scale;
  float square = 0;
  for (int64_t k = 0; k < n; ++k) {
    const float whole = __builtin_rintf(x[k] * scale), left = x[k] - whole * step;
    to[k] = static_cast<int16_t>(whole);
    square += left * left;
  }
  *lost = __builtin_sqrtf(square);
  return step;
}

// scores[TILE, 16] = x[TILE, 2 * pairs] times a panel
TG_WIDE __attribute__((noinline)) void whole_products(const int16_t* w, const int16_t* x, int64_t pairs, const float* step, const float* steps, const float* bias,
                            float* scores, int64_t wide) {
  __m256i sums[TILE][2];
#pragma GCC unroll 6
  for (int64_t r = 0; r < TILE; ++r) sums[r][0] = sums[r][1] = _mm256_setzero_si256();
  for (int64_t k = 0; k < pairs; ++k, w += 2 * WIDE_PANEL) {
    const __m256i w0 = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w));
    const __m256i w1 = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w + WIDE_PANEL));
#pragma GCC unroll 6
    for (int64_t r = 0; r < TILE; ++r) {
      int32_t two;
      __builtin_memcpy(&two, x + 2 * (r * pairs + k), sizeof two);
      const __m256i both = _mm256_set1_epi32(two);
      sums[r][0] = _mm256_add_epi32(sums[r][0], _mm256_madd_epi16(w0, both));
      sums[r][1] = _mm256_add_epi32(sums[r][1], _mm256_madd_epi16(w1, both));
      __asm__("" : "+x"(sums[r][0]), "+x"(sums[r][1]));  // row by row: reordered, the sums would not fit the registers
    }
  }
#pragma GCC unroll 6
  for (int64_t r = 0; r < TILE; ++r)
#pragma GCC unroll 2
    for (int64_t v = 0; v < 2; ++v) {
      const __m256 unit = _mm256_mul_ps(_mm256_loadu_ps(steps + 8 * v), _mm256_set1_ps(step[r]));
      _mm256_storeu_ps(scores + r * wide + 8 * v,
                       _mm256_fmadd_ps(_mm256_cvtepi32_ps(sums[r][v]), unit, _mm256_loadu_ps(bias + 8 * v)));
    }
}

constexpr float SHARE = -5.5f;  // log of the share of a row's sum from which on a score is made anew

// The exact values of all that can be among the largest of a row, whose scores may be `off` from them, and the sum with these.
TG_WIDE void settle(const tg_nearest& r, const float* x, const float* scores, float off, float* values, int64_t* places, float* sum) {
  const tg_tops tops{0, 1, r.V, r.count, scores, r.add, values, places, sum};
  largest(tops, scores, values, places, sum);
  float cut = values[r.count - 1] - 2 * off;
  if (cut > *sum + SHARE) cut = *sum + SHARE;
  float least = -__builtin_inff(), more = 0;
  for (int64_t i = 0; i < r.count; ++i) values[i] = least, places[i] = 0;
  for (int64_t first = 0; first < r.V; first += 8) {
    const __m256 own = _mm256_loadu_ps(scores + first);  // rows are padded
    if (!_mm256_movemask_ps(_mm256_cmp_ps(own, _mm256_set1_ps(cut), _CMP_GE_OQ))) continue;
    for (int64_t v = first; v < first + 8 && v < r.V; ++v) {
      if (!(scores[v] >= cut)) continue;
      const float exact = dot(r.matrix + v * r.K, x, r.K) + r.bias[v], value = exact + r.add[v];
      more += __builtin_expf(exact - *sum) - __builtin_expf(scores[v] - *sum);
      if (value > least) least = insert(value, v, values, places, r.count);
    }
  }
  *sum += __builtin_logf(1 + more);
}

TG_WIDE void nearest_rows(const tg_nearest& r, int64_t first, int64_t end) {
  const int64_t pairs = (r.K + 1) / 2, wide = (r.V + WIDE_PANEL - 1) / WIDE_PANEL * WIDE_PANEL;
  constexpr int64_t MOST = 16 * TILE;
  float step[MOST], off[MOST];
  for (int64_t n = first; n < end; ++n) {
    int16_t* to = r.work + n * 2 * pairs;
    step[n - first] = off[n - first] = 0;
    for (int64_t k = 0; k < 2 * pairs; ++k) to[k] = 0;
    if (n >= r.rows) continue;
    const float* x = r.x + n * r.K;
    float lost;
    step[n - first] = to_whole(x, r.K, to, &lost);
    const float norm = __builtin_sqrtf(dot(x, x, r.K));
    off[n - first] = 1.001f * (norm * static_cast<float>(r.lost) + lost * static_cast<float>(r.norm)) + 2e-6f * norm * static_cast<float>(r.norm);
  }
  const int16_t* w = static_cast<const int16_t*>(r.packed);
  for (int64_t v = 0; v < wide; v += WIDE_PANEL, w += 2 * WIDE_PANEL * pairs)
    for (int64_t n = first; n < end; n += TILE)
      whole_products(w, r.work + n * 2 * pairs, pairs, step + n - first, r.steps + v, r.bias + v, r.scores + n * wide + v, wide);
  for (int64_t n = first; n < end && n < r.rows; ++n)
    settle(r, r.x + n * r.K, r.scores + n * wide, off[n - first], r.values + n * r.count, r.places + n * r.count, r.sums + n);
}

void find_nearest(const tg_nearest& r) {
  constexpr int64_t TOGETHER = 8 * TILE;
  const int64_t rows = (r.rows + TILE - 1) / TILE * TILE, parts = (rows + TOGETHER - 1) / TOGETHER;
  auto task = [&](int64_t i, int64_t) {
    nearest_rows(r, rows / TILE * i / parts * TILE, rows / TILE * (i + 1) / parts * TILE);
  };
  tidegate::parallel(parts, r.threads, task);
}

}  // namespace
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif

extern "C" {

int tg_can_write(void) {
#if defined(__x86_64__)
  return __builtin_strcmp(tidegate::isa().name, "baseline") != 0;
#else
  return 0;
#endif
}

int64_t tg_write(const tg_writer* r) {
  if (!r) return -TG_ERROR_NULL;
  if (r->size != static_cast<int64_t>(sizeof *r)) return -TG_ERROR_SIZE;
  if (!tg_can_write()) return -TG_ERROR_OPTION;
  if (r->H < 1 || r->L < 1 || r->V < 1 || r->steps < 0) return -TG_ERROR_SHAPE;
  if (!r->inputs || !r->packed || !r->bias || !r->h || !r->c || !r->work || !r->scores || !r->add || !r->tokens) return -TG_ERROR_NULL;
#if defined(__x86_64__)
  return write(*r);
#else
  return -TG_ERROR_OPTION;
#endif
}

int tg_find_nearest(const tg_nearest* r) {
  if (!r) return TG_ERROR_NULL;
  if (r->size != static_cast<int64_t>(sizeof *r)) return TG_ERROR_SIZE;
  if (!tg_can_write()) return TG_ERROR_OPTION;
  if (r->rows < 0 || r->V < 1 || r->K < 1 || r->K > 4096 || r->count < 1 || r->count > 64 || r->threads < 1) return TG_ERROR_SHAPE;
  if (!r->x || !r->matrix || !r->bias || !r->packed || !r->steps || !r->add || !r->scores || !r->work) return TG_ERROR_NULL;
  if (!r->values || !r->places || !r->sums) return TG_ERROR_NULL;
#if defined(__x86_64__)
  find_nearest(*r);
  return TG_OK;
#else
  return TG_ERROR_OPTION;
#endif
}

int tg_largest(const tg_tops* r) {
  if (!r) return TG_ERROR_NULL;
  if (r->size != static_cast<int64_t>(sizeof *r)) return TG_ERROR_SIZE;
  if (!tg_can_write()) return TG_ERROR_OPTION;
  if (r->rows < 0 || r->V < 1 || r->count < 1 || r->count > 64) return TG_ERROR_SHAPE;
  if (!r->scores || !r->add || !r->values || !r->places) return TG_ERROR_NULL;
#if defined(__x86_64__)
  for (int64_t n = 0; n < r->rows; ++n)
    largest(*r, r->scores + n * r->V, r->values + n * r->count, r->places + n * r->count, r->sums ? r->sums + n : nullptr);
  return TG_OK;
#else
  return TG_ERROR_OPTION;
#endif
}
}
