// The way back through a stack: block by block of steps, from the last to the first, all layers and directions.
//
//   rows of the batch      | part 0 | part 1 |      a part sums the gradients of its own rows' weights ...
//   steps               s1 |  walk  |  walk  |      dg [steps, rows, G * U]: gradients of the gates of one block
//                       s0 |  sum   |  sum   |      += dg^T [x, h], while dg is still in the L2 cache
//                        0 |  ...   |  ...   |
//                          +--- collect -----+      ... and the parts' sums are added in their order
//
// The number of parts depends on the shape alone, so that sums come out the same bit for bit on any number of threads.
#ifndef TIDEGATE_STACK_BACKWARD_H
#define TIDEGATE_STACK_BACKWARD_H
#include <algorithm>
#include <vector>

#include "memory.h"
#include "schedule.h"
#include "stack.h"

namespace tidegate {
namespace {

constexpr int64_t BLOCK_BYTES = 3 << 17;  // gradients of gates between walking and summing: they stay in the L2 cache

// Into how many parts the rows are cut that walk back and sum their gradients without waiting for each other; their sums are
// added at the end. It depends on the shape alone, for equal bits on any number of threads; sums must stay in the cache.
int64_t row_parts(const tg_rnn& r, int64_t largest_sums) { return r.B >= 16 && largest_sums <= 3 << 15 ? 2 : 1; }

// The layers with their incoming and outgoing gradients, and every size that follows from them.
template <class S> struct BackwardPlan {
  BackwardPlan(const tg_rnn& r, const Sizes<S>& sizes, S* between)
      : r(r), k(sizes.k), threads(threads_for(r, true)), layers(static_cast<size_t>(r.L * r.D)), offset(layers.size() + 1, 0) {
    for (int64_t i = 0; i < r.L * r.D; ++i) add_layer(sizes, i, between);
    pitch = k.gate_pitch(layers[0]);
    int64_t widest = 0, largest_sums = 0;
    for (const Layer<S>& a : layers) {
      widest = std::max(widest, k.input_pitch(a));
      largest_sums = std::max(largest_sums, k.sums_size(a));
      all_sums += k.sums_size(a);
    }
    parts = row_parts(r, largest_sums);
    most = (r.B + parts - 1) / parts;
    // A partial sum of the weights' gradients takes BLOCK rows (gradient.h): not fewer, and whole ones if possible.
    const int64_t rows = std::max<int64_t>(96, BLOCK_BYTES / static_cast<int64_t>(sizeof(S)) / pitch / 96 * 96);
    steps = std::min(std::max<int64_t>(1, rows / std::max<int64_t>(1, most)), r.T);
    apart = parts > 1 && threads <= parts;
    by_unit = by_units(r, threads);
    groups = Groups(apart ? most : r.B, apart ? 1 : std::max(threads, parts));
    for (const Layer<S>& a : layers) need = std::max(need, k.backward_scratch(a, by_unit ? r.B : groups.largest()));
    carried = (1 + state_vectors(r.cell)) * r.B * sizes.units;
    block_size = steps * most * (pitch + widest);
  }
  int64_t first_row(int64_t part) const { return r.B * part / parts; }

  const tg_rnn& r;
  const Kernels<S>& k;
  int64_t threads;
  std::vector<Layer<S>> layers;
  std::vector<int64_t> offset;  // of each layer's packed weights, then the end
  int64_t pitch = 0;            // of a row of dg
  int64_t parts = 1, most = 0;  // parts of the rows, and the rows of the largest
  int64_t steps = 0;            // of one block
  bool apart = false;           // each part on a thread of its own from the first block to the last
  bool by_unit = false;         // threads share the units of each step
  Groups groups{0, 1};          // rows that walk together
  int64_t need = 0, carried = 0, block_size = 0, all_sums = 0;

 private:
  // Layer and direction i; between two layers lie two buffers of gradients that take turns.
  void add_layer(const Sizes<S>& sizes, int64_t i, S* between) {
    const int64_t l = i / r.D, d = i % r.D, N = r.T * r.B;
    Layer<S>& a = layers[static_cast<size_t>(i)] = layer_of<S>(r, sizes, l, d, static_cast<S*>(r.stash) + sizes.output(0));
    if (l == r.L - 1) {
      a.dy = r.dy ? static_cast<const S*>(r.dy) + d * r.H : nullptr;
      a.dy_t = r.dy_t;
      a.dy_b = r.dy_b;
    } else {
      a.dy = between + l % 2 * sizes.row * N + d * r.H;
      a.dy_t = r.B * sizes.row;
      a.dy_b = sizes.row;
    }
    if (l == 0) {
      a.dx = static_cast<S*>(r.dx);
      a.dx_t = r.dx_t;
      a.dx_b = r.dx_b;
    } else {
      a.dx = between + (l - 1) % 2 * sizes.row * N;
      a.dx_t = r.B * sizes.row;
      a.dx_b = sizes.row;
    }
    a.dx_add = d == 1;
    offset[static_cast<size_t>(i + 1)] = offset[static_cast<size_t>(i)] + k.back_size(r.cell, a.norm, a.I, a.H, a.dx != nullptr);
  }
};

// The memory of one way back, and the walk itself.
template <class S> class Backward {
 public:
  explicit Backward(BackwardPlan<S>& plan)
      : p(plan), packed(p.offset.back()), block(p.parts * p.block_size), state(static_cast<int64_t>(p.layers.size()) * p.carried),
        sum(p.parts * p.all_sums), scratch(p.threads * p.need) {}
  bool ok() const { return packed.ok() && block.ok() && state.ok() && sum.ok() && scratch.ok(); }

  void run() {
    prepare();
    if (p.apart) walk_parts();
    else walk_blocks();
    if (p.parts > 1) collect();
  }

 private:
  // Packs the weights, and gives every layer its share of the memory.
  void prepare() {
    pack_parts(p.r, p.threads, [&](int64_t i, int64_t part, int64_t of) {
      const Layer<S>& a = p.layers[static_cast<size_t>(i)];
      p.k.pack_back(p.r.cell, a.norm, a.I, a.H, a.dx != nullptr, a.weights, packed.get() + p.offset[static_cast<size_t>(i)], part, of);
    });
    int64_t sums = 0, i = 0;
    for (Layer<S>& a : p.layers) {
      a.back = packed.get() + p.offset[static_cast<size_t>(i)];
      a.carried = state.get() + i++ * p.carried;
      a.sums = sum.get() + sums;
      sums += p.k.sums_size(a);
    }
  }

  // A layer as one part of the rows sees it.
  Layer<S> part_of(const Layer<S>& whole, int64_t part) const {
    Layer<S> a = whole;
    a.row0 = p.first_row(part);
    a.rows = p.first_row(part + 1) - a.row0;
    a.dg = block.get() + part * p.block_size;
    a.z = a.dg + p.steps * p.most * p.pitch;
    a.sums += part * p.all_sums;
    return a;
  }

  // f(s0, s1) from the last block to the first; one also where there is no step at all.
  template <class F> void blocks(F f) const {
    int64_t s1 = p.r.T;
    do {
      const int64_t s0 = s1 > p.steps ? s1 - p.steps : 0;
      f(s0, s1);
      s1 = s0;
    } while (s1 > 0);
  }

  // f(layer, s0, s1) for all blocks of all layers and directions, each after those that it depends on.
  template <class F> void each_block(F f) const {
    if (p.r.D == 1) {  // a block of the upper layer's input gradients is still near when the layer below reads it
      blocks([&](int64_t s0, int64_t s1) {
        for (int64_t l = p.r.L - 1; l >= 0; --l) f(p.layers[static_cast<size_t>(l)], s0, s1);
      });
    } else {
      for (int64_t i = static_cast<int64_t>(p.layers.size()) - 1; i >= 0; --i)
        blocks([&](int64_t s0, int64_t s1) { f(p.layers[static_cast<size_t>(i ^ 1)], s0, s1); });
    }
  }

  // Each part walks and sums alone: threads never wait for each other.
  void walk_parts() {
    auto task = [&](int64_t part, int64_t worker) {
      each_block([&](const Layer<S>& whole, int64_t s0, int64_t s1) {
        const Layer<S> a = part_of(whole, part);
        const Groups own(a.rows, 1);
        for (int64_t g = 0; g < own.count; ++g) p.k.backward(a, a.row0 + own.first(g), own.size(g), s0, s1, scratch.get() + worker * p.need);
        p.k.gradient(a, 0, 1, s0, s1);
      });
    };
    parallel(p.parts, p.threads, task);
  }

  // All threads walk a block, then all sum it.
  void walk_blocks() {
    const int64_t shares = p.threads == 1 ? 1 : 2 * p.threads;
    each_block([&](const Layer<S>& whole, int64_t s0, int64_t s1) {
      if (p.by_unit) walk_by_unit(part_of(whole, 0), s0, s1);
      else walk_by_row(whole, s0, s1);
      auto add = [&](int64_t i, int64_t) { p.k.gradient(part_of(whole, i / shares), i % shares, shares, s0, s1); };
      parallel(p.parts * shares, p.threads, add);
    });
  }

  void walk_by_unit(const Layer<S>& a, int64_t s0, int64_t s1) {
    auto walk = [&](int64_t phase, int64_t part) { p.k.backward_part(a, s0, s1, phase, part, p.threads, scratch.get()); };
    in_phases(2 * (s1 - s0) + 2, p.threads, p.threads, walk);
  }

  void walk_by_row(const Layer<S>& whole, int64_t s0, int64_t s1) {
    auto walk = [&](int64_t g, int64_t worker) {
      for (int64_t part = 0; part < p.parts; ++part) {  // the rows of a group that belong to this part
        const int64_t first = std::max(p.groups.first(g), p.first_row(part)), end = std::min(p.groups.first(g + 1), p.first_row(part + 1));
        if (first < end) p.k.backward(part_of(whole, part), first, end - first, s0, s1, scratch.get() + worker * p.need);
      }
    };
    parallel(p.groups.count, p.threads, walk);
  }

  // Adds the sums of the parts, in their order.
  void collect() {
    auto add = [&](int64_t i, int64_t) {
      p.k.collect(p.layers[static_cast<size_t>(i / p.threads)], p.parts, p.all_sums, i % p.threads, p.threads);
    };
    parallel(static_cast<int64_t>(p.layers.size()) * p.threads, p.threads, add);
  }

  BackwardPlan<S>& p;
  Scratch<S> packed, block, state, sum, scratch;
};

}  // namespace
}  // namespace tidegate
#endif
