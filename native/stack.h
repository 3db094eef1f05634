// A whole stack of layers, as api.h describes it, turned into layers for the kernels.
#ifndef TIDEGATE_STACK_H
#define TIDEGATE_STACK_H
#include "api.h"
#include "dispatch.h"

namespace tidegate {

// Vectors of H numbers that c holds, here also of a gru, which leaves it alone.
inline int64_t state_vectors(int64_t cell) { return cell == TG_SLSTM ? 2 : 1; }

int check(const tg_rnn& r, bool backward);  // a tg_status

// Sizes in elements; offsets into the stash: for every layer and direction the kept gates, then for every layer but
// the last its output [T, B, D*H], and that output after dropout.
template <class S> struct Sizes {
  explicit Sizes(const tg_rnn& r);
  int64_t inputs(int64_t layer) const { return layer ? r.D * r.H : r.I; }
  int64_t stash() const { return output(r.L - 1); }
  int64_t kept(int64_t layer, int64_t direction) const { return (layer * r.D + direction) * gates; }
  int64_t output(int64_t layer) const { return r.L * r.D * gates + layer * row * r.T * r.B * (drops ? 2 : 1); }
  int64_t panel(int64_t layer) const;   // elements of the packed weights of one direction
  int64_t panels() const;               // of all layers
  int64_t panel_offset(int64_t layer, int64_t direction) const;
  const tg_rnn& r;
  const Kernels<S>& k;
  int64_t units, gates, row;
  bool drops;
};

// Layer `layer` in one direction with everything but packed weights, working arrays and incoming gradients.
template <class S> Layer<S> layer_of(const tg_rnn& r, const Sizes<S>& sizes, int64_t layer, int64_t direction, S* outputs);

int64_t threads_for(const tg_rnn& r, bool backward);  // small work stays on one thread

}  // namespace tidegate
#endif
