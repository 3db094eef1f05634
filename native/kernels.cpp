// Compiled once per instruction set: TG_BYTES gives the vector width, TG_TABLE the name of the table. With TG_HALF only what
// reads or writes packed weights, for cells without layer norm.
#include "gradient.h"

namespace {
using tidegate::Isa;
using tidegate::Kernels;

// Calls f with the type of the cell.
template <class S, class F> auto with_cell(int64_t cell, bool norm, F f) {
  using Plain = Lstm<S, false>;
  using Peephole = Lstm<S, true>;
#if defined(TG_HALF)
  (void)norm;
  switch (cell) {
    case 1: return f(Peephole{});
    case 2: return f(Coupled<S>{});
    case 3: return f(Gru<S>{});
    case 4: return f(Slstm<S>{});
    default: return f(Plain{});
  }
#else
  switch (cell) {
    case 1: return norm ? f(Normed<S, Peephole>{}) : f(Peephole{});
    case 2: return norm ? f(Normed<S, Coupled<S>>{}) : f(Coupled<S>{});
    case 3: return norm ? f(Normed<S, Gru<S>>{}) : f(Gru<S>{});
    case 4: return f(Slstm<S>{});  // h = o c / n: nothing to normalise before a tanh
    default: return norm ? f(Normed<S, Plain>{}) : f(Plain{});
  }
#endif
}

template <class S> int64_t panel_size(int64_t cell, bool norm, int64_t I, int64_t H) {
  return with_cell<S>(cell, norm, [=](auto c) { return padded<S>(H) / W<S> * panel_length<S, decltype(c)>(I, H); });
}
template <class S> int64_t back_size(int64_t cell, bool norm, int64_t I, int64_t H, bool dx) {
  return with_cell<S>(cell, norm, [=](auto c) { return back_length<S, decltype(c)>(I, H, dx); });
}
template <class S> int64_t kept(int64_t cell, bool norm) {
  return with_cell<S>(cell, norm, [](auto c) { return (int64_t)decltype(c)::K; });
}
template <class S> int64_t gate_pitch_of(const Layer<S>& a) {
  return with_cell<S>(a.cell, a.norm, [&](auto c) { return gate_pitch<S, decltype(c)>(a.H); });
}
template <class S> int64_t input_pitch_of(const Layer<S>& a) { return input_pitch(a); }
template <class S> int64_t sums_size(const Layer<S>& a) {
  return with_cell<S>(a.cell, a.norm, [&](auto c) { return sums_size_cell<S, decltype(c)>(a); });
}
template <class S>
void pack(int64_t cell, bool norm, int64_t I, int64_t H, const S* const* w, S* to, int64_t part, int64_t parts) {
  with_cell<S>(cell, norm, [=](auto c) { pack_cell<S, decltype(c)>(I, H, w, to, part, parts); });
}
template <class S>
void pack_back(int64_t cell, bool norm, int64_t I, int64_t H, bool dx, const S* const* w, S* to, int64_t part, int64_t parts) {
  with_cell<S>(cell, norm, [=](auto c) { pack_back_cell<S, decltype(c)>(I, H, dx, w, to, part, parts); });
}
template <class S> int64_t forward_scratch(const Layer<S>& a, int64_t rows) {
  return with_cell<S>(a.cell, a.norm, [&](auto c) { return forward_scratch_cell<S, decltype(c)>(a, rows); });
}
template <class S> int64_t backward_scratch(const Layer<S>& a, int64_t rows) {
  return with_cell<S>(a.cell, a.norm, [&](auto c) { return backward_scratch_cell<S, decltype(c)>(a, rows); });
}
template <class S> void forward(const Layer<S>& a, int64_t first, int64_t rows, S* scratch) {
  with_cell<S>(a.cell, a.norm, [&](auto c) { forward_cell<S, decltype(c)>(a, first, rows, scratch); });
}
template <class S> void backward(const Layer<S>& a, int64_t first, int64_t rows, int64_t s0, int64_t s1, S* scratch) {
  with_cell<S>(a.cell, a.norm, [&](auto c) { backward_cell<S, decltype(c)>(a, first, rows, s0, s1, scratch); });
}
// Not for layer norm, whose sums over all units would need phases of their own, nor for bfloat16.
template <class S> void forward_part(const Layer<S>& a, int64_t phase, int64_t part, int64_t parts, S* scratch) {
  with_cell<S>(a.cell, false, [&](auto c) { forward_part_cell<S, decltype(c)>(a, phase, part, parts, scratch); });
}
template <class S>
void backward_part(const Layer<S>& a, int64_t s0, int64_t s1, int64_t phase, int64_t part, int64_t parts, S* scratch) {
  with_cell<S>(a.cell, false, [&](auto c) { backward_part_cell<S, decltype(c)>(a, s0, s1, phase, part, parts, scratch); });
}
template <class S> void collect(const Layer<S>& a, int64_t count, int64_t apart, int64_t task, int64_t tasks) {
  with_cell<S>(a.cell, a.norm, [&](auto c) { collect_cell<S, decltype(c)>(a, count, apart, task, tasks); });
}
template <class S> void gradient(const Layer<S>& a, int64_t task, int64_t tasks, int64_t s0, int64_t s1) {
  with_cell<S>(a.cell, a.norm, [&](auto c) { gradient_cell<S, decltype(c)>(a, task, tasks, s0, s1); });
}

// out: [T, B, E, H], E the kept values without tanh(c); zero past a row's end
template <class S> void gates(const Layer<S>& a, S* out) {
  const int64_t lanes = W<S>, U = padded<S>(a.H), panels = U / lanes, K = kept<S>(a.cell, a.norm);
  const int64_t E = a.cell == 3 ? 4 : kept<S>(a.cell, false) - 1;
  for (int64_t b = 0; b < a.B; ++b)
    for (int64_t t = 0; t < a.T; ++t) {
      S* to = out + (t * a.B + b) * E * a.H;
      if (t >= steps_of(a, b)) {
        clear(to, E * a.H);
        continue;
      }
      const int64_t s = a.reverse ? steps_of(a, b) - 1 - t : t;
      for (int64_t e = 0; e < E; ++e) {
        const int64_t slot = a.cell == 3 ? (e + 1) % 4 : e;  // gru: r z n, recurrent part of n
        for (int64_t u = 0; u < a.H; ++u)
          to[e * a.H + u] = a.stash[(((s * panels + u / lanes) * a.B + b) * K + slot) * lanes + u % lanes];
      }
    }
}

// constants: rate/correction1, beta1, beta2, epsilon, l2, 1 - rate*decay, scale, 1/sqrt(correction2)
template <class S> void adam(int64_t n, S* value, const S* gradient, S* mean, S* square, const double* k) {
  const S rate = S(k[0]), b2 = S(k[2]), eps = S(k[3]), l2 = S(k[4]), keep = S(k[5]), scale = S(k[6]), root = S(k[7]);
  const S a1 = S(k[8]), a2 = S(k[9]);  // 1 - b in double precision: 1 - 0.999f is 5e-5 off
  for (int64_t i = 0; i < n; ++i) {
    S v = value[i] * keep, g = gradient[i] * scale + l2 * v;
    S m = mean[i] + a1 * (g - mean[i]), q = b2 * square[i] + a2 * g * g;
    mean[i] = m;
    square[i] = q;
    S s = sizeof(S) == 4 ? S(__builtin_sqrtf((float)q)) : S(__builtin_sqrt((double)q));
    value[i] = v - rate * m / (s * root + eps);
  }
}

template <class S> double square_sum(int64_t n, const S* p) {
  double total = 0;
  for (int64_t first = 0; first < n; first += 4096) {
    const int64_t end = n - first < 4096 ? n : first + 4096;
    V<S> sum{};
    int64_t i = first;
    for (; i + W<S> <= end; i += W<S>) sum += load(p + i) * load(p + i);
    for (int64_t l = 0; l < W<S>; ++l) total += (double)sum[l];
    for (; i < end; ++i) total += (double)p[i] * (double)p[i];
  }
  return total;
}

template <class S> double peak(int64_t rounds) {
  V<S> x[10], m = all(S(0.999)), c = all(S(0.001));
  for (int i = 0; i < 10; ++i) x[i] = all(S(i));
  for (int64_t r = 0; r < rounds; ++r) {
#pragma GCC unroll 10
    for (int i = 0; i < 10; ++i) x[i] = x[i] * m + c;
#pragma GCC unroll 10
    for (int i = 0; i < 10; ++i) x[i] = x[i] * m + c;
  }
  volatile S sink = 0;
  for (int i = 0; i < 10; ++i) sink = sink + x[i][0];
  return (double)rounds * 20 * (double)W<S>;
}

#if !defined(TG_HALF)
template <class S> constexpr Kernels<S> table() {
  return {W<S>,       panel_size<S>, back_size<S>,       kept<S>,             gate_pitch_of<S>, input_pitch_of<S>,
          sums_size<S>, pack<S>,     pack_back<S>,       forward_scratch<S>,  backward_scratch<S>, forward<S>,
          backward<S>, forward_part<S>, backward_part<S>, gradient<S>,        collect<S>,       gates<S>,
          adam<S>,    square_sum<S>, peak<S>};
}
#endif

}  // namespace

#if defined(TG_HALF)
void TG_TABLE(Kernels<float>& k) {
  k.panel_size = panel_size<float>;
  k.back_size = back_size<float>;
  k.pack = pack<float>;
  k.pack_back = pack_back<float>;
  k.forward_scratch = forward_scratch<float>;
  k.backward_scratch = backward_scratch<float>;
  k.forward = forward<float>;
  k.backward = backward<float>;
  k.gradient = gradient<float>;
}
#else
extern const Isa TG_TABLE;
const Isa TG_TABLE = {TG_NAME, table<float>(), table<double>()};
#endif
