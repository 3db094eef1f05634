#include "stack.h"

#include <cmath>

namespace tidegate {
namespace {

uint64_t key_of(uint64_t seed, uint64_t index) {
  uint64_t z = seed + (index + 1) * 0x9e3779b97f4a7c15ull;
  z = (z ^ (z >> 32)) * 0xbf58476d1ce4e5b9ull;
  return z ^ (z >> 29);
}

uint32_t threshold_of(double p) { return static_cast<uint32_t>(std::lround(p * 16777216.0)); }

bool small(int64_t v, int64_t limit) { return v >= 0 && v <= limit; }
bool probability(double p) { return p >= 0 && p < 1; }

// Whether steps and rows of a written array with `width` contiguous elements lie apart.
bool apart(int64_t T, int64_t step, int64_t B, int64_t row, int64_t width) {
  if (T == 0 || B == 0) return true;
  if (T == 1) return B == 1 || row >= width;
  if (B == 1) return step >= width;
  return (row >= width && step >= row * B) || (step >= width && row >= step * T);
}

int check_shape(const tg_rnn& r) {
  if (r.cell < TG_LSTM || r.cell > TG_SLSTM || r.dtype < TG_FLOAT32 || r.dtype > TG_FLOAT64) return TG_ERROR_OPTION;
  if (r.flags & ~int64_t{TG_TRAIN | TG_REVERSE | TG_NORM | TG_BFLOAT16}) return TG_ERROR_OPTION;
  if ((r.flags & TG_REVERSE) && r.D != 1) return TG_ERROR_OPTION;
  if (r.cell == TG_SLSTM && (r.flags & TG_NORM)) return TG_ERROR_OPTION;
  constexpr int64_t big = int64_t{1} << 31;
  if (!small(r.B, big) || !small(r.T, big) || !small(r.I, 1 << 20) || !small(r.H, 1 << 16)) return TG_ERROR_SHAPE;
  if (r.I < 1 || r.H < 1 || r.L < 1 || r.L > 1024 || r.D < 1 || r.D > 2 || r.threads < 1 || r.threads > 1024) return TG_ERROR_SHAPE;
  if (static_cast<double>(r.B) * static_cast<double>(r.T) * static_cast<double>(r.H + 16) * 8 * static_cast<double>(r.L) > 1e13) return TG_ERROR_SHAPE;
  if (r.step0 < 0 || r.step0 > big - r.T) return TG_ERROR_SHAPE;
  if (!probability(r.dropout) || !probability(r.recurrent_dropout) || !probability(r.zoneout_h) || !probability(r.zoneout_c)) return TG_ERROR_RANGE;
  if (!(r.epsilon >= 0)) return TG_ERROR_RANGE;
  return TG_OK;
}

}  // namespace

int check(const tg_rnn& r, bool backward) {
  if (r.size != static_cast<int64_t>(sizeof(tg_rnn))) return TG_ERROR_SIZE;
  if (int status = check_shape(r)) return status;
  const bool work = r.B > 0 && r.T > 0;
  if (work && !r.x) return TG_ERROR_NULL;
  if (!r.weights && (backward || !r.packed)) return TG_ERROR_NULL;
  if (r.weights)
    for (int64_t i = 0; i < r.L * r.D; ++i) {
      const void* const* w = r.weights + i * TG_SLOTS;
      if (!w[0] || !w[1] || (r.cell == TG_PEEPHOLE && !w[4]) || ((r.flags & TG_NORM) && !w[5])) return TG_ERROR_NULL;
    }
  const bool train = r.flags & TG_TRAIN;
  if (train && r.packed) return TG_ERROR_OPTION;
  if (work && (train || backward) && !r.stash) return TG_ERROR_NULL;
  if (work && (train || backward) && !r.y) return TG_ERROR_NULL;
  if (backward && (!train || !r.dweights)) return TG_ERROR_NULL;
  if (r.lengths)
    for (int64_t b = 0; b < r.B; ++b)
      if (r.lengths[b] < 0 || r.lengths[b] > r.T) return TG_ERROR_LENGTH;
  if (r.y && !apart(r.T, r.y_t, r.B, r.y_b, r.D * r.H)) return TG_ERROR_STRIDE;
  if (backward && r.dx && !apart(r.T, r.dx_t, r.B, r.dx_b, r.I)) return TG_ERROR_STRIDE;
  return TG_OK;
}

template <class S> Sizes<S>::Sizes(const tg_rnn& rnn) : r(rnn), k(kernels_for<S>(rnn.flags)) {
  units = (r.H + k.lanes - 1) / k.lanes * k.lanes;
  gates = r.T * r.B * k.kept(r.cell, r.flags & TG_NORM) * units;
  row = (r.D * r.H + 15) / 16 * 16;
  drops = (r.flags & TG_TRAIN) && r.dropout > 0;
}

template <class S> int64_t Sizes<S>::panel(int64_t layer) const {
  return k.panel_size(r.cell, r.flags & TG_NORM, inputs(layer), r.H);
}
template <class S> int64_t Sizes<S>::panels() const { return panel_offset(r.L, 0); }
template <class S> int64_t Sizes<S>::panel_offset(int64_t layer, int64_t direction) const {
  if (layer == 0) return direction * panel(0);
  return r.D * (panel(0) + (layer - 1) * panel(1)) + (layer < r.L ? direction * panel(layer) : 0);
}

template <class S>
Layer<S> layer_of(const tg_rnn& r, const Sizes<S>& sizes, int64_t layer, int64_t direction, S* outputs) {
  Layer<S> a{};
  const int64_t index = layer * r.D + direction, state = index * r.B * r.H, unit0 = direction * r.H;
  const bool train = r.flags & TG_TRAIN, last = layer == r.L - 1;
  a.B = r.B;
  a.T = r.T;
  a.step0 = r.step0;
  a.I = sizes.inputs(layer);
  a.H = r.H;
  a.D = r.D;
  a.cell = r.cell;
  a.train = train;
  a.norm = r.flags & TG_NORM;
  a.reverse = direction == 1 || (r.flags & TG_REVERSE);
  a.lengths = r.lengths;
  a.epsilon = static_cast<S>(r.epsilon);
  a.key = key_of(r.seed, static_cast<uint64_t>(index));
  a.out_key = key_of(r.seed, static_cast<uint64_t>(4096 + layer));
  a.unit0 = unit0;
  if (train) {
    a.recurrent = threshold_of(r.recurrent_dropout);
    a.zone_h = threshold_of(r.zoneout_h);
    a.zone_c = threshold_of(r.zoneout_c);
  } else {
    a.keep_h = static_cast<S>(r.zoneout_h);
    a.keep_c = static_cast<S>(r.zoneout_c);
  }
  const int64_t plane = sizes.row * r.T * r.B;
  // Layers between the first and the last write into `outputs`: all kept in training, two in turn otherwise.
  auto output = [&](int64_t l) { return outputs + (train ? l : l % 2) * plane * (sizes.drops ? 2 : 1); };
  if (layer == 0) {
    a.x = static_cast<const S*>(r.x);
    a.x_t = r.x_t;
    a.x_b = r.x_b;
  } else {
    a.x = output(layer - 1) + (sizes.drops ? plane : 0);
    a.x_t = r.B * sizes.row;
    a.x_b = sizes.row;
    if (sizes.drops) {
      a.dx_dropout = threshold_of(r.dropout);
      a.dx_key = key_of(r.seed, static_cast<uint64_t>(4096 + layer - 1));
    }
  }
  if (last) {
    a.y = r.y ? static_cast<S*>(r.y) + unit0 : nullptr;
    a.y_t = r.y_t;
    a.y_b = r.y_b;
  } else {
    a.y = output(layer) + unit0;
    a.y_t = a.dropped_t = r.B * sizes.row;
    a.y_b = a.dropped_b = sizes.row;
    if (sizes.drops) {
      a.dropout = threshold_of(r.dropout);
      a.dropped = a.y + plane;
    }
  }
  auto at = [&](const void* p) { return p ? static_cast<const S*>(p) + state : nullptr; };
  a.h0 = at(r.h0);
  auto at_c = [&](const void* p) { return p ? static_cast<const S*>(p) + state * state_vectors(r.cell) : nullptr; };
  a.c0 = at_c(r.c0);
  a.hn = const_cast<S*>(at(r.hn));
  a.cn = const_cast<S*>(at_c(r.cn));
  a.dhn = at(r.dhn);
  a.dcn = at_c(r.dcn);
  a.dh0 = const_cast<S*>(at(r.dh0));
  a.dc0 = const_cast<S*>(at_c(r.dc0));
  if (train) a.stash = static_cast<S*>(r.stash) + sizes.kept(layer, direction);
  for (int i = 0; i < TG_SLOTS; ++i) {
    if (r.weights) a.weights[i] = static_cast<const S*>(r.weights[index * TG_SLOTS + i]);
    if (r.dweights) a.dweights[i] = static_cast<S*>(r.dweights[index * TG_SLOTS + i]);
  }
  return a;
}

int64_t threads_for(const tg_rnn& r, bool backward) {
  // Multiply-adds; waking a thread costs about as much as half a million of them.
  const double work = static_cast<double>(r.B * r.T) * static_cast<double>(r.L * r.D * r.H) * 4.0 *
                      static_cast<double>(r.H + r.I) * (backward ? 2 : 1);
  const int64_t useful = work < 1e6 ? 1 : static_cast<int64_t>(work / 5e5);
  return r.threads < useful ? r.threads : useful;
}

template struct Sizes<float>;
template struct Sizes<double>;
template Layer<float> layer_of(const tg_rnn&, const Sizes<float>&, int64_t, int64_t, float*);
template Layer<double> layer_of(const tg_rnn&, const Sizes<double>&, int64_t, int64_t, double*);

}  // namespace tidegate
