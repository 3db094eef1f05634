#ifndef TIDEGATE_DISPATCH_H
#define TIDEGATE_DISPATCH_H
#include "layer.h"

namespace tidegate {
const Isa& isa();  // the best one that this processor has, or the one that TIDEGATE_ISA names
template <class S> const Kernels<S>& kernels();
template <> inline const Kernels<float>& kernels<float>() { return isa().f32; }
template <> inline const Kernels<double>& kernels<double>() { return isa().f64; }
}  // namespace tidegate
#endif
