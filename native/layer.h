// One layer in one direction, as the kernels see it. Letters: api.h.
#ifndef TIDEGATE_LAYER_H
#define TIDEGATE_LAYER_H
#include <stdint.h>

namespace tidegate {

template <class S> struct Layer {
  int64_t B, T, I, H, D, cell;
  int64_t step0;           // steps walked before this call, for masks that are numbered by step
  bool train, reverse, norm;
  const int64_t* lengths;  // [B] or null
  S epsilon;
  // Masks: threshold = p * 2^24, 0 when off. keys differ for every layer and direction.
  uint32_t dropout, recurrent, zone_h, zone_c;
  S keep_h, keep_c;        // zoneout without TG_TRAIN: the share of the old state
  uint64_t key, out_key;   // out_key: of the mask between this layer and the next, the same for both directions
  // Arrays with strides in elements; `direction` is already added to y and its kin.
  const S* x;              // [T, B, I]
  int64_t x_t, x_b;
  S* y;                    // [T, B, H]
  int64_t y_t, y_b;
  S* dropped;              // [T, B, H], y after dropout, or null
  int64_t dropped_t, dropped_b;
  int64_t unit0;           // first unit of this direction in a row of y: numbers the dropout mask
  const S *h0, *c0;        // [B, H] or null; c of an slstm [B, 2, H], as cn, dcn and dc0
  S *hn, *cn;              // [B, H] or null
  S* stash;                // [T, P, B, K, W], K kept values of a unit (cells.h)
  const S* panel;          // packed forward weights (pack.h)
  // backward
  const S* dy;             // [T, B, H] or null
  int64_t dy_t, dy_b;
  const S *dhn, *dcn;      // [B, H] or null
  S* dx;                   // [T, B, I] or null
  int64_t dx_t, dx_b;
  bool dx_add;             // the other direction has written dx
  uint32_t dx_dropout;     // of the layer below; its key:
  uint64_t dx_key;
  S *dh0, *dc0;            // [B, H] or null
  // Steps are walked and summed in blocks (s0 to s1) whose gradients of gates stay in the cache. Rows row0 to row0 + rows
  // share dg, z and sums: the whole batch, or one of the parts that walk and sum without waiting for each other.
  int64_t row0, rows;
  S* dg;                   // [s1 - s0, rows, A, U] of pitch gate_pitch, A accumulators of a unit (cells.h)
  S* z;                    // [s1 - s0, rows, I + H] of pitch input_pitch: what the products of those steps read
  S* carried;              // [1 + vectors of c, B, U], gradients of h and c that one block hands to the next
  S* sums;                 // [P, A + EXTRA + (I + H) G, W], gradients of the weights so far
  const S* back;           // packed backward weights
  const S* weights[6];
  S* dweights[6];
};

// What one instruction set offers for one element type.
template <class S> struct Kernels {
  int64_t lanes;
  int64_t (*panel_size)(int64_t cell, bool norm, int64_t I, int64_t H);             // elements
  int64_t (*back_size)(int64_t cell, bool norm, int64_t I, int64_t H, bool dx);
  int64_t (*kept)(int64_t cell, bool norm);                                         // K
  int64_t (*gate_pitch)(const Layer<S>&);                                           // elements of a row of dg
  int64_t (*input_pitch)(const Layer<S>&);                                          // elements of a row of z
  int64_t (*sums_size)(const Layer<S>&);
  // The last two arguments: one part of so many; all together give the whole.
  void (*pack)(int64_t cell, bool norm, int64_t I, int64_t H, const S* const* weights, S* panel, int64_t, int64_t);
  void (*pack_back)(int64_t cell, bool norm, int64_t I, int64_t H, bool dx, const S* const* weights, S* back, int64_t, int64_t);
  int64_t (*forward_scratch)(const Layer<S>&, int64_t rows);
  int64_t (*backward_scratch)(const Layer<S>&, int64_t rows);
  void (*forward)(const Layer<S>&, int64_t first, int64_t rows, S* scratch);
  void (*backward)(const Layer<S>&, int64_t first, int64_t rows, int64_t s0, int64_t s1, S* scratch);
  // One part of the units in one phase of a walk (forward.h, backward.h); scratch: forward_scratch(B) for every part.
  void (*forward_part)(const Layer<S>&, int64_t phase, int64_t part, int64_t parts, S* scratch);
  void (*backward_part)(const Layer<S>&, int64_t s0, int64_t s1, int64_t phase, int64_t part, int64_t parts, S* scratch);
  void (*gradient)(const Layer<S>&, int64_t task, int64_t tasks, int64_t s0, int64_t s1);  // one of `tasks` shares
  void (*collect)(const Layer<S>&, int64_t count, int64_t apart, int64_t task, int64_t tasks);
  void (*gates)(const Layer<S>&, S* out);
  void (*adam)(int64_t n, S* value, const S* gradient, S* mean, S* square, const double* constants);
  double (*square_sum)(int64_t n, const S* array);
  double (*peak)(int64_t rounds);                                                   // multiply-adds done
};

struct Isa {
  const char* name;
  Kernels<float> f32;
  Kernels<double> f64;
};

}  // namespace tidegate
#endif
