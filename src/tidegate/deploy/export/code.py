"""The C that all exported models share: numbers as `tidegate.kernels.int8` has them, dense layers, a step of a cell."""

HEAD = """\
/* {name}: a {task} of tidegate {version}, weights of {kind}. C99, no allocation, no library.
{about} */
#ifndef {NAME}_H
#define {NAME}_H
#include <float.h>
#include <stdint.h>
#ifdef __FAST_MATH__
#error "compile without -ffast-math: the forecast's bits follow from one IEEE 754 operation after the other"
#endif
#if defined(FLT_EVAL_METHOD) && FLT_EVAL_METHOD != 0
#error "floats must be computed as floats; on 32-bit x86 compile with -msse2 -mfpmath=sse"
#endif
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC push_options
#pragma GCC optimize("fp-contract=off")
#define {NAME}_GCC
#endif
"""

NUMBERS = """
/* 2^t, t held within -126 to 126 */
static float {name}_power2(float t) {
  union { float f; uint32_t u; } p, whole;
  float f;
  if (t > 126.0f) t = 126.0f;
  if (t < -126.0f) t = -126.0f;
  whole.f = t + 12582912.0f;
  f = t - (whole.f - 12582912.0f);
  p.f = f * 0.0013276472454890609f + 0.009675541892647743f;
  p.f = p.f * f + 0.05550713092088699f;
  p.f = p.f * f + 0.24022120237350464f;
  p.f = p.f * f + 0.6931469440460205f;
  p.f = p.f * f + 1.0f;
  p.u += whole.u << 23;
  return p.f;
}
static float {name}_sigmoid(float x) { return 1.0f / (1.0f + {name}_power2(x * -1.4426950408889634f)); }
static float {name}_tanh(float x) {
  float e = {name}_power2(x * -2.8853900817779268f);
  return (1.0f - e) / (1.0f + e);
}
"""

EIGHT = """
typedef int8_t {name}_weight;
typedef struct { int8_t q[2][{most}]; float step; int digits; } {name}_row; /* x = step * (q[0] + q[1] / 254) */
static int {name}_round(float x) {
  union { float f; int32_t i; } m;
  m.f = x + 12582912.0f;
  return (int8_t)(m.i & 0xff);
}
static void {name}_read(const float* x, int n, int digits, {name}_row* to) {
  union { uint32_t u; float f; } bits;
  uint32_t most = 0;
  float largest, inverse;
  int i;
  for (i = 0; i < n; ++i) {
    bits.f = x[i];
    bits.u &= 0x7fffffffu;
    if (bits.u > most) most = bits.u;
  }
  bits.u = most;
  largest = bits.f;
  to->digits = digits;
  if (most >= 0x7f800000u || largest < 1e-30f) {
    bits.u = most >= 0x7f800000u ? 0x7fc00000u : 0;
    to->step = bits.f;
    for (i = 0; i < n; ++i) to->q[0][i] = to->q[1][i] = 0;
    return;
  }
  inverse = 127.0f / largest;
  to->step = largest / 127.0f;
  for (i = 0; i < n; ++i) {
    float t = x[i] * inverse;
    to->q[0][i] = (int8_t){name}_round(t);
    to->q[1][i] = digits == 2 ? (int8_t){name}_round((t - (float)to->q[0][i]) * 254.0f) : 0;
  }
}
static int32_t {name}_sum(const int8_t* w, const int8_t* q, int n) {
  int32_t sum = 0;
  int i;
  for (i = 0; i < n; ++i) sum += (int32_t)w[i] * q[i];
  return sum;
}
static float {name}_product(const {name}_weight* w, const float* steps, int r, int n, const {name}_row* x) {
  float t = (float){name}_sum(w + r * n, x->q[0], n);
  if (x->digits == 2) {
    float low = (float){name}_sum(w + r * n, x->q[1], n) * (1.0f / 254.0f);
    t = t + low;
  }
  t = t * x->step;
  return t * steps[r];
}
"""

FLOAT = """
typedef float {name}_weight;
typedef struct { float x[{most}]; } {name}_row;
static void {name}_read(const float* x, int n, int digits, {name}_row* to) {
  int i;
  (void)digits;
  for (i = 0; i < n; ++i) to->x[i] = x[i];
}
static float {name}_product(const {name}_weight* w, const float* steps, int r, int n, const {name}_row* x) {
  float sum = 0.0f;
  int i;
  (void)steps;
  for (i = 0; i < n; ++i) sum += w[r * n + i] * x->x[i];
  return sum;
}
"""

DENSE = """
typedef struct { const {name}_weight* w; const float* step; const float* bias; int n, o; } {name}_matrix;
static void {name}_dense(const {name}_matrix* m, const float* x, float* y) {
  {name}_row row;
  int r;
  {name}_read(x, m->n, 2, &row);
  for (r = 0; r < m->o; ++r) y[r] = {name}_product(m->w, m->step, r, m->n, &row) + m->bias[r];
}
"""

LAYER = """
typedef struct {
  const {name}_weight *w_ih, *w_hh;
  const float *step_ih, *step_hh, *bias, *bias_n, *peephole;
  int n;
} {name}_layer;
/* One step of one layer of {H} units: x [n] -> h, and c */
static void {name}_cell(const {name}_layer* l, int digits, const float* x, float* h, float* c) {
  {name}_row of_x, of_h;
  int u, g;
  {name}_read(x, l->n, digits, &of_x);
  {name}_read(h, {H}, 1, &of_h);
  for (u = 0; u < {H}; ++u) {
    float z[{G}]{old}, now;
{start}    for (g = 0; g < {G}; ++g) {
      int r = g * {H} + u;
      float zx = {name}_product(l->w_ih, l->step_ih, r, l->n, &of_x);
      float zh = {name}_product(l->w_hh, l->step_hh, r, {H}, &of_h);
{sum}    }
{body}{zoneout}    h[u] = now;
  }
}
/* All layers */
static void {name}_stack(const {name}_layer* layers, {name}_state* s, const float* x) {
  int l;
  for (l = 0; l < {L}; ++l) {name}_cell(layers + l, l ? 1 : 2, l ? s->h[l - 1] : x, s->h[l], {c_of_l});
}
"""

SUM = "      z[g] = zx + zh;\n      z[g] = z[g] + l->bias[r];\n"
BODIES = {
    "lstm": """\
    float i = {name}_sigmoid(z[0]), f = {name}_sigmoid(z[1]), t = {name}_tanh(z[2]), before = c[u], in, cell;
    in = i * t;
    cell = f * before;
    cell = cell + in;
    now = {name}_sigmoid(z[3]) * {name}_tanh(cell);
""",
    "peephole": """\
    float before = c[u], i, f, t, in, cell;
    i = l->peephole[u] * before;
    f = l->peephole[{H} + u] * before;
    i = {name}_sigmoid(z[0] + i);
    f = {name}_sigmoid(z[1] + f);
    t = {name}_tanh(z[2]);
    in = i * t;
    cell = f * before;
    cell = cell + in;
    t = l->peephole[2 * {H} + u] * cell;
    now = {name}_sigmoid(z[3] + t) * {name}_tanh(cell);
""",
    "coupled": """\
    float f = {name}_sigmoid(z[0]), t = {name}_tanh(z[1]), before = c[u], cell;
    cell = f * (before - t);
    cell = cell + t;
    now = {name}_sigmoid(z[2]) * {name}_tanh(cell);
""",
    "gru": """\
    float r = {name}_sigmoid(z[0]), keep = {name}_sigmoid(z[1]), t = r * z[2];
    t = {name}_tanh(n_x + t);
    now = keep * (old - t);
    now = now + t;
    (void)c;
""",
}
GRU_START = "    float n_x = 0.0f;\n"
GRU_SUM = """\
      if (g < 2) {
        z[g] = zx + zh;
        z[g] = z[g] + l->bias[r];
      } else {
        n_x = zx + l->bias[r];
        z[g] = zh + l->bias_n[u];
      }
"""
ZONEOUT = "    now = now + (old - now) * {zoneout};\n"
ZONEOUT_C = "    cell = cell + (before - cell) * {zoneout};\n"
STEP = """
/* One step of the recurrence: x [{I}] as `predict` reads it; the last layer's h [{H}] is s->h[{last}] */
static void {name}_step({name}_state* s, const float* x) { {name}_stack({name}_encoder, s, x); }
"""
FOOT = """
#ifdef {NAME}_GCC
#pragma GCC pop_options
#undef {NAME}_GCC
#endif
#endif
"""
