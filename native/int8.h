// What one instruction set offers for weights of 8 bits.
#ifndef TIDEGATE_INT8_H
#define TIDEGATE_INT8_H
#include "api.h"

namespace tidegate {

struct Int8Isa {
  const char* name;
  int64_t (*bytes)(const tg_int8&, bool dense);
  void (*pack)(const tg_int8&, bool dense, void* packed);
  int64_t (*scratch)(const tg_int8&, bool dense, int64_t rows);  // bytes
  void (*forward)(const tg_int8&, int64_t first, int64_t rows, void* scratch);
  void (*dense)(const tg_int8&, int64_t first, int64_t rows, void* scratch);
};

}  // namespace tidegate
#endif
