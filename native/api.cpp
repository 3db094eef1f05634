#include "api.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include "memory.h"
#include "pool.h"
#include "schedule.h"
#include "stack.h"
#include "stack_backward.h"

namespace tidegate {
namespace {

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

template <class S> int backward(const tg_rnn& r) {
  const Sizes<S> sizes(r);
  Scratch<S> between(r.L == 1 ? 0 : 2 * sizes.row * r.T * r.B);
  if (!between.ok()) return TG_ERROR_MEMORY;
  BackwardPlan<S> plan(r, sizes, between.get());
  Backward<S> way(plan);
  if (!way.ok()) return TG_ERROR_MEMORY;
  way.run();
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
