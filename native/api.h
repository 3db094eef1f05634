// The C ABI of tidegate's recurrent engine. Plain C, no Python, no torch.
//
// Shape letters, the same in every file of this folder:
//   B batch rows   T steps   I inputs   H units   L layers   D directions (1 or 2)
//   G gate blocks in a weight (lstm, peephole, slstm 4: i f g o; coupled 3: f g o; gru 3: r z n)
//   W vector lanes   P panels of W units, P = ceil(H / W)   U units padded to whole panels, U = P * W
#ifndef TIDEGATE_API_H
#define TIDEGATE_API_H
#include <stdint.h>

#if defined(_WIN32)
#define TG_EXPORT __declspec(dllexport)
#else
#define TG_EXPORT __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

enum { TG_ABI = 3 };
enum tg_cell { TG_LSTM = 0, TG_PEEPHOLE = 1, TG_COUPLED = 2, TG_GRU = 3, TG_SLSTM = 4 };
enum tg_dtype { TG_FLOAT32 = 0, TG_FLOAT64 = 1 };
enum tg_flag {
  TG_TRAIN = 1,       // keep what backward needs in `stash`; dropout and zoneout draw masks
  TG_REVERSE = 2,     // with D = 1: walk time backwards
  TG_NORM = 4,        // layer norm of the input product, the recurrent product and the cell state
  TG_BFLOAT16 = 8,    // float32 only: round what the products read to bfloat16, where the processor multiplies those;
                      // sums, gates and states stay float32
};
enum tg_status {
  TG_OK = 0,
  TG_ERROR_SIZE = 1,      // struct size or version differs from this library's
  TG_ERROR_OPTION = 2,    // unknown cell, dtype, flag, or a combination that does not exist
  TG_ERROR_SHAPE = 3,     // a negative or impossible B, T, I, H, L, D or thread count
  TG_ERROR_NULL = 4,      // an array that must be there is null
  TG_ERROR_STRIDE = 5,    // rows or steps of one array overlap
  TG_ERROR_LENGTH = 6,    // a length below 0 or above T
  TG_ERROR_MEMORY = 7,    // the system gave no memory
  TG_ERROR_RANGE = 8,     // a probability outside [0, 1), an epsilon below 0
};
enum { TG_SLOTS = 6 };  // arrays of one layer and direction, in this order:
//   w_ih [G*H, I]  w_hh [G*H, H]  b_ih [G*H]  b_hh [G*H]  peephole [3*H] (i f o)
//   norm [2*G*H + 2*H] (scale of the input product, scale of the recurrent product, scale and shift of the cell)
// Absent ones are null.

// One whole stack of layers. Every field has 8 bytes, in this order, so that a caller fills it with one pack.
typedef struct tg_rnn {
  int64_t size;                // sizeof(tg_rnn)
  int64_t cell, dtype, flags;
  int64_t B, T, I, H, L, D;
  int64_t threads;             // at most; the result does not depend on it
  uint64_t seed;               // of the masks
  double dropout;              // between layers
  double recurrent_dropout;    // of the state that enters the recurrent product, one mask for all steps
  double zoneout_h, zoneout_c; // of c not with gru and slstm
  double epsilon;              // of the layer norm
  int64_t x_t, x_b;            // strides in elements of x, step and row; the last axis is contiguous
  int64_t y_t, y_b;
  int64_t dy_t, dy_b;
  int64_t dx_t, dx_b;
  const int64_t* lengths;      // [B], or null: every row has T steps
  const void* x;               // [T, B, I]
  const void* h0;              // [L*D, B, H] or null: zeros
  const void* c0;              // [L*D, B, H] or null: zeros; unused by gru; of an slstm, as cn, dcn and dc0, [L*D, B, 2, H]:
                               // c / n, and m + log n, which is 0 before the first step
  void* y;                     // [T, B, D*H]; steps past a row's end are zero
  void* hn;                    // [L*D, B, H]; may be h0 itself
  void* cn;                    // [L*D, B, H]
  void* stash;                 // tg_stash_bytes(), kept from forward to backward; null unless TG_TRAIN
  const void* const* weights;  // [L*D*TG_SLOTS]
  const void* packed;          // of tg_pack(), or null; forward without TG_TRAIN only
  const void* dy;              // [T, B, D*H] or null: zeros
  const void* dhn;             // [L*D, B, H] or null
  const void* dcn;             // [L*D, B, H] or null
  void* dx;                    // [T, B, I] or null: not wanted
  void* dh0;                   // [L*D, B, H] or null
  void* dc0;                   // [L*D, B, H] or null
  void* const* dweights;       // [L*D*TG_SLOTS], each null if not wanted, overwritten otherwise
  int64_t step0;               // steps walked before this call: masks are numbered from there
} tg_rnn;

TG_EXPORT int64_t tg_abi(void);
TG_EXPORT const char* tg_isa(void);                 // "avx512", "avx2", "baseline" or "neon"
TG_EXPORT int tg_bfloat16_products(void);           // whether TG_BFLOAT16 changes anything on this processor
TG_EXPORT const char* tg_message(int status);
TG_EXPORT int64_t tg_stash_bytes(const tg_rnn*);    // negative: minus a status
TG_EXPORT int64_t tg_packed_bytes(const tg_rnn*);
TG_EXPORT int tg_pack(const tg_rnn*, void* packed); // weights in the engine's order; valid for this library and isa
TG_EXPORT int tg_forward(const tg_rnn*);
TG_EXPORT int tg_backward(const tg_rnn*);
TG_EXPORT int tg_gates(const tg_rnn*, int64_t layer, int64_t direction, void* out);  // [T, B, 5 or 4, H] from stash

// Streaming: T = 1, unidirectional, the state in h0 and c0 is advanced in place; y [B, H] may be null.
TG_EXPORT int tg_step(const tg_rnn*);

// Text written by a stack of LSTM layers (write.cpp): float32, one stream. Units are padded to U, a multiple of 8; scores to a
// multiple of 32.
typedef struct tg_writer {
  int64_t size, H, L, V;
  int64_t steps;               // tokens, at most
  int64_t stop;                // token after which nothing comes, or -1
  const float* inputs;         // [V, 4*U] what the first layer's gates begin with after a token, biases among it
  const void* packed;          // 4 bytes before and 8 after it can be read
  const float* bias;           // [L-1, 4*U] of the other layers, then [V padded] of the scores
  float* h;                    // [L, U]; padding zero
  float* c;                    // [L, U]
  float* work;                 // [U]
  float* scores;               // [steps + 1, V padded]; the first row is given, the others are written
  const float* noise;          // [steps, V] added before the largest is taken, or null
  const float* add;            // [V] added to the scores first
  double scale;                // of the scores, before noise
  int64_t* tokens;             // [steps]; -1 is replaced by what is chosen, others are read as they are
} tg_writer;
TG_EXPORT int tg_can_write(void);                   // whether tg_write works on this processor
TG_EXPORT int64_t tg_write(const tg_writer*);       // tokens written, or negative: minus a status

// Of each row of scores the largest, best first (of equal ones the first), and log sum exp of the row.
typedef struct tg_tops {
  int64_t size, rows, V;
  int64_t count;               // 1..64 of each row
  const float* scores;         // [rows, V]
  const float* add;            // [V] added to the scores before they are compared: -infinity bars, 0 does not
  float* values;               // [rows, count] as they were given; -infinity where there are no more
  int64_t* places;             // [rows, count]; 0 where there are no more
  float* sums;                 // [rows] log sum exp, or null
} tg_tops;
TG_EXPORT int tg_largest(const tg_tops*);           // where tg_can_write says so

// The same of scores = x matrix' + bias that are not made before: all of them from whole numbers of 16 bits, whose products and
// sums are exact, and those that can be among the largest anew from the matrix itself. No row depends on the others.
typedef struct tg_nearest {
  int64_t size, rows, V, K;
  int64_t count;               // 1..64 of each row
  int64_t threads;
  const float* x;              // [rows, K]
  const float* matrix;         // [V, K]
  const float* bias;           // [V padded to panels of 16]
  const void* packed;          // int16 [panels, K/2 rounded up, 16, 2]: the matrix, each row in steps of its own
  const float* steps;          // [V padded]
  double norm;                 // of the largest row of what is packed, in the matrix's unit
  double lost;                 // of the largest row of the matrix less what is packed
  const float* add;            // [V], as of tg_tops
  float* scores;               // [rows padded to tiles of 6, V padded], overwritten
  int16_t* work;               // [rows padded, 2 * (K/2 rounded up)], overwritten
  float* values;               // [rows, count], exact
  int64_t* places;
  float* sums;                 // [rows] log sum exp
} tg_nearest;
TG_EXPORT int tg_find_nearest(const tg_nearest*);   // where tg_can_write says so

// Memory that is handed out again after release, so that its pages stay mapped. 64-byte aligned; null if none.
TG_EXPORT void* tg_acquire(int64_t bytes);
TG_EXPORT void tg_release(void*);
TG_EXPORT int64_t tg_held_bytes(void);
TG_EXPORT void tg_trim(void);                       // gives unused blocks back to the system

// Adam or AdamW on `count` arrays at once; every array float32 or every array float64 as `dtype` says.
typedef struct tg_adam {
  int64_t size, dtype, count, threads;
  void* const* value;
  const void* const* gradient;
  void* const* mean;
  void* const* square;
  const int64_t* length;       // [count]
  double rate, beta1, beta2, epsilon, decay;
  double decoupled;            // 1: AdamW
  double scale;                // gradients are multiplied by it first (clipping)
  double correction1, correction2;  // 1 - beta^step
} tg_adam;
TG_EXPORT int tg_adam_step(const tg_adam*);
TG_EXPORT int tg_square_sum(int64_t dtype, int64_t count, const void* const* array, const int64_t* length, int64_t threads, double* out);

// 1 if all arrays have the same bytes as their copies, 0 if not, negative: minus a status.
TG_EXPORT int tg_same(int64_t count, const void* const* array, const void* const* copy, const int64_t* bytes, int64_t threads);

// The address of GOMP_parallel in an OpenMP runtime that the process has loaded: its threads do the work from now on,
// until a fork. Null: threads of the library's own.
TG_EXPORT void tg_use_openmp(void* parallel);

// One layer in one direction with weights of 8 bits. What its products read is rounded to whole numbers from -127 to 127 of
// a step that each row has at each time; the products are exact, and every operation on fractions is a single one that IEEE
// 754 defines: all processors give the same bits. kernels/int8.py has the formulas.
enum { TG_INT8_ARRAYS = 8 };
//   w_ih [G*H, I] int8  w_hh [G*H, H] int8  their steps [G*H] and [G*H] float  b_ih [G*H]  b_hh [G*H]  peephole [3*H]
//   norm [2*G*H + 2*H]; w_hh, its steps and b_hh are null for a dense layer, whose G is 1
typedef struct tg_int8 {
  int64_t size;                // sizeof(tg_int8)
  int64_t cell, flags;         // TG_REVERSE, TG_NORM
  int64_t B, T, I, H;
  int64_t digits;              // 2: the input is read with 16 bits, as a second whole number for what the first left
  int64_t threads;
  double zoneout_h, zoneout_c, epsilon;
  int64_t x_t, x_b, y_t, y_b;  // strides in elements, step and row
  const int64_t* lengths;      // [B] or null
  const float* x;              // [T, B, I]; of a dense layer T is 1
  const float *h0, *c0;        // [B, H] or null: zeros
  float* y;                    // [T, B, H], zero past a row's end
  float *hn, *cn;              // [B, H] or null; may be h0 and c0
  const void* const* weights;  // [TG_INT8_ARRAYS], for tg_int8_pack
  const void* packed;          // of tg_int8_pack, aligned to 64 bytes
} tg_int8;
TG_EXPORT const char* tg_int8_isa(void);            // "avx512vnni", "avxvnni", "avx2", "baseline" or "neon"
TG_EXPORT int64_t tg_int8_bytes(const tg_int8*);    // negative: minus a status
TG_EXPORT int tg_int8_pack(const tg_int8*, void* packed);
TG_EXPORT int tg_int8_forward(const tg_int8*);
TG_EXPORT int tg_int8_dense(const tg_int8*);        // y = x W' + b

TG_EXPORT double tg_peak(int64_t dtype, int64_t threads, double seconds);  // GFLOP/s of independent multiply-adds
#ifdef __cplusplus
}
#endif
#endif
