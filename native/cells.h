// The arithmetic of each cell on one vector of units. The pre-activations arrive in A accumulators; the input
// product adds to G of them from XO on, the recurrent product to G of them from HO on.
#ifndef TIDEGATE_CELLS_H
#define TIDEGATE_CELLS_H
#include "vec.h"

namespace {

// i f g o; kept: i f g o c tanh(c)
template <class S, bool PEEP> struct Lstm {
  static constexpr int A = 4, G = 4, XO = 0, HO = 0, K = 6, C = 4, EXTRA = PEEP ? 3 : 0, BIAS = A;
  static constexpr bool HAS_C = true, SPLIT = false, NORM = false;
  static constexpr int N = 1;  // vectors of c
  using Inner = Lstm;
  TG_INLINE int64_t block_x(int a) { return a; }  // which block of w_ih accumulator XO + a takes
  TG_INLINE int64_t block_h(int a) { return a; }
  // a: [A], e: peepholes [3]; state: c, in and out; k: [K]. `gates` of all rows of a tile come before `output` of any: rows
  // are independent, and the processor needs several at once to hide the latency of each.
  TG_INLINE void gates(V<S>* a, const S* e, V<S>* state, V<S>* k) {
    V<S>& c = *state;
    V<S> zi = a[0], zf = a[1], zo = a[3];
    if (PEEP) {
      zi += load(e) * c;
      zf += load(e + W<S>) * c;
    }
    k[0] = sigmoid<S>(zi);
    k[1] = sigmoid<S>(zf);
    k[2] = tanh<S>(a[2]);
    V<S> t = k[0] * k[2];
    c = k[1] * c + t;
    if (PEEP) zo += load(e + 2 * W<S>) * c;
    k[3] = sigmoid<S>(zo);
  }
  TG_INLINE V<S> output(const V<S>*, V<S> c, V<S>, V<S>* k) {
    k[4] = c;
    k[5] = tanh<S>(c);
    return k[3] * k[5];
  }
  TG_INLINE V<S> slope(const S* k) {  // of h by what tanh sees
    V<S> t = load(k + 5 * W<S>);
    return load(k + 3 * W<S>) * (S(1) - t * t);
  }
  // dh, dc: of this step's state; out: d [A], dc of the step before. NORMED: dc has what comes through the output.
  template <bool NORMED = false>
  TG_INLINE void backward(const S* k, const S* e, V<S> c, V<S>, V<S> dh, V<S>* dstate, V<S>&, V<S>* d) {
    V<S>& dc = *dstate;
    const int64_t w = W<S>;
    V<S> i = load(k), f = load(k + w), g = load(k + 2 * w), o = load(k + 3 * w), t = load(k + 5 * w);
    d[3] = dh * t * (o - o * o);
    if (!NORMED) dc += dh * o * (S(1) - t * t);
    if (PEEP) dc += d[3] * load(e + 2 * w);
    d[0] = dc * g * (i - i * i);
    d[1] = dc * c * (f - f * f);
    d[2] = dc * i * (S(1) - g * g);
    dc = dc * f;
    if (PEEP) dc += d[0] * load(e) + d[1] * load(e + w);
  }
};

// f g o, input gate 1 - f; kept: f g o c tanh(c)
template <class S> struct Coupled {
  static constexpr int A = 3, G = 3, XO = 0, HO = 0, K = 5, C = 3, EXTRA = 0, BIAS = A;
  static constexpr bool HAS_C = true, SPLIT = false, NORM = false;
  static constexpr int N = 1;  // vectors of c
  using Inner = Coupled;
  TG_INLINE int64_t block_x(int a) { return a; }
  TG_INLINE int64_t block_h(int a) { return a; }
  TG_INLINE void gates(V<S>* a, const S*, V<S>* state, V<S>* k) {
    V<S>& c = *state;
    k[0] = sigmoid<S>(a[0]);
    k[1] = tanh<S>(a[1]);
    k[2] = sigmoid<S>(a[2]);
    c = k[0] * (c - k[1]) + k[1];
  }
  TG_INLINE V<S> output(const V<S>*, V<S> c, V<S>, V<S>* k) {
    k[3] = c;
    k[4] = tanh<S>(c);
    return k[2] * k[4];
  }
  TG_INLINE V<S> slope(const S* k) {
    V<S> t = load(k + 4 * W<S>);
    return load(k + 2 * W<S>) * (S(1) - t * t);
  }
  template <bool NORMED = false>
  TG_INLINE void backward(const S* k, const S*, V<S> c, V<S>, V<S> dh, V<S>* dstate, V<S>&, V<S>* d) {
    V<S>& dc = *dstate;
    const int64_t w = W<S>;
    V<S> f = load(k), g = load(k + w), o = load(k + 2 * w), t = load(k + 4 * w);
    d[2] = dh * t * (o - o * o);
    if (!NORMED) dc += dh * o * (S(1) - t * t);
    d[0] = dc * (c - g) * (f - f * f);
    d[1] = dc * (S(1) - f) * (S(1) - g * g);
    dc = dc * f;
  }
};

// Accumulators: recurrent part of n, r, z, input part of n; kept: that recurrent part, r, z, n
template <class S> struct Gru {
  static constexpr int A = 4, G = 3, XO = 1, HO = 0, K = 4, C = 0, EXTRA = 0, BIAS = A;
  static constexpr bool HAS_C = false, SPLIT = true, NORM = false;
  static constexpr int N = 0;
  using Inner = Gru;
  TG_INLINE int64_t block_x(int a) { return a; }
  TG_INLINE int64_t block_h(int a) { return a == 0 ? 2 : a - 1; }
  TG_INLINE void gates(V<S>* a, const S*, V<S>*, V<S>* k) {
    k[0] = a[0];
    k[1] = sigmoid<S>(a[1]);
    k[2] = sigmoid<S>(a[2]);
  }
  TG_INLINE V<S> output(const V<S>* a, V<S>, V<S> h, V<S>* k) {
    k[3] = tanh<S>(a[3] + k[1] * a[0]);
    return k[2] * (h - k[3]) + k[3];
  }
  TG_INLINE V<S> slope(const S*) { return V<S>{}; }
  // back: the part of dh that passes around the products
  template <bool NORMED = false>
  TG_INLINE void backward(const S* k, const S*, V<S>, V<S> h, V<S> dh, V<S>*, V<S>& back, V<S>* d) {
    const int64_t w = W<S>;
    V<S> p = load(k), r = load(k + w), z = load(k + 2 * w), n = load(k + 3 * w);
    d[3] = dh * (S(1) - z) * (S(1) - n * n);
    d[0] = d[3] * r;
    d[1] = d[3] * p * (r - r * r);
    d[2] = dh * (h - n) * (z - z * z);
    back = dh * z;
  }
};

// i f g o; kept: s g o c sigmoid(f). The two vectors of c are c = c / n of the paper and M = m + log n, of which only s, the
// share that c keeps, is a function: s = sigmoid(log f + M - i). M = 0 says that nothing was read yet.
template <class S> struct Slstm {
  static constexpr int A = 4, G = 4, XO = 0, HO = 0, K = 5, C = 3, EXTRA = 0, BIAS = A;
  static constexpr bool HAS_C = true, SPLIT = false, NORM = false;
  static constexpr int N = 2;
  using Inner = Slstm;
  TG_INLINE int64_t block_x(int a) { return a; }
  TG_INLINE int64_t block_h(int a) { return a; }
  TG_INLINE void gates(V<S>* a, const S*, V<S>* state, V<S>* k) {
    const S nothing = S(-1e4), smallest = S(1e-30);
    V<S> more = state[1] - softplus<S>(-a[1]) - a[0];
    more = state[1] == V<S>{} ? all(nothing) : more;
    k[0] = sigmoid<S>(more);
    k[1] = tanh<S>(a[2]);
    k[2] = sigmoid<S>(a[3]);
    k[4] = sigmoid<S>(a[1]);
    state[0] = k[0] * (state[0] - k[1]) + k[1];
    V<S> total = a[0] + softplus<S>(more);
    state[1] = total == V<S>{} ? all(smallest) : total;
  }
  TG_INLINE V<S> output(const V<S>*, V<S> c, V<S>, V<S>* k) {
    k[3] = c;
    return k[2] * c;
  }
  TG_INLINE V<S> slope(const S* k) { return load(k + 2 * W<S>); }
  template <bool NORMED = false>
  TG_INLINE void backward(const S* k, const S*, V<S> c, V<S>, V<S> dh, V<S>* dstate, V<S>&, V<S>* d) {
    const int64_t w = W<S>;
    V<S> s = load(k), g = load(k + w), o = load(k + 2 * w), now = load(k + 3 * w), f = load(k + 4 * w);
    V<S> dc = dstate[0] + dh * o, more = dc * (c - g) * (s - s * s) + dstate[1] * s;
    d[0] = dstate[1] - more;
    d[1] = more * (S(1) - f);
    d[2] = dc * (S(1) - s) * (S(1) - g * g);
    d[3] = dh * now * (o - o * o);
    dstate[0] = dc * s;
    dstate[1] = more;
  }
};

// The same cell with layer norm (norm.h). Gradients of gates in blocks: of U h [G], of W x [G], of the sums [A], of the
// normalised cell state.
template <class S, class C> struct Normed {
  static constexpr int DEVIATIONS = (int)((3 + W<S> - 1) / W<S>);  // vectors that hold three numbers
  static constexpr int G = C::G, A = 2 * G + C::A + C::HAS_C, XO = G, HO = 0;
  static constexpr int K = C::K + 2 * G + C::HAS_C + DEVIATIONS;
  static constexpr int EXTRA = C::EXTRA + 2 * G + 2 * C::HAS_C, BIAS = C::A;
  static constexpr bool HAS_C = C::HAS_C, SPLIT = C::SPLIT, NORM = true;
  static constexpr int N = C::N;
  using Inner = C;
  TG_INLINE int64_t block_x(int a) { return C::block_x(a); }
  TG_INLINE int64_t block_h(int a) { return C::block_h(a); }
};

// A bare product of G blocks
template <int N> struct Blocks {
  static constexpr int A = N, G = N, XO = 0, HO = 0;
};

}  // namespace
#endif
