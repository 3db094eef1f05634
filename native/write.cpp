// Text written by an LSTM, one token after another, in one call: all layers, the scores and the choice of the next token;
// and the largest scores of many rows, for a search (at the end).
// A step reads every weight once, so that memory sets the pace: weights are kept in 24 bits (relative error 2^-17).
//
// A matrix [rows, K] is packed in panels of 32 rows (of a layer: i f g o of 8 units): for every k the 32 weights, 3 bytes
// each. U: units padded to whole panels of 8.
#include <cstdint>

#include "api.h"
#include "dispatch.h"

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
