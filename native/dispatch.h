#ifndef TIDEGATE_DISPATCH_H
#define TIDEGATE_DISPATCH_H
#include "api.h"
#include "layer.h"

namespace tidegate {
const Isa& isa();  // the best one that this processor has, or the one that TIDEGATE_ISA names
const Kernels<float>* half_kernels();  // products of bfloat16, sums of float32; null where the processor has none
template <class S> const Kernels<S>& kernels();
template <> inline const Kernels<float>& kernels<float>() { return isa().f32; }
template <> inline const Kernels<double>& kernels<double>() { return isa().f64; }
template <class S> const Kernels<S>& kernels_for(int64_t flags) {
  if constexpr (sizeof(S) == 4)
    if ((flags & TG_BFLOAT16) && !(flags & TG_NORM) && half_kernels()) return *half_kernels();
  return kernels<S>();
}
}  // namespace tidegate
#endif
