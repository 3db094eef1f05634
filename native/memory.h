// Blocks that are handed out again after release: their pages stay mapped, so that no call pays for page faults.
#ifndef TIDEGATE_MEMORY_H
#define TIDEGATE_MEMORY_H
#include <stdint.h>

namespace tidegate {

void* acquire(int64_t bytes);  // 64-byte aligned; null if the system has none
void release(void*);

template <class S> class Scratch {
 public:
  explicit Scratch(int64_t n) : data_(n > 0 ? static_cast<S*>(acquire(n * static_cast<int64_t>(sizeof(S)))) : nullptr), n_(n) {}
  ~Scratch() { release(data_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  bool ok() const { return n_ <= 0 || data_; }
  S* get() const { return data_; }

 private:
  S* data_;
  int64_t n_;
};

}  // namespace tidegate
#endif
