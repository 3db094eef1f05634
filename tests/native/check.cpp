// Checks of the C ABI without Python: refusals of bad arguments, gradients against finite differences, equal bits for
// any number of threads. Exit code 0 if all hold. Also run under sanitizers and, for NEON, under an emulator.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <random>
#include <vector>

#include "api.h"

static int failures = 0;
#define EXPECT(condition)                                            \
  do {                                                               \
    if (!(condition)) {                                              \
      std::printf("%s:%d: %s\n", __FILE__, __LINE__, #condition);    \
      ++failures;                                                    \
    }                                                                \
  } while (0)

static const int64_t GATES[] = {4, 4, 3, 3, 4}, CELLS = 5;

template <class S> struct Problem {
  tg_rnn r{};
  std::vector<std::vector<S>> weights, gradients;
  std::vector<const void*> table;
  std::vector<void*> back;
  std::vector<S> x, h0, c0, y, hn, cn, dy, dhn, dcn, dx, dh0, dc0;
  std::vector<char> stash;
  std::vector<int64_t> lengths;
  std::mt19937 random{7};

  std::vector<S> draw(int64_t n) {
    std::uniform_real_distribution<double> uniform(-0.8, 0.8);
    std::vector<S> v(static_cast<size_t>(n));
    for (S& e : v) e = static_cast<S>(uniform(random));
    return v;
  }

  Problem(int64_t cell, int64_t B, int64_t T, int64_t I, int64_t H, int64_t L, int64_t D, int64_t flags = 0) {
    r.size = sizeof r;
    r.cell = cell;
    r.dtype = sizeof(S) == 8 ? TG_FLOAT64 : TG_FLOAT32;
    r.flags = TG_TRAIN | flags;
    r.epsilon = 1e-5;
    r.B = B, r.T = T, r.I = I, r.H = H, r.L = L, r.D = D;
    r.threads = 2;
    r.seed = 3;
    r.dropout = L > 1 ? 0.2 : 0;
    r.recurrent_dropout = 0.1;
    r.zoneout_h = 0.1, r.zoneout_c = cell == TG_SLSTM ? 0 : 0.1;
    for (int64_t l = 0; l < L; ++l)
      for (int64_t d = 0; d < D; ++d) {
        const int64_t G = GATES[cell], n[] = {G * H * (l ? D * H : I), G * H * H, G * H, G * H, cell == 1 ? 3 * H : 0,
                                             flags & TG_NORM ? 2 * (G + (cell != 3)) * H : 0};
        for (int64_t count : n) weights.push_back(draw(count));
      }
    gradients = weights;
    for (auto& w : weights) table.push_back(w.empty() ? nullptr : w.data());
    for (auto& g : gradients) back.push_back(g.empty() ? nullptr : g.data());
    const int64_t states = L * D * B * H, more = cell == TG_SLSTM ? 2 * states : states;
    x = draw(T * B * I), h0 = draw(states), c0 = draw(more), hn = draw(states), cn = draw(more);
    y = draw(T * B * D * H), dy = draw(T * B * D * H), dhn = draw(states), dcn = draw(more);
    dx = x, dh0 = h0, dc0 = c0;
    for (int64_t b = 0; b < B; ++b) lengths.push_back(T - b % (T + 1));
    r.x_t = r.dx_t = B * I, r.x_b = r.dx_b = I;
    r.y_t = r.dy_t = B * D * H, r.y_b = r.dy_b = D * H;
    r.lengths = lengths.data();
    r.x = x.data(), r.h0 = h0.data(), r.c0 = c0.data(), r.y = y.data(), r.hn = hn.data(), r.cn = cn.data();
    r.weights = table.data(), r.dweights = back.data();
    r.dy = dy.data(), r.dhn = dhn.data(), r.dcn = cell == 3 ? nullptr : dcn.data();
    r.dx = dx.data(), r.dh0 = dh0.data(), r.dc0 = dc0.data();
    stash.resize(static_cast<size_t>(tg_stash_bytes(&r)));
    r.stash = stash.data();
  }

  double loss() {
    EXPECT(tg_forward(&r) == TG_OK);
    double sum = 0;
    for (size_t i = 0; i < y.size(); ++i) sum += static_cast<double>(y[i]) * static_cast<double>(dy[i]);
    for (size_t i = 0; i < hn.size(); ++i) sum += static_cast<double>(hn[i]) * static_cast<double>(dhn[i]);
    for (size_t i = 0; i < cn.size() && r.cell != 3; ++i) sum += static_cast<double>(cn[i]) * static_cast<double>(dcn[i]);
    return sum;
  }
};

static void slope(Problem<double>& p, std::vector<double>& values, const std::vector<double>& gradient) {
  for (size_t i = 0; i < values.size(); i += 1 + values.size() / 7) {
    const double old = values[i], step = 1e-5;
    values[i] = old + step;
    const double up = p.loss();
    values[i] = old - step;
    const double down = p.loss();
    values[i] = old;
    const double measured = (up - down) / (2 * step);
    EXPECT(std::fabs(measured - gradient[i]) < 1e-6 * (1 + std::fabs(measured)));
  }
}

static void gradients(int64_t cell, int64_t B, int64_t T, int64_t I, int64_t H, int64_t L, int64_t D, int64_t flags = 0) {
  Problem<double> p(cell, B, T, I, H, L, D, flags);
  p.loss();
  EXPECT(tg_backward(&p.r) == TG_OK);
  const auto found = p.gradients;
  const auto dx = p.dx, dh0 = p.dh0, dc0 = p.dc0;
  slope(p, p.x, dx);
  slope(p, p.h0, dh0);
  if (cell != 3) slope(p, p.c0, dc0);
  for (size_t w = 0; w < p.weights.size(); ++w) slope(p, p.weights[w], found[w]);
}

struct Shape {
  int64_t B, T, I, H, L, D;
};

template <class S> static void threads(int64_t cell, int64_t flags, Shape z, double recurrent_dropout) {
  auto run = [&](int64_t n) {
    Problem<S> p(cell, z.B, z.T, z.I, z.H, z.L, z.D, flags);
    p.r.threads = n;
    p.r.recurrent_dropout = recurrent_dropout;
    p.loss();
    EXPECT(tg_backward(&p.r) == TG_OK);
    return p;
  };
  const Problem<S> first = run(1);
  for (int64_t n = 2; n <= 8; ++n) {
    const Problem<S> p = run(n);
    EXPECT(p.y == first.y && p.hn == first.hn && p.dx == first.dx && p.dh0 == first.dh0 && p.gradients == first.gradients);
  }
}

// Products of rounded numbers are near those of the numbers, in training and out of it.
static void bfloat16(int64_t cell) {
  for (int64_t train : {int64_t{TG_TRAIN}, int64_t{0}})
    for (int64_t I : {1, 6, 301}) {
      Problem<float> exact(cell, 19, 5, I, 33, 2, 2), rounded(cell, 19, 5, I, 33, 2, 2, TG_BFLOAT16);
      for (auto* p : {&exact, &rounded}) {
        for (auto& w : p->weights)
          for (float& v : w) v *= 0.1f;
        if (!train) p->r.flags &= ~int64_t{TG_TRAIN};
        p->loss();
        if (train) EXPECT(tg_backward(&p->r) == TG_OK);
      }
      for (size_t i = 0; i < exact.y.size(); ++i) EXPECT(std::fabs(exact.y[i] - rounded.y[i]) < 0.02f);
      EXPECT((exact.y == rounded.y) == !tg_bfloat16_products());
    }
}

// A sequence walked in two calls is the sequence walked in one: outputs, states, and masks.
static void pieces(int64_t cell) {
  Problem<double> whole(cell, 5, 7, 3, 9, 2, 1);
  whole.r.lengths = nullptr;
  whole.loss();
  Problem<double> part(cell, 5, 7, 3, 9, 2, 1);
  part.r.lengths = nullptr;
  const int64_t first = 3;
  part.r.T = first;
  EXPECT(tg_forward(&part.r) == TG_OK);
  part.h0 = part.hn, part.c0 = part.cn;
  part.r.step0 = first;
  part.r.T = 7 - first;
  part.r.x = part.x.data() + first * part.r.x_t;
  part.r.y = part.y.data() + first * part.r.y_t;
  EXPECT(tg_forward(&part.r) == TG_OK);
  EXPECT(part.y == whole.y && part.hn == whole.hn);
  EXPECT(cell == 3 || part.cn == whole.cn);
}

// Random wrong fields: the answer must be a status, never a crash.
static void fuzz() {
  std::mt19937 random(11);
  const int64_t wild[] = {-1, 0, 1, 2, 3, 5, 7, 64, 1 << 20, INT64_MAX, INT64_MIN, 1024, 1025};
  int64_t refused = 0;
  for (int round = 0; round < 20000; ++round) {
    Problem<float> p(static_cast<int64_t>(random() % CELLS), 3, 4, 2, 5, 1 + random() % 2, 1 + random() % 2);
    tg_rnn good = p.r;
    int64_t fields[sizeof(tg_rnn) / 8];
    std::memcpy(fields, &p.r, sizeof fields);
    const size_t which = random() % (sizeof(tg_rnn) / 8);
    const bool pointer = which >= 25 && which + 1 < sizeof(tg_rnn) / 8;  // between the numbers and step0
    fields[which] = pointer ? 0 : wild[random() % (sizeof wild / sizeof *wild)];
    std::memcpy(&p.r, fields, sizeof fields);
    // Sizes may only shrink what the arrays hold; anything larger must be refused before it is touched, or not tried.
    const tg_rnn& r = p.r;
    const bool grown = r.B > good.B || r.T > good.T || r.I > good.I || r.H > good.H || r.L > good.L || r.D > good.D;
    const bool moved = r.x_t != good.x_t || r.x_b != good.x_b || r.y_t > good.y_t || r.y_b > good.y_b || r.dy_t != good.dy_t ||
                       r.dy_b != good.dy_b || r.dx_t > good.dx_t || r.dx_b > good.dx_b || r.dtype != good.dtype || (r.D != good.D && r.D > 0);
    const bool other = r.cell != good.cell && r.cell >= 0 && r.cell < CELLS;
    const bool cell = other && (GATES[good.cell] < 4 || r.cell == TG_SLSTM || good.cell == TG_SLSTM);
    if ((grown || moved || cell) && r.B < 1 << 16 && r.T < 1 << 16 && r.H <= 1 << 16 && r.I <= 1 << 20) continue;
    if (grown && r.dtype == good.dtype && tg_stash_bytes(&r) > 0) continue;
    const int status = tg_forward(&r);
    EXPECT(status >= TG_OK && status <= TG_ERROR_RANGE && std::strlen(tg_message(status)) > 0);
    if (status == TG_OK) EXPECT(tg_backward(&r) <= TG_ERROR_RANGE);
    refused += status != TG_OK;
  }
  EXPECT(refused > 1000);
  EXPECT(tg_forward(nullptr) == TG_ERROR_NULL);
  EXPECT(tg_backward(nullptr) == TG_ERROR_NULL);
  EXPECT(tg_step(nullptr) == TG_ERROR_NULL);
  EXPECT(tg_pack(nullptr, nullptr) == TG_ERROR_NULL);
  EXPECT(tg_stash_bytes(nullptr) == -TG_ERROR_NULL);
  EXPECT(tg_adam_step(nullptr) == TG_ERROR_NULL);
}

static void refusals() {
  auto status = [](auto change) {
    Problem<float> p(1, 3, 4, 2, 5, 1, 1);
    change(p);
    return tg_forward(&p.r);
  };
  using P = Problem<float>;
  EXPECT(status([](P&) {}) == TG_OK);
  EXPECT(status([](P& p) { p.r.size -= 8; }) == TG_ERROR_SIZE);
  EXPECT(status([](P& p) { p.r.cell = CELLS; }) == TG_ERROR_OPTION);
  EXPECT(status([](P& p) { p.r.cell = TG_SLSTM, p.r.flags |= TG_NORM; }) == TG_ERROR_OPTION);
  EXPECT(status([](P& p) { p.r.flags = 64; }) == TG_ERROR_OPTION);
  EXPECT(status([](P& p) { p.r.H = 0; }) == TG_ERROR_SHAPE);
  EXPECT(status([](P& p) { p.r.B = -1; }) == TG_ERROR_SHAPE);
  EXPECT(status([](P& p) { p.r.threads = 0; }) == TG_ERROR_SHAPE);
  EXPECT(status([](P& p) { p.r.step0 = -1; }) == TG_ERROR_SHAPE);
  EXPECT(status([](P& p) { p.r.step0 = INT64_MAX; }) == TG_ERROR_SHAPE);
  EXPECT(status([](P& p) { p.r.x = nullptr; }) == TG_ERROR_NULL);
  EXPECT(status([](P& p) { p.table[1] = nullptr; }) == TG_ERROR_NULL);
  EXPECT(status([](P& p) { p.table[4] = nullptr; }) == TG_ERROR_NULL);
  EXPECT(status([](P& p) { p.r.stash = nullptr; }) == TG_ERROR_NULL);
  EXPECT(status([](P& p) { p.r.y_b = 4; }) == TG_ERROR_STRIDE);
  EXPECT(status([](P& p) { p.r.y_t = 0; }) == TG_ERROR_STRIDE);
  EXPECT(status([](P& p) { p.lengths[1] = 5; }) == TG_ERROR_LENGTH);
  EXPECT(status([](P& p) { p.lengths[1] = -1; }) == TG_ERROR_LENGTH);
  EXPECT(status([](P& p) { p.r.dropout = 1; }) == TG_ERROR_RANGE);
  EXPECT(status([](P& p) { p.r.zoneout_h = NAN; }) == TG_ERROR_RANGE);
}

// One byte anywhere makes a difference; any number of threads gives the same sum of squares.
static void arrays() {
  std::vector<float> a(1 << 20, 0.5f), b(3, 2.0f), copy = a;
  const void *one[] = {a.data(), b.data()}, *two[] = {copy.data(), b.data()};
  const int64_t lengths[] = {1 << 20, 3}, bytes[] = {4 << 20, 12};
  for (int64_t n = 1; n <= 3; ++n) {
    double sum = 0;
    EXPECT(tg_square_sum(TG_FLOAT32, 2, one, lengths, n, &sum) == TG_OK && sum == (1 << 18) + 12);
    EXPECT(tg_same(2, one, two, bytes, n) == 1);
    for (size_t at : {size_t{0}, size_t{777777}, copy.size() - 1}) {
      copy[at] = 0.75f;
      EXPECT(tg_same(2, one, two, bytes, n) == 0);
      copy[at] = 0.5f;
    }
  }
  EXPECT(tg_same(0, nullptr, nullptr, nullptr, 1) == 1);
  EXPECT(tg_same(1, nullptr, two, bytes, 1) == -TG_ERROR_NULL);
  EXPECT(tg_same(-1, one, two, bytes, 1) == -TG_ERROR_SHAPE);
}

int main() {
  std::printf("%s\n", tg_isa());
  for (int64_t cell = 0; cell < CELLS; ++cell) {
    gradients(cell, 1, 1, 1, 1, 1, 1);
    gradients(cell, 5, 4, 3, 9, 2, 2);
    gradients(cell, 2, 3, 17, 35, 1, 1);
    if (cell != TG_SLSTM) gradients(cell, 3, 4, 3, 9, 2, 2, TG_NORM);
    for (int64_t flags : {0, int{TG_NORM}}) {
      if (cell == TG_SLSTM && flags) continue;
      threads<float>(cell, flags, {45, 7, 51, 37, 2, 2}, 0.1);
      threads<double>(cell, flags, {45, 7, 51, 37, 2, 2}, 0.1);
    }
    threads<float>(cell, 0, {18, 5, 3, 20, 2, 1}, 0.1);    // rows in parts that do not wait for each other
    threads<float>(cell, 0, {3, 4, 9, 230, 2, 1}, 0);      // threads share the units of a step
    threads<double>(cell, 0, {1, 3, 70, 230, 1, 1}, 0);
    threads<float>(cell, TG_BFLOAT16, {45, 7, 51, 37, 2, 2}, 0.1);
    bfloat16(cell);
    pieces(cell);
  }
  refusals();
  arrays();
  fuzz();
  tg_trim();  // so that no other unused block of that size is at hand
  void* block = tg_acquire(100000);
  EXPECT(block != nullptr && tg_held_bytes() >= 100000);
  tg_release(block);
  EXPECT(tg_acquire(100000) == block);
  tg_release(block);
  tg_release(block);   // a second time: ignored
  tg_release(&block);  // not ours: ignored
  void* other = tg_acquire(100000);
  void* another = tg_acquire(100000);
  EXPECT(other != another);
  tg_release(other);
  tg_release(another);
  tg_trim();
  EXPECT(tg_held_bytes() == 0);
  std::printf(failures ? "%d failures\n" : "all hold\n", failures);
  return failures != 0;
}
