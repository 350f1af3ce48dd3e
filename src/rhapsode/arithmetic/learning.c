// An LSTM that learns while it codes, for processors: docs/arithmetic.md, "Learning". It is compiled into the library of
// kernel.c. As there, it has no libc, allocates nothing and keeps no state, and includes itself once per variant.
//
// `rhapsode.arithmetic.learning` is the reference, which has the same bits. What decides them: floats of IEEE 754 whose
// operations are rounded one by one (-ffp-contract=off), and sums in the order that is written here.

#ifndef VARIANT
#include <stddef.h>
#include <stdint.h>

#ifdef __x86_64__
#define _MM_MALLOC_H_INCLUDED  // as in kernel.c
#define __MM_MALLOC_H
#include <immintrin.h>
#endif

#ifdef _WIN32
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif

#define INLINE static inline __attribute__((always_inline, unused))
#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)
#define NAME(function) JOIN(function, VARIANT)

// BLOCK: sums at a time. With more, frames would have 4 kB, for which Windows' compilers call a libc.
enum { SUMS = 16, FARTHEST = 20479, BLOCK = 128 };

// A layer, the last of which is the output. Widths are multiples of 16: units are filled up with ones that stay zero.
typedef struct {
  int32_t units;      // of an LSTM; 0 of the output
  int32_t rows;       // sums: 4 units (i, f, g, o); of the output the symbols, filled up
  int32_t columns;    // what it reads: outputs of layers, then its own of the step before
  int32_t parts;      // how many layers it reads
  const int32_t *from;  // [parts] their numbers
  float *weights, *weights_v;  // [columns][rows], and the running means of their squared gradients
  float *bias, *bias_v;        // [rows]
  float *table, *table_v;      // [symbols + 1][rows]: what is added for the symbol before; or null
  float *x;                    // [steps][columns]: what it read
  float *z;                    // [steps][rows]: gates; of the output the gradients
  float *dz;                   // [steps][rows]: gradients of sums
  float *c;                    // [steps + 1][units]: memory cells, the first ones of before the segment
  float *tanh_c;               // [steps][units]
  float *h;                    // [units]: the output of the last step
  float *dh;                   // [steps][units]: gradients of outputs
} Layer;

typedef struct {
  int32_t layers;   // with the output
  int32_t steps;    // of a segment
  int32_t symbols;  // V
  int32_t start;    // the symbol before the first
  int32_t at;       // steps of the segment so far
  int32_t before;   // the symbol that is read next
  int32_t fresh;    // 1: a unit begins with the next step
  Layer *layer;
  int32_t *inputs;    // [steps]
  int32_t *fresh_at;  // [steps]
  const uint8_t *begins;        // [V]: 1 for symbols after which a unit begins; or null
  const uint32_t *frequencies;  // of distances: the table E
  uint32_t *own;                // [V] frequencies of the next symbol
  double rate, table_rate, tau, least;  // of the steps of weights
  double decay;                         // of squared gradients
  double power;                         // decay to the power of the updates
  double updates;
} Learner;

// As in kernel.c.
typedef struct {
  uint64_t low, range;
  uint8_t *code;
  int64_t size, length;
} Coder;

// ---------------------------------------------------------------- Real numbers

// e^x for x cut to +-80; NaN counts as -80.
INLINE float real_exp(float x) {
  x = x > -80.f ? x : -80.f;
  x = x < 80.f ? x : 80.f;
  float n = (x * 1.4426950216293335f + 12582912.f) - 12582912.f;
  float r = (x - n * 0.693145751953125f) - n * 1.428606765330187e-06f;
  float p = ((((((r * 0.0013888889225199819f + 0.008333333767950535f) * r + 0.0416666679084301f) * r +
                0.1666666716337204f) * r + 0.5f) * r + 1.f) * r + 1.f);
  int32_t bits = ((int32_t)n + 127) << 23;
  float power;
  __builtin_memcpy(&power, &bits, 4);
  return p * power;
}
INLINE float real_sigmoid(float x) { return 1.f / (1.f + real_exp(-x)); }
INLINE float real_tanh(float x) { return 2.f / (1.f + real_exp(-2.f * x)) - 1.f; }

// Nearly 1 / sqrt(x), for x above 0; what is above 10^38, or no number, counts as that.
INLINE float real_inverse_root(float x) {
  x = x < 1e38f ? x : 1e38f;
  int32_t bits;
  __builtin_memcpy(&bits, &x, 4);
  bits = 0x5f3759df - (bits >> 1);
  float y;
  __builtin_memcpy(&y, &bits, 4);
  return y * (1.5f - (0.5f * x * y) * y);
}

// ---------------------------------------------------------------- Four numbers, with which sums end

typedef float Four __attribute__((vector_size(16), aligned(4), may_alias));
#define FOUR(p) (*(const Four *)(p))

// ---------------------------------------------------------------- The rounding of this thread

// Other libraries may have told the processor to take tiny numbers for zeros.
#ifdef __x86_64__
INLINE uint32_t exact(void) {
  uint32_t kept = _mm_getcsr();
  _mm_setcsr(0x1f80);
  return kept;
}
INLINE void as_before(uint32_t kept) { _mm_setcsr(kept); }
#elif defined(__aarch64__)
INLINE uint64_t exact(void) {
  uint64_t kept;
  __asm__ volatile("mrs %0, fpcr" : "=r"(kept));
  __asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)0) : "memory");
  return kept;
}
INLINE void as_before(uint64_t kept) { __asm__ volatile("msr fpcr, %0" : : "r"(kept) : "memory"); }
#else
INLINE int exact(void) { return 0; }
INLINE void as_before(int kept) {}
#endif

// ---------------------------------------------------------------- The variants, in the order of kernel.c

#define VARIANT plain
#define TARGET
#define LANES 4
#define TALL 2
#define WIDE 2
#define VECTORS 4
#include "learning.c"

#ifdef __x86_64__
#define VARIANT avx2
#define TARGET __attribute__((target("avx2")))
#define LANES 8
#define TALL 4
#define WIDE 1
#define VECTORS 2
#include "learning.c"

#define VARIANT avx512
#define TARGET __attribute__((target("avx2,avx512f,avx512bw,avx512dq,avx512vl")))
#define LANES 16
#define TALL 4
#define WIDE 4
#define VECTORS 4
#include "learning.c"
#endif

typedef struct {
  void (*encode)(Learner *, const int32_t *, int64_t, Coder *);
  void (*decode)(Learner *, int32_t *, int64_t, Coder *);
} Variant;

#define ROW(name) {encode_##name, decode_##name}
static const Variant variants[] = {
    ROW(plain),
#ifdef __x86_64__
    ROW(plain),  // sse4
    ROW(avx2), ROW(avx2), ROW(avx512),
#elif defined(__aarch64__)
    ROW(plain), ROW(plain),
#endif
};

// Symbols → code, and the weights learn. `code` has room for 8 bytes a symbol from `size` on.
EXPORT void rk_learn_encode(int variant, Learner *learner, const int32_t *symbols, int64_t count, Coder *coder) {
  variants[variant].encode(learner, symbols, count, coder);
}

// Code → symbols, and the weights learn.
EXPORT void rk_learn_decode(int variant, Learner *learner, int32_t *symbols, int64_t count, Coder *coder) {
  variants[variant].decode(learner, symbols, count, coder);
}

#else  // ---------------------------------------------------------------- One variant

typedef float NAME(Lanes) __attribute__((vector_size(4 * LANES)));
#define V NAME(Lanes)
#define EACH (SUMS / LANES)
typedef float NAME(Loose) __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
#define AT(p) (*(const NAME(Loose) *)(p))
#define PUT(p, v) (*(NAME(Loose) *)(p) = (v))

// to[r] += w[0][r] x[0] + w[1][r] x[1] + ..., one after the other. columns: a multiple of 8.
TARGET static void NAME(add_rows)(const float *restrict w, int columns, int rows, const float *restrict x,
                                  float *restrict to) {
  for (int k = 0; k < columns; k += 8, w += 8 * (size_t)rows, x += 8) {
    const float *w1 = w + rows, *w2 = w1 + rows, *w3 = w2 + rows, *w4 = w3 + rows, *w5 = w4 + rows, *w6 = w5 + rows,
                *w7 = w6 + rows;
    float x0 = x[0], x1 = x[1], x2 = x[2], x3 = x[3], x4 = x[4], x5 = x[5], x6 = x[6], x7 = x[7];
    for (int r = 0; r < rows; r++)
      to[r] = ((((((((to[r] + w[r] * x0) + w1[r] * x1) + w2[r] * x2) + w3[r] * x3) + w4[r] * x4) + w5[r] * x5) +
                w6[r] * x6) + w7[r] * x7);
  }
}

// 16 sums become one, by halves.
TARGET INLINE float NAME(total)(const V *sums) {
  float s[SUMS];
  for (int i = 0; i < EACH; i++) PUT(s + i * LANES, sums[i]);
  Four q = (FOUR(s) + FOUR(s + 8)) + (FOUR(s + 4) + FOUR(s + 12));
  return (q[0] + q[2]) + (q[1] + q[3]);
}

// Of `wide` steps: to[k] += the sum of w[k][r] z[r], as 16 sums of every 16th product. next_z, next: from step to step.
TARGET INLINE void NAME(products)(int tall, int wide, const float *w, int rows, const float *z, size_t next_z, float *to,
                                  size_t next) {
  V sums[TALL][WIDE][EACH];
  for (int k = 0; k < tall; k++)
    for (int t = 0; t < wide; t++)
      for (int i = 0; i < EACH; i++) sums[k][t][i] = (V){0};
  for (int r = 0; r < rows; r += SUMS)
    for (int i = 0; i < EACH; i++) {
      V a[TALL];
      for (int k = 0; k < tall; k++) a[k] = AT(w + (size_t)k * rows + r + i * LANES);
      for (int t = 0; t < wide; t++) {
        V b = AT(z + t * next_z + r + i * LANES);
        for (int k = 0; k < tall; k++) sums[k][t][i] += a[k] * b;
      }
    }
  for (int t = 0; t < wide; t++)
    for (int k = 0; k < tall; k++) to[t * next + k] += NAME(total)(sums[k][t]);
}

// The same for all columns, a multiple of 4, and so many steps.
TARGET static void NAME(add_columns)(const float *w, int columns, int rows, const float *z, size_t next_z, int steps,
                                     float *to, size_t next) {
  for (int k = 0; k < columns; k += TALL, w += (size_t)TALL * rows) {
    int t = 0;
    for (; t + WIDE <= steps; t += WIDE)
      NAME(products)(TALL, WIDE, w, rows, z + t * next_z, next_z, to + t * next + k, next);
    for (; t < steps; t++) NAME(products)(TALL, 1, w, rows, z + t * next_z, next_z, to + t * next + k, next);
  }
}

// ---------------- Prediction

TARGET static void NAME(cells)(const Layer *layer, float *z, const float *before, float *c, float *tanh_c) {
  int units = layer->units;
  float *h = layer->h;
  for (int j = 0; j < 2 * units; j++) z[j] = real_sigmoid(z[j]);
  for (int j = 2 * units; j < 3 * units; j++) z[j] = real_tanh(z[j]);
  for (int j = 3 * units; j < 4 * units; j++) z[j] = real_sigmoid(z[j]);
  for (int j = 0; j < units; j++) {
    c[j] = z[units + j] * before[j] + z[j] * z[2 * units + j];
    tanh_c[j] = real_tanh(c[j]);
    h[j] = z[3 * units + j] * tanh_c[j];
  }
}

// Reads a symbol; the frequencies of the next one, and their sum.
TARGET static uint64_t NAME(predict)(Learner *learner) {
  size_t t = learner->at;
  int last = learner->layers - 1, count = learner->symbols, fresh = learner->fresh;
  learner->inputs[t] = learner->before, learner->fresh_at[t] = fresh;
  for (int l = 0; l <= last; l++) {
    Layer *layer = learner->layer + l;
    size_t rows = layer->rows, units = layer->units;
    float *x = layer->x + t * layer->columns, *z = layer->z + t * rows, *to = x;
    for (int p = 0; p < layer->parts; p++) {
      const Layer *from = learner->layer + layer->from[p];
      __builtin_memcpy(to, from->h, (size_t)from->units * 4);
      to += from->units;
    }
    if (l < last) {
      if (fresh) {
        __builtin_memset(layer->h, 0, units * 4);
        __builtin_memset(layer->c + t * units, 0, units * 4);
      }
      __builtin_memcpy(to, layer->h, units * 4);
    }
    if (layer->table) {
      const float *row = layer->table + learner->before * rows;
      for (size_t r = 0; r < rows; r++) z[r] = layer->bias[r] + row[r];
    } else {
      __builtin_memcpy(z, layer->bias, rows * 4);
    }
    NAME(add_rows)(layer->weights, layer->columns, (int)rows, x, z);
    if (l < last) NAME(cells)(layer, z, layer->c + t * units, layer->c + (t + 1) * units, layer->tanh_c + t * units);
  }
  const float *z = learner->layer[last].z + t * learner->layer[last].rows;
  int32_t d[BLOCK], top = INT32_MIN;
  uint32_t *own = learner->own;
  uint64_t sum = 0;
  for (int v = 0; v < count; v++) {
    float cut = z[v] > -1048576.f ? z[v] : -1048576.f;
    cut = cut < 1048576.f ? cut : 1048576.f;
    double logit = ((double)cut * 1024 + 6755399441055744.0) - 6755399441055744.0;
    int32_t whole = (int32_t)logit;
    own[v] = (uint32_t)whole;
    top = whole > top ? whole : top;
  }
  for (int begin = 0; begin < count; begin += BLOCK) {
    int some = count - begin < BLOCK ? count - begin : BLOCK;
    for (int v = 0; v < some; v++) {
      uint32_t far = (uint32_t)top - own[begin + v];
      d[v] = far < FARTHEST ? (int32_t)far : FARTHEST;
    }
    for (int v = 0; v < some; v++) own[begin + v] = learner->frequencies[d[v]];
    for (int v = 0; v < some; v++) sum += own[begin + v];
  }
  return sum;
}

// ---------------- Learning

// n weights w and their mean squares v take a step, by gradients g.
TARGET INLINE void NAME(step)(float *restrict w, float *restrict v, const float *restrict g, int n, float decay,
                              float rest, float correction, float rate) {
  for (int r = 0; r < n; r++) {
    float square = decay * v[r] + rest * (g[r] * g[r]);
    v[r] = square;
    w[r] = w[r] - (rate * g[r]) * real_inverse_root(square * correction + 1e-16f);
  }
}

typedef struct {
  float decay, rest, correction, rate, table_rate;
} NAME(Rates);

// Gradients of `tall` rows of weights, `vectors` of each: the sums of x[t] z[t] over the steps. to: [tall][BLOCK].
TARGET INLINE void NAME(gradients)(int tall, int vectors, const float *x, size_t columns, const float *z, size_t rows,
                                   int steps, float *to) {
  V sums[TALL][VECTORS];
  for (int k = 0; k < tall; k++)
    for (int i = 0; i < vectors; i++) sums[k][i] = (V){0};
  for (int t = 0; t < steps; t++, x += columns, z += rows) {
    V q[VECTORS];
    for (int i = 0; i < vectors; i++) q[i] = AT(z + i * LANES);
    for (int k = 0; k < tall; k++)
      for (int i = 0; i < vectors; i++) sums[k][i] += x[k] * q[i];
  }
  for (int k = 0; k < tall; k++)
    for (int i = 0; i < vectors; i++) PUT(to + k * BLOCK + i * LANES, sums[k][i]);
}

// Rows of weights take a step by their gradients.
TARGET static void NAME(learn_rows)(float *w, float *v, int columns, int rows, const float *x, const float *z, int steps,
                                    const NAME(Rates) *rates) {
  float g[TALL * BLOCK];
  for (int begin = 0; begin < rows; begin += BLOCK) {
    int some = rows - begin < BLOCK ? rows - begin : BLOCK;
    for (int k = 0; k < columns; k += TALL) {
      int r = 0;
      for (; r + VECTORS * LANES <= some; r += VECTORS * LANES)
        NAME(gradients)(TALL, VECTORS, x + k, columns, z + begin + r, rows, steps, g + r);
      for (; r < some; r += SUMS) NAME(gradients)(TALL, EACH, x + k, columns, z + begin + r, rows, steps, g + r);
      for (int j = 0; j < TALL; j++) {
        size_t at = (size_t)(k + j) * rows + begin;
        NAME(step)(w + at, v + at, g + j * BLOCK, some, rates->decay, rates->rest, rates->correction, rates->rate);
      }
    }
  }
}

// A row of numbers takes a step by the sum of z[t], over the steps that read `symbol`, or all for -1.
TARGET static void NAME(learn_row)(Learner *learner, float *w, float *v, int rows, const float *z, int symbol, float rate,
                                   const NAME(Rates) *rates) {
  float g[BLOCK];
  for (int begin = 0; begin < rows; begin += BLOCK) {
    int some = rows - begin < BLOCK ? rows - begin : BLOCK;
    for (int r = 0; r < some; r++) g[r] = 0;
    for (int t = 0; t < learner->steps; t++) {
      const float *q = z + (size_t)t * rows + begin;
      if (symbol < 0 || learner->inputs[t] == symbol)
        for (int r = 0; r < some; r++) g[r] = g[r] + q[r];
    }
    NAME(step)(w + begin, v + begin, g, some, rates->decay, rates->rest, rates->correction, rate);
  }
}

// Gradients of the sums of a layer's gates, from those of its outputs.
TARGET static void NAME(back)(Learner *learner, Layer *layer) {
  int units = layer->units, rows = layer->rows, own = layer->columns - units;
  float *later = layer->dh + (size_t)learner->steps * units, *down = later + units;  // of c and h, from the step after
  for (int j = 0; j < 2 * units; j++) later[j] = 0;
  for (int t = learner->steps - 1; t >= 0; t--) {
    const float *i = layer->z + (size_t)t * rows, *f = i + units, *g = f + units, *o = g + units;
    const float *c = layer->c + (size_t)t * units, *tanh_c = layer->tanh_c + (size_t)t * units;
    const float *e = layer->dh + (size_t)t * units;
    float *restrict di = layer->dz + (size_t)t * rows, *restrict df = di + units, *restrict dg = df + units,
                    *restrict d_o = dg + units;
    for (int j = 0; j < units; j++) {
      float dh = e[j] + down[j];
      float dc = later[j] + (dh * o[j]) * (1.f - tanh_c[j] * tanh_c[j]);
      di[j] = (dc * g[j]) * (i[j] * (1.f - i[j]));
      df[j] = (dc * c[j]) * (f[j] * (1.f - f[j]));
      dg[j] = (dc * i[j]) * (1.f - g[j] * g[j]);
      d_o[j] = (dh * tanh_c[j]) * (o[j] * (1.f - o[j]));
      later[j] = dc * f[j];
      down[j] = 0;
    }
    if (learner->fresh_at[t])
      for (int j = 0; j < units; j++) later[j] = 0;
    else if (t)
      NAME(add_columns)(layer->weights + (size_t)own * rows, units, rows, di, rows, 1, down, units);
  }
}

// After a segment: gradients, and one step of all weights.
TARGET static void NAME(learn)(Learner *learner) {
  int steps = learner->steps, last = learner->layers - 1;
  learner->updates += 1;
  learner->power *= learner->decay;
  double slower = learner->rate / __builtin_sqrt(1 + learner->updates / learner->tau);
  slower = slower > learner->least ? slower : learner->least;
  NAME(Rates) rates = {(float)learner->decay, (float)(1 - learner->decay), (float)(1 / (1 - learner->power)),
                       (float)slower, (float)(slower * learner->table_rate)};
  for (int l = 0; l < last; l++)
    __builtin_memset(learner->layer[l].dh, 0, (size_t)steps * learner->layer[l].units * 4);
  for (int l = last; l >= 0; l--) {
    Layer *layer = learner->layer + l;
    if (l < last) NAME(back)(learner, layer);
    const float *dz = l < last ? layer->dz : layer->z, *w = layer->weights;
    for (int p = 0; p < layer->parts; p++) {
      const Layer *from = learner->layer + layer->from[p];
      NAME(add_columns)(w, from->units, layer->rows, dz, layer->rows, steps, from->dh, from->units);
      w += (size_t)from->units * layer->rows;
    }
  }
  for (int l = 0; l <= last; l++) {
    Layer *layer = learner->layer + l;
    size_t rows = layer->rows, units = layer->units;
    const float *dz = l < last ? layer->dz : layer->z;
    NAME(learn_rows)(layer->weights, layer->weights_v, layer->columns, layer->rows, layer->x, dz, steps, &rates);
    NAME(learn_row)(learner, layer->bias, layer->bias_v, layer->rows, dz, -1, rates.rate, &rates);
    if (layer->table)
      for (int t = 0; t < steps; t++) {
        size_t symbol = learner->inputs[t];
        int seen = 0;
        for (int u = 0; u < t; u++) seen |= learner->inputs[u] == (int)symbol;
        if (!seen)
          NAME(learn_row)(learner, layer->table + symbol * rows, layer->table_v + symbol * rows, layer->rows, dz,
                          (int)symbol, rates.table_rate, &rates);
      }
    if (l < last) __builtin_memcpy(layer->c, layer->c + steps * units, units * 4);
  }
  learner->at = 0;
}

// Takes the symbol that was predicted.
TARGET static void NAME(take)(Learner *learner, int32_t symbol, uint64_t sum) {
  Layer *output = learner->layer + learner->layers - 1;
  float *z = output->z + (size_t)learner->at * output->rows, all = (float)(double)sum;
  int count = learner->symbols;
  for (int v = 0; v < count; v++) z[v] = (float)(int32_t)learner->own[v] / all;
  for (int v = count; v < output->rows; v++) z[v] = 0;
  z[symbol] = z[symbol] - 1.f;
  learner->fresh = learner->begins && learner->begins[symbol];
  learner->before = learner->fresh ? learner->start : symbol;
  if (++learner->at == learner->steps) NAME(learn)(learner);
}

// ---------------- The range coder, as in kernel.c

TARGET static void NAME(encode)(Learner *learner, const int32_t *symbols, int64_t count, Coder *coder) {
  __auto_type kept = exact();
  for (int64_t n = 0; n < count; n++) {
    int32_t symbol = symbols[n];
    uint64_t sum = NAME(predict)(learner), low = coder->low, below = 0, step = coder->range / sum;
    for (int v = 0; v < symbol; v++) below += learner->own[v];
    coder->low += below * step;
    coder->range = learner->own[symbol] * step;
    if (coder->low < low) {
      uint8_t *byte = coder->code + coder->size;
      while (++*--byte == 0) {}
    }
    for (; coder->range < 1ull << 56; coder->low <<= 8, coder->range <<= 8)
      coder->code[coder->size++] = (uint8_t)(coder->low >> 56);
    NAME(take)(learner, symbol, sum);
  }
  as_before(kept);
}

TARGET static void NAME(decode)(Learner *learner, int32_t *symbols, int64_t count, Coder *coder) {
  __auto_type kept = exact();
  for (int64_t n = 0; n < count; n++) {
    uint64_t sum = NAME(predict)(learner), step = coder->range / sum, target = coder->low / step, below = 0;
    const uint32_t *own = learner->own;
    int32_t symbol = 0;
    if (target >= sum) target = sum - 1;
    for (; symbol + 1 < learner->symbols && below + own[symbol] <= target; symbol++) below += own[symbol];
    coder->low -= below * step;
    coder->range = own[symbol] * step;
    for (; coder->range < 1ull << 56; coder->size++, coder->range <<= 8)
      coder->low = coder->low << 8 | (coder->size < coder->length ? coder->code[coder->size] : 0);
    symbols[n] = symbol;
    NAME(take)(learner, symbol, sum);
  }
  as_before(kept);
}

#undef VARIANT
#undef TARGET
#undef LANES
#undef TALL
#undef WIDE
#undef VECTORS
#undef V
#undef EACH
#undef AT
#undef PUT
#endif
