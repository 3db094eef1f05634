#include "api.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include "memory.h"
#include "pool.h"
#include "stack.h"

namespace tidegate {
namespace {

constexpr int64_t GROUP = 48;  // rows that walk through time together: their states and one panel share the cache
constexpr int64_t BLOCK_BYTES = 3 << 17;  // gradients of gates between walking and summing: they stay in the L2 cache

// The rows of the batch in equal groups, a multiple of the threads.
struct Groups {
  Groups(int64_t B, int64_t threads) {
    if (B < 1) return;
    const int64_t turns = (B + threads * GROUP - 1) / (threads * GROUP);
    count = threads * turns < B ? threads * turns : B;
    rows = B;
  }
  int64_t first(int64_t i) const { return rows * i / count; }
  int64_t size(int64_t i) const { return first(i + 1) - first(i); }
  int64_t largest() const { return count ? (rows + count - 1) / count : 0; }
  int64_t count = 0, rows = 0;
};

// Whether few rows meet weights so large that threads share the units of a step instead of the rows.
bool by_units(const tg_rnn& r, int64_t threads) {
  if (threads == 1 || r.B > 8 || r.D > 1 || (r.flags & (TG_NORM | TG_BFLOAT16))) return false;
  if ((r.flags & TG_TRAIN) && r.recurrent_dropout > 0) return false;  // a masked state would need a phase of its own
  return 4 * r.H * (r.H + r.I) >= 3 << 16;
}

// Packing is shared where the weights are large; f(i, part, parts) packs of layer and direction i.
template <class F> void pack_parts(const tg_rnn& r, int64_t threads, F f) {
  const int64_t parts = r.H * r.H < 1 << 14 ? 1 : 2 * threads;
  auto task = [&](int64_t i, int64_t) { f(i / parts, i % parts, parts); };
  parallel(r.L * r.D * parts, parts == 1 ? 1 : threads, task);
}

template <class S> int forward(const tg_rnn& r) {
  const Sizes<S> sizes(r);
  const Kernels<S>& k = sizes.k;
  const int64_t threads = threads_for(r, false), LD = r.L * r.D;
  const bool train = r.flags & TG_TRAIN;
  Scratch<S> packed(r.packed ? 0 : sizes.panels());
  Scratch<S> between(train || r.L == 1 ? 0 : 2 * sizes.row * r.T * r.B);
  if (!packed.ok() || !between.ok()) return TG_ERROR_MEMORY;
  S* outputs = train ? static_cast<S*>(r.stash) + sizes.output(0) : between.get();
  std::vector<Layer<S>> layers(static_cast<size_t>(LD));
  for (int64_t i = 0; i < LD; ++i) {
    Layer<S>& a = layers[static_cast<size_t>(i)] = layer_of<S>(r, sizes, i / r.D, i % r.D, outputs);
    a.panel = static_cast<const S*>(r.packed);
    if (!a.panel) a.panel = packed.get();
    a.panel += sizes.panel_offset(i / r.D, i % r.D);
  }
  if (!r.packed)
    pack_parts(r, threads, [&](int64_t i, int64_t part, int64_t parts) {
      const Layer<S>& a = layers[static_cast<size_t>(i)];
      k.pack(r.cell, a.norm, a.I, a.H, a.weights, packed.get() + sizes.panel_offset(i / r.D, i % r.D), part, parts);
    });
  if (by_units(r, threads)) {
    const int64_t need = k.forward_scratch(layers.back(), r.B) * threads;
    Scratch<S> scratch(need);
    if (!scratch.ok()) return TG_ERROR_MEMORY;
    auto task = [&](int64_t phase, int64_t part) {
      k.forward_part(layers[static_cast<size_t>(phase / (r.T + 2))], phase % (r.T + 2), part, threads, scratch.get());
    };
    in_phases(r.L * (r.T + 2), threads, threads, task);
    return TG_OK;
  }
  const Groups groups(r.B, threads);
  int64_t need = 0;
  for (const Layer<S>& a : layers) need = std::max(need, k.forward_scratch(a, groups.largest()));
  const bool by_direction = r.D == 2 && groups.count < threads;  // a barrier per layer then
  Scratch<S> scratch((threads + (by_direction ? 2 : 0)) * need);
  if (!scratch.ok()) return TG_ERROR_MEMORY;
  if (by_direction) {
    for (int64_t l = 0; l < r.L; ++l) {
      auto task = [&](int64_t i, int64_t worker) {
        const int64_t g = i / 2;
        k.forward(layers[static_cast<size_t>(l * 2 + i % 2)], groups.first(g), groups.size(g), scratch.get() + worker * need);
      };
      parallel(groups.count * 2, threads, task);
    }
    return TG_OK;
  }
  auto task = [&](int64_t g, int64_t worker) {
    for (const Layer<S>& a : layers) k.forward(a, groups.first(g), groups.size(g), scratch.get() + worker * need);
  };
  parallel(groups.count, threads, task);
  return TG_OK;
}

// Into how many parts the rows are cut that walk back and sum their gradients without waiting for each other; their sums are
// added at the end. It depends on the shape alone, for equal bits on any number of threads; sums must stay in the cache.
int64_t row_parts(const tg_rnn& r, int64_t largest_sums) { return r.B >= 16 && largest_sums <= 3 << 15 ? 2 : 1; }

template <class S> int backward(const tg_rnn& r) {
  const Sizes<S> sizes(r);
  const Kernels<S>& k = sizes.k;
  const int64_t threads = threads_for(r, true), LD = r.L * r.D, N = r.T * r.B;
  Scratch<S> between(r.L == 1 ? 0 : 2 * sizes.row * N);
  if (!between.ok()) return TG_ERROR_MEMORY;
  std::vector<Layer<S>> layers(static_cast<size_t>(LD));
  std::vector<int64_t> offset(static_cast<size_t>(LD + 1), 0);
  for (int64_t i = 0; i < LD; ++i) {
    const int64_t l = i / r.D, d = i % r.D;
    Layer<S>& a = layers[static_cast<size_t>(i)] = layer_of<S>(r, sizes, l, d, static_cast<S*>(r.stash) + sizes.output(0));
    if (l == r.L - 1) {
      a.dy = r.dy ? static_cast<const S*>(r.dy) + d * r.H : nullptr;
      a.dy_t = r.dy_t;
      a.dy_b = r.dy_b;
    } else {
      a.dy = between.get() + l % 2 * sizes.row * N + d * r.H;
      a.dy_t = r.B * sizes.row;
      a.dy_b = sizes.row;
    }
    if (l == 0) {
      a.dx = static_cast<S*>(r.dx);
      a.dx_t = r.dx_t;
      a.dx_b = r.dx_b;
    } else {
      a.dx = between.get() + (l - 1) % 2 * sizes.row * N;
      a.dx_t = r.B * sizes.row;
      a.dx_b = sizes.row;
    }
    a.dx_add = d == 1;
    offset[static_cast<size_t>(i + 1)] = offset[static_cast<size_t>(i)] + k.back_size(r.cell, a.norm, a.I, a.H, a.dx != nullptr);
  }
  const int64_t pitch = k.gate_pitch(layers[0]);
  int64_t need = 0, widest = 0, all_sums = 0, largest_sums = 0;
  for (const Layer<S>& a : layers) {
    widest = std::max(widest, k.input_pitch(a));
    largest_sums = std::max(largest_sums, k.sums_size(a));
    all_sums += k.sums_size(a);
  }
  const int64_t parts = row_parts(r, largest_sums), most = (r.B + parts - 1) / parts;
  auto first_row = [&](int64_t part) { return r.B * part / parts; };
  // A partial sum of the weights' gradients takes BLOCK rows (gradient.h): not fewer, and whole ones if possible.
  const int64_t rows = std::max<int64_t>(96, BLOCK_BYTES / static_cast<int64_t>(sizeof(S)) / pitch / 96 * 96);
  const int64_t steps = std::min(std::max<int64_t>(1, rows / std::max<int64_t>(1, most)), r.T);
  const bool apart = parts > 1 && threads <= parts, shared = by_units(r, threads);
  const Groups groups(apart ? most : r.B, apart ? 1 : std::max(threads, parts));
  for (const Layer<S>& a : layers) need = std::max(need, k.backward_scratch(a, shared ? r.B : groups.largest()));
  const int64_t carried = 2 * r.B * sizes.units, block_size = steps * most * (pitch + widest);
  Scratch<S> packed(offset.back()), block(parts * block_size), state(LD * carried), sum(parts * all_sums), scratch(threads * need);
  if (!packed.ok() || !block.ok() || !state.ok() || !sum.ok() || !scratch.ok()) return TG_ERROR_MEMORY;
  pack_parts(r, threads, [&](int64_t i, int64_t part, int64_t of) {
    const Layer<S>& a = layers[static_cast<size_t>(i)];
    k.pack_back(r.cell, a.norm, a.I, a.H, a.dx != nullptr, a.weights, packed.get() + offset[static_cast<size_t>(i)], part, of);
  });
  all_sums = 0;
  for (int64_t i = 0; i < LD; ++i) {
    Layer<S>& a = layers[static_cast<size_t>(i)];
    a.back = packed.get() + offset[static_cast<size_t>(i)];
    a.carried = state.get() + i * carried;
    a.sums = sum.get() + all_sums;
    all_sums += k.sums_size(a);
  }
  auto part_of = [&](const Layer<S>& whole, int64_t part) {
    Layer<S> a = whole;
    a.row0 = first_row(part);
    a.rows = first_row(part + 1) - a.row0;
    a.dg = block.get() + part * block_size;
    a.z = a.dg + steps * most * pitch;
    a.sums += part * all_sums;
    return a;
  };
  // From the last block to the first, all layers and directions; one block also where there is no step at all.
  auto each_block = [&](auto run) {
    auto blocks = [&](auto each) {
      int64_t s1 = r.T;
      do {
        const int64_t s0 = s1 > steps ? s1 - steps : 0;
        each(s0, s1);
        s1 = s0;
      } while (s1 > 0);
    };
    if (r.D == 1) {  // a block of the upper layer's input gradients is still near when the layer below reads it
      blocks([&](int64_t s0, int64_t s1) {
        for (int64_t l = r.L - 1; l >= 0; --l) run(layers[static_cast<size_t>(l)], s0, s1);
      });
    } else {
      for (int64_t i = LD - 1; i >= 0; --i)
        blocks([&](int64_t s0, int64_t s1) { run(layers[static_cast<size_t>(i ^ 1)], s0, s1); });
    }
  };
  if (apart) {
    auto task = [&](int64_t part, int64_t worker) {
      each_block([&](const Layer<S>& whole, int64_t s0, int64_t s1) {
        const Layer<S> a = part_of(whole, part);
        const Groups own(a.rows, 1);
        for (int64_t g = 0; g < own.count; ++g) k.backward(a, a.row0 + own.first(g), own.size(g), s0, s1, scratch.get() + worker * need);
        k.gradient(a, 0, 1, s0, s1);
      });
    };
    parallel(parts, threads, task);
  } else {
    const int64_t shares = threads == 1 ? 1 : 2 * threads;
    each_block([&](const Layer<S>& whole, int64_t s0, int64_t s1) {
      if (shared) {
        const Layer<S> a = part_of(whole, 0);
        auto walk = [&](int64_t phase, int64_t part) { k.backward_part(a, s0, s1, phase, part, threads, scratch.get()); };
        in_phases(2 * (s1 - s0) + 2, threads, threads, walk);
      } else {
        auto walk = [&](int64_t g, int64_t worker) {
          for (int64_t part = 0; part < parts; ++part) {  // the rows of a group that belong to this part
            const int64_t first = std::max(groups.first(g), first_row(part)), end = std::min(groups.first(g + 1), first_row(part + 1));
            if (first < end) k.backward(part_of(whole, part), first, end - first, s0, s1, scratch.get() + worker * need);
          }
        };
        parallel(groups.count, threads, walk);
      }
      auto add = [&](int64_t i, int64_t) { k.gradient(part_of(whole, i / shares), i % shares, shares, s0, s1); };
      parallel(parts * shares, threads, add);
    });
  }
  if (parts == 1) return TG_OK;
  auto collect = [&](int64_t i, int64_t) { k.collect(layers[static_cast<size_t>(i / threads)], parts, all_sums, i % threads, threads); };
  parallel(LD * threads, threads, collect);
  return TG_OK;
}

template <class S> int pack(const tg_rnn& r, void* to) {
  const Sizes<S> sizes(r);
  for (int64_t i = 0; i < r.L * r.D; ++i) {
    const Layer<S> a = layer_of<S>(r, sizes, i / r.D, i % r.D, nullptr);
    sizes.k.pack(r.cell, a.norm, a.I, a.H, a.weights, static_cast<S*>(to) + sizes.panel_offset(i / r.D, i % r.D), 0, 1);
  }
  return TG_OK;
}

template <class F> auto with_type(int64_t dtype, F f) { return dtype == TG_FLOAT64 ? f(double{}) : f(float{}); }

}  // namespace
}  // namespace tidegate

using namespace tidegate;

extern "C" {

int64_t tg_abi(void) { return TG_ABI; }

const char* tg_message(int status) {
  static const char* const messages[] = {
      "no error",
      "the description has another size: library and caller differ in version",
      "an unknown cell, type or flag, or a combination that does not exist",
      "an impossible size or number of threads",
      "an array that must be there is missing",
      "rows or steps of an array overlap",
      "a length is negative or larger than the number of steps",
      "out of memory",
      "a probability outside [0, 1) or a negative epsilon",
  };
  return status >= 0 && status <= TG_ERROR_RANGE ? messages[status] : "unknown status";
}

int64_t tg_stash_bytes(const tg_rnn* r) {
  if (!r) return -TG_ERROR_NULL;
  if (r->size != static_cast<int64_t>(sizeof *r)) return -TG_ERROR_SIZE;
  tg_rnn probe = *r;
  probe.B = probe.T = 0;
  probe.lengths = nullptr;
  const void* none[TG_SLOTS] = {};
  (void)none;
  probe.weights = nullptr;
  probe.flags &= ~int64_t{TG_TRAIN};
  probe.packed = &probe;
  if (int status = check(probe, false)) return -status;
  const double steps = static_cast<double>(r->B) * static_cast<double>(r->T);
  if (r->B < 0 || r->T < 0 || steps * static_cast<double>(r->H + 16) * 8 * static_cast<double>(r->L) > 1e13) return -TG_ERROR_SHAPE;
  return with_type(r->dtype, [&](auto s) { return Sizes<decltype(s)>(*r).stash() * static_cast<int64_t>(sizeof s); });
}

int64_t tg_packed_bytes(const tg_rnn* r) {
  const int64_t status = tg_stash_bytes(r);
  if (status < 0) return status;
  return with_type(r->dtype, [&](auto s) { return Sizes<decltype(s)>(*r).panels() * static_cast<int64_t>(sizeof s); });
}

int tg_pack(const tg_rnn* r, void* packed) {
  if (!r || !packed) return TG_ERROR_NULL;
  tg_rnn probe = *r;
  probe.B = probe.T = 0;
  probe.lengths = nullptr;
  probe.flags &= ~int64_t{TG_TRAIN};
  probe.packed = nullptr;
  if (int status = check(probe, false)) return status;
  return with_type(r->dtype, [&](auto s) { return pack<decltype(s)>(probe, packed); });
}

int tg_forward(const tg_rnn* r) {
  if (!r) return TG_ERROR_NULL;
  if (int status = check(*r, false)) return status;
  return with_type(r->dtype, [&](auto s) { return forward<decltype(s)>(*r); });
}

int tg_backward(const tg_rnn* r) {
  if (!r) return TG_ERROR_NULL;
  if (int status = check(*r, true)) return status;
  return with_type(r->dtype, [&](auto s) { return backward<decltype(s)>(*r); });
}

int tg_step(const tg_rnn* r) {
  if (!r) return TG_ERROR_NULL;
  if (r->size != static_cast<int64_t>(sizeof *r)) return TG_ERROR_SIZE;
  if (r->T != 1 || r->D != 1) return TG_ERROR_SHAPE;
  if (!r->h0 || (!r->c0 && r->cell != TG_GRU)) return TG_ERROR_NULL;
  tg_rnn step = *r;
  step.hn = const_cast<void*>(r->h0);
  step.cn = const_cast<void*>(r->c0);
  step.flags = r->flags & (TG_NORM | TG_BFLOAT16);
  return tg_forward(&step);
}

int tg_gates(const tg_rnn* r, int64_t layer, int64_t direction, void* out) {
  if (!r || !out) return TG_ERROR_NULL;
  if (int status = check(*r, false)) return status;
  if (!(r->flags & TG_TRAIN) || layer < 0 || layer >= r->L || direction < 0 || direction >= r->D) return TG_ERROR_OPTION;
  return with_type(r->dtype, [&](auto s) {
    using S = decltype(s);
    const Sizes<S> sizes(*r);
    sizes.k.gates(layer_of<S>(*r, sizes, layer, direction, nullptr), static_cast<S*>(out));
    return static_cast<int>(TG_OK);
  });
}

double tg_peak(int64_t dtype, int64_t threads, double seconds) {
  if (threads < 1 || threads > 1024) return -1;
  return with_type(dtype, [&](auto s) {
    using S = decltype(s);
    const Kernels<S>& k = kernels<S>();
    std::vector<double> rate(static_cast<size_t>(threads), 0.0);
    auto task = [&](int64_t i, int64_t) {
      const auto start = std::chrono::steady_clock::now();
      double work = 0, passed = 0;
      while (passed < seconds) {
        work += k.peak(20000);
        passed = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      }
      rate[static_cast<size_t>(i)] = 2e-9 * work / passed;
    };
    parallel(threads, threads, task);
    double total = 0;
    for (double v : rate) total += v;
    return total;
  });
}
}
