// The arithmetic of trained models, for processors. Python loads it through ctypes, browsers as WebAssembly.
//
// The file has no libc, allocates nothing and keeps no state. It includes itself once per variant: one variant is the
// same code for one set of a processor's instructions. All variants are in one library; `rk_supported` tells which of
// them this processor can run. Every variant computes the same bits.
//
// A variant needs an entry in "The variants" and, where it has instructions of its own, a branch in "One variant".

#ifndef VARIANT
#include <stddef.h>
#include <stdint.h>

#ifdef __x86_64__
#define _MM_MALLOC_H_INCLUDED  // intrinsics bring an allocator, which needs a libc: gcc's, clang's
#define __MM_MALLOC_H
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#elif defined(__wasm_simd128__)
#include <wasm_simd128.h>
#endif

#ifdef _WIN32
#define EXPORT __declspec(dllexport)
int DllMainCRTStartup(void *module, unsigned reason, void *reserved) { return 1; }
int _fltused = 0;  // Windows' linker wants it where there are floating-point numbers
#else
#define EXPORT __attribute__((visibility("default")))
#endif

#define INLINE static inline __attribute__((always_inline, unused))
#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)
#define TEXT_(a) #a
#define TEXT(a) TEXT_(a)
#define NAME(function) JOIN(function, VARIANT)

// Compilers call these by themselves. The empty assembly keeps them from making a loop into a call of itself.
#define OWN __attribute__((used, visibility("hidden")))
OWN void *memcpy(void *to, const void *from, size_t n) {
  size_t i = 0;
  for (; i + 64 <= n; i += 64) {
    typedef struct __attribute__((packed, may_alias)) {
      uint64_t words[8];
    } Line;
    Line line = *(const Line *)((const char *)from + i);
    *(Line *)((char *)to + i) = line;
    __asm__ volatile("" ::: "memory");
  }
  for (; i < n; i++) {
    ((char *)to)[i] = ((const char *)from)[i];
    __asm__ volatile("" ::: "memory");
  }
  return to;
}

OWN void *memset(void *to, int value, size_t n) {
  for (size_t i = 0; i < n; i++) {
    ((char *)to)[i] = (char)value;
    __asm__ volatile("" ::: "memory");
  }
  return to;
}

// ---------------------------------------------------------------- The processor

enum { ALWAYS, SSE4, AVX2, AVXVNNI, AVX512VNNI, DOTPROD };

#ifdef __x86_64__
static void cpuid(uint32_t leaf, uint32_t part, uint32_t *found) {
  __asm__ volatile("cpuid" : "=a"(found[0]), "=b"(found[1]), "=c"(found[2]), "=d"(found[3]) : "a"(leaf), "c"(part));
}

// Whether the processor has the instructions, and the operating system keeps their registers.
static int has(int feature) {
  uint32_t f[4], highest, one, seven, ymm = 0, zmm = 0;
  cpuid(0, 0, f), highest = f[0];
  cpuid(1, 0, f), one = f[2];
  if (one >> 27 & 1) {  // OSXSAVE: there is XGETBV
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    ymm = (low & 0x06) == 0x06, zmm = (low & 0xe6) == 0xe6;
  }
  if (feature == SSE4) return one >> 19 & 1;
  if (highest < 7) return 0;
  cpuid(7, 0, f), seven = f[1];
  int avx2 = ymm && (one >> 28 & 1) && (seven >> 5 & 1);
  if (feature == AVX2) return avx2;
  if (feature == AVX512VNNI) {  // F, DQ, BW, VL, VNNI
    uint32_t all = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31;
    return avx2 && zmm && (seven & all) == all && (f[2] >> 11 & 1);
  }
  if (f[0] < 1) return 0;
  cpuid(7, 1, f);
  return avx2 && (f[0] >> 4 & 1);
}
#elif defined(__aarch64__)
#if defined(__APPLE__)
static int has(int feature) { return 1; }  // from the first Mac with such a processor on
#elif defined(_WIN32)
// IsProcessorFeaturePresent(PF_ARM_V82_DP_INSTRUCTIONS_AVAILABLE) reads this page, which each process has.
static int has(int feature) { return *(volatile uint8_t *)(0x7ffe0000 + 0x274 + 43); }
#else
unsigned long getauxval(unsigned long) __attribute__((weak));  // of the libc of the process, if it has one
static int has(int feature) { return getauxval && (getauxval(16) >> 20 & 1); }
#endif
#else
static int has(int feature) { return 0; }
#endif

// ---------------------------------------------------------------- Real numbers, as in doubles.py

INLINE uint64_t bits_of(double x) {
  uint64_t bits;
  __builtin_memcpy(&bits, &x, 8);
  return bits;
}

INLINE double of_bits(uint64_t bits) {
  double x;
  __builtin_memcpy(&x, &bits, 8);
  return x;
}

static const double LN_2 = 0.6931471805592082, LN_2_REST = 7.371002565167799e-13, TO_WHOLE = 6755399441055744.0;
static const double INFINITE = __builtin_inf();

INLINE double polynomial(double x, double c0, double c1, double c2, double c3, double c4, double c5, double c6, double c7) {
  double a = x * x, b = a * a;
  return ((c0 + c4 * b) + (c2 + c6 * b) * a) + ((c1 + c5 * b) + (c3 + c7 * b) * a) * x;
}

// 2^n, and in p e^r - 1, where x = n log 2 + r, cut to +-700.
INLINE double parts(double x, double *p) {
  x = x < -700 ? -700 : x;
  x = x > 700 ? 700 : x;
  double z = x * 1.4426950408889634 + TO_WHOLE, n = z - TO_WHOLE, r = (x - n * LN_2) - n * LN_2_REST, t = r * r;
  double rest = polynomial(t, 0.16666666666666666, -0.002777777777777778, 6.613756613756614e-05, -1.6534391534391535e-06,
                           4.17535139757362e-08, -1.0568380277374986e-09, 2.6765073061369358e-11, -6.779360592645165e-13);
  *p = (r + r) / (2 - (r - t * rest));
  return of_bits((bits_of(z) << 52) + (1023ull << 52));
}

INLINE double real_exp(double x) {
  double p, power = parts(x, &p);
  return x < -700 ? 0 : power * (1 + p);
}

INLINE double real_expm1(double x) {
  double p, power = parts(x, &p);
  return power * p + (power - 1);
}

INLINE double real_log(double x) {
  uint64_t bits = bits_of(x), k = (bits - 0x3fe6a09e667f3bcd + (1023ull << 52)) >> 52;  // 1023 more than the exponent
  double n = of_bits(k | 0x433ull << 52) - 4503599627371519.0;                            // 2^52 + 1023
  double f = of_bits(bits - (k << 52) + (1023ull << 52)) - 1, s = f / (2 + f), w = s * s;
  double rest = polynomial(w, 0.6666666666666666, 0.4000000000000088, 0.28571428570803614, 0.22222222391713917,
                           0.18181795640132906, 0.15386239702814658, 0.13268773138656886, 0.13086626147840102);
  double y = n * LN_2 + (f - (s * (f - w * rest) - n * LN_2_REST));
  y = x < INFINITE ? y : x;  // of NaN, too
  return x < 2.2250738585072014e-308 ? -INFINITE : y;
}

INLINE double real_log1p(double x) {
  double u = 1 + x;
  return real_log(u) + (x - (u - 1)) / u;
}

INLINE double real_tanh(double x) {
  double e = real_expm1(2 * __builtin_fabs(x));
  return __builtin_copysign(e / (e + 2), x);
}

INLINE double real_sigmoid(double x) { return 1 / (1 + real_exp(-x)); }

INLINE double real_softplus(double x) {
  double size = __builtin_fabs(x);
  return 0.5 * (x + size) + real_log1p(real_exp(-size));
}

INLINE double turned(double v, int quarters) {  // cos(2 pi (v + quarters / 4)); quarters: 0, or -1 for the sine
  double z = 4 * v + TO_WHOLE, w = v - 0.25 * (z - TO_WHOLE), t = w * w;
  double c = 1 + t * polynomial(t, -19.739208802178716, 64.9393940226683, -85.45681720669373, 60.24464137187666,
                                -26.4262567833744, 7.903536371318469, -1.714390711088672, 0.28200596845579123);
  double s = w * (6.283185307179586 + t * polynomial(t, -41.34170224039976, 81.60524927607506, -76.70585975306139,
                                                      42.058693944897655, -15.09464257682299, 3.819952584848282,
                                                      -0.7181223017785006, 0.10422916220813984));
  uint64_t q = bits_of(z) + quarters;
  double y = q & 1 ? s : c;
  return (q + 1) & 2 ? -y : y;
}

INLINE double real_cosine(double v) { return turned(v, 0); }
INLINE double real_sine(double v) { return turned(v, -1); }

INLINE double real_log_gamma(double x) {
  double low = x < 8 ? x : 8, d = low;
  for (int n = 1; n < 8; n++) d *= low + n;
  double y = x < 8 ? x + 8 : x, series = polynomial(1 / (y * y), 0.08333333333333333, -0.002777777777777778,
                                                     0.0007936507936507937, -0.0005952380952380953,
                                                     0.0008417508417508417, -0.0019175269175269176, 0.00641025641025641,
                                                     -0.029550653594771242);
  d = x < 8 ? d : 1;
  return (((y - 0.5) * real_log(y) - y) + 0.9189385332046728) + series / y - real_log(d);
}

#define REALS(x) x(exp) x(expm1) x(log) x(log1p) x(tanh) x(sigmoid) x(softplus) x(cosine) x(sine) x(log_gamma)
#define REAL_NUMBER(name) REAL_##name,
enum { REALS(REAL_NUMBER) };

// ---------------------------------------------------------------- Models, as the host lays them out

// A model is one block of memory. Places in it are counted in lines of 64 bytes from its beginning, where a `Model` is.
// Weights are packed for one variant by `rk_pack`.
//
// A layer has groups of 64 sums. In a cell with gates, a group is 16 units: their i, f, g and o, 16 each. In other layers it
// is 64 units. All arrays that have one number for each sum are in this order.

typedef uint32_t Place;

enum { EMBEDDING = -1, COVARIATES = -2, ATTENDED = -3 };  // sources that are no layers
enum { ACTIVATIONS, NUMBERS, HOT, TABLE };                // forms of parts
enum { LSTM, PEEPHOLE, TANH, LOGITS, DOUBLES };           // cells; the last two are linear layers
enum { SEVEN, SIXTEEN };                                  // bits of packed weights
enum { SUMS = 64, UNITS = 16, STEPS = 16, FEW = 4, FARTHEST = 20479, COUNTED = 1000000 };

// What a layer reads of one source.
typedef struct {
  int32_t source;  // the number of a layer, or a source of numbers
  int32_t form;    // NUMBERS: products; HOT: one-hot vectors; TABLE: the share of each symbol, and the bias
  int32_t columns;
  int32_t shift;      // t, of numbers
  Place weights;      // packed; HOT: int16 [columns][sums]; TABLE: int32 [symbols][sums]
  Place multipliers;  // n, of numbers: int32 [sums]
} Part;

typedef struct {
  int32_t cell;
  int32_t width;
  int32_t groups;
  int32_t first, parts;  // its parts: the number of the first, and how many they are
  int32_t own;           // 1 if the last part is its own output of the step before
  int32_t tables;        // 1 if its first part is a TABLE
  int32_t shift, peephole_shift;
  Place start;        // what sums of activations begin with, which takes off what variants add to activations: int32
  Place multipliers;  // m: int32. Of DOUBLES: scale, double
  Place bias;         // int32. Of DOUBLES: double
  Place peepholes;    // p: int32 [groups][3][16]
} Layer;

typedef struct {
  int32_t variant;
  int32_t fine;        // 1: activations are int16, and all weights are packed in 16 bits; 0: int8, and those of cells in 7
  int32_t flip;        // coarse activations are kept as h ^ flip: `rk_flip`
  int32_t layers;      // layers with cells; after them come the layer that steers the attention, if any, and the output
  int32_t steering;    // 1 if there is one
  int32_t feedback;    // 1 if the first layer reads what was attended at the step before
  int32_t outputs;     // V, or how many parameters
  int32_t whole;       // 1 if the output is logits
  int32_t fields;      // numbers or one-hot values of a step; 1 for symbols
  int32_t embedded;    // columns of the embedding that are read as numbers; 0 if none are
  int32_t covariates;  // columns of covariates
  int32_t attended;    // symbols of texts
  int32_t components;  // Gaussians of the window
  Place layer, part;
  Place sigmoid, tanh;  // int16, with 64 bytes before
  Place frequencies;    // uint32
  Place embedding;      // int16 [symbols][embedded], of symbols that are read as numbers
  Place fields_begin;   // int32: where each field's one-hot values begin
} Model;

#define AT(type, place) ((const type *)((const char *)model + (size_t)(place) * 64))
#define LAYER(n) (AT(Layer, model->layer) + (n))
#define PARTS(layer) (AT(Part, model->part) + (layer)->first)

// ---------------------------------------------------------------- What is asked

// Known steps. Parts of the state, in order: h (int8, or fine int16) and c (int16) of each layer; kappa (double); what was attended (int16).
typedef struct {
  int32_t steps, rows;
  const int32_t *symbols;   // [steps][rows][fields], or null
  const float *values;      // the same, of steps that are real numbers, or null
  const float *covariates;  // [steps][rows][covariates], or null
  const uint8_t *fresh;     // [steps][rows]: 1 where the state is zero before the step; or null
  const int32_t *text;      // [longest][rows] symbols of the texts, or null
  const int32_t *lengths;   // [rows]
  int32_t longest;
  void *const *state;   // read, and replaced
  int32_t *logits;      // [steps][rows][outputs], or null
  double *parameters;   // the same, of outputs that are doubles
  float *attention;     // [steps][rows][longest], or null
  const int32_t *next;  // [steps][rows]: the symbols whose surprise is wanted, or null
  double *nats;         // [steps][rows]: their surprise
} Run;

// How a row is drawn.
typedef struct {
  double temperature, top_p, min_p, typical, penalty;
  int32_t top_k, window;  // window: of the ring of last symbols
  int32_t late;           // 1: the other options act first, and the mask on what they leave, unless that leaves nothing
  int32_t masked;         // 1: the row has a mask
  int32_t frequency, presence;  // penalties of symbols that were drawn before, in 1/1024 nats: for each time, and once
  int32_t biases, unused;
  const int32_t *biased;  // [biases] symbols, none twice
  const double *bias;     // [biases]: what is added to their logits, in nats
  int32_t *counts;        // [outputs]: how often each symbol was drawn before, in which `generate` goes on counting; or null
} Sampling;

// What is read after a symbol. 0 switches a rule off.
typedef struct {
  int32_t every;          // a unit begins after so many steps: the state is zero, and `start` is read
  int32_t period;         // the state is zero after so many steps
  int32_t start;          // the symbol before the first
  const uint8_t *begins;  // [outputs]: 1 for symbols after which a unit begins; or null
  int32_t *in_unit, *predicted;  // [rows]: steps since a unit began, and since the state was zero
} Policy;

typedef struct {
  int32_t steps, rows;
  void *const *state;     // read, and replaced
  int32_t *logits;        // [rows][outputs] of the first step; replaced by those of the step after the last
  uint64_t *keys;         // [rows][2]
  uint64_t *drawn;        // [rows] random numbers drawn before; replaced
  int32_t *recent;        // [rows][stride], rings of the last symbols; -1 for none
  int64_t *place;         // [rows]: how many symbols were put into the ring
  const uint8_t *ends;    // [outputs]: 1 for symbols that end a row; or null
  int32_t *symbols;       // [steps][rows]: what was drawn
  double *log_probs;      // [steps][rows]
  int32_t *counts;        // [rows]: how many were drawn in each row
  int32_t *seen;          // [steps][rows][outputs]: the logits that each was drawn from; or null
  const Sampling *sampling;  // [rows]
  const uint8_t *allowed;    // [rows][outputs]: masks, of rows that have one; or null
  int64_t stride;
  void *const *trail;     // [steps][parts]: where the state after each step goes, too; or null
  int32_t *trail_logits;  // [steps][rows][outputs]: the logits behind each step
  Policy policy;
} Generate;

// One symbol of each row.
typedef struct {
  int32_t rows;
  const int32_t *logits;     // [rows][outputs]
  const uint64_t *words;     // [rows] random numbers
  const int32_t *recent;     // [rows][stride]
  const Sampling *sampling;  // [rows]
  const uint8_t *allowed;    // [rows][outputs], or null
  int64_t stride;
  int64_t *symbols;  // [rows]
  double *log_probs, *log_masses;  // [rows]; log_masses: log p of all that the mask allows
} Choose;

// The coder's state. `code` has room for 8 bytes a symbol from `size` on; of a decoder, `size` is where it reads on.
typedef struct {
  uint64_t low, range;  // of a decoder, `low` is the offset
  uint8_t *code;
  int64_t size, length;  // length: of a decoder's code
} Coder;

typedef struct {
  int32_t steps;
  void *const *state;
  int32_t *logits;  // [outputs] of the first step; replaced
  int32_t *symbols;  // [steps]
  Coder coder;
  Policy policy;
} Decode;

// ---------------------------------------------------------------- Random numbers

INLINE double rounded(double x) { return (x + TO_WHOLE) - TO_WHOLE; }

INLINE uint64_t mix(uint64_t z) {
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  return z ^ z >> 31;
}
INLINE uint64_t random_word(const uint64_t *key, uint64_t n) {
  return mix(key[1] ^ mix(key[0] + (n + 1) * 0x9E3779B97F4A7C15u));
}

// (a b) >> 64. The empty assembly keeps compilers from making it a call of a library for products of 128 bits.
INLINE uint64_t high_product(uint64_t a, uint64_t b) {
  uint64_t al = (uint32_t)a, ah = a >> 32, bl = (uint32_t)b, bh = b >> 32;
  uint64_t middle = ah * bl + (al * bl >> 32);
  __asm__("" : "+r"(middle));
  uint64_t other = al * bh + (uint32_t)middle;
  return ah * bh + (middle >> 32) + (other >> 32);
}

// ---------------------------------------------------------------- Memory to work in

#define CLAMP(x, least, most) ((x) < (least) ? (least) : (x) > (most) ? (most) : (x))

INLINE size_t whole_lines(size_t bytes) { return (bytes + 63) / 64 * 64; }
INLINE size_t wide(int columns, int size) { return whole_lines((size_t)columns * size) / size; }  // of a row of numbers
INLINE size_t line_of(const Model *model, int width) { return whole_lines(width) << model->fine; }
INLINE int at_once(const Model *model, int rows) { return model->feedback || rows >= STEPS ? 1 : STEPS / rows; }

// How many groups of cells are computed together. For few rows, all are: the weights of a group would take the tables out of
// the nearest cache.
INLINE int together_of(const Layer *layer, int rows) { return rows > FEW ? 1 : layer->groups; }

// For n = steps at once x rows. [n] is over both, steps first.
typedef struct {
  char **outputs;           // of each layer: h [n][whole lines]
  char **before;            // of each layer: h before the first of the steps [rows][whole lines]
  int16_t **cells;          // of each layer: c [rows][units]
  int16_t *embedded, *covariates, *attended;  // numbers [n][wide]
  int16_t *widened;         // coarse activations as int16 [n][whole lines]
  const int32_t **base;     // [n]: what is added to the sums of each
  int32_t *shares;          // [n][sums]
  int32_t *below;           // [n][sums]: sums over layers below
  int32_t *sums;            // [n][64], or of all groups for FEW rows: [groups][rows][64]
  int32_t *logits;          // [n][sums]
  double *parameters;       // [n][sums]
  double *steering;         // [n][sums]
  double *kappa;            // [rows][components]
  double *seen;             // of the window: [3][components], [attended]
  int32_t *distances;       // [outputs]
  uint32_t *frequencies;    // [outputs]
  uint8_t *marks;           // [outputs]
  uint32_t *bins;           // [FARTHEST + 1]
  int32_t *inputs, *map;    // [rows]
  uint8_t *fresh;           // [rows]
} Work;

INLINE void *piece(char **at, size_t bytes) {
  char *found = *at;
  *at += whole_lines(bytes);
  return found;
}

static size_t lay_out(const Model *model, char *memory, int rows) {
  char *at = memory;
  size_t n = (size_t)at_once(model, rows) * rows;
  int most = 1, widest = 1, layers = model->layers;
  Work none, *work = piece(&at, sizeof(Work));
  if (!memory) work = &none;
  char **pointers = piece(&at, 3 * (size_t)layers * sizeof(void *));
  work->outputs = pointers, work->before = pointers + layers, work->cells = (int16_t **)(pointers + 2 * layers);
  for (int k = 0; k < layers; k++) {
    const Layer *layer = LAYER(k);
    size_t row = line_of(model, layer->width);
    void *outputs = piece(&at, n * row), *before = piece(&at, rows * row);
    void *cells = piece(&at, (size_t)rows * layer->groups * UNITS * sizeof(int16_t));
    if (memory) work->outputs[k] = outputs, work->before[k] = before, work->cells[k] = cells;
    if (layer->groups > most) most = layer->groups;
    if (layer->width > widest) widest = layer->width;
  }
  for (int k = layers; k <= layers + model->steering; k++)
    if (LAYER(k)->groups > most) most = LAYER(k)->groups;
  const Layer *last = LAYER(layers + model->steering);
  size_t sums = (size_t)last->groups * SUMS, symbols = model->whole ? sums : 0;
  work->embedded = piece(&at, n * wide(model->embedded, 2) * 2);
  work->covariates = piece(&at, n * wide(model->covariates, 2) * 2);
  work->attended = piece(&at, n * wide(model->attended, 2) * 2);
  work->widened = piece(&at, model->fine ? 0 : n * line_of(model, widest) * 2);
  work->base = piece(&at, n * sizeof(void *));
  work->shares = piece(&at, n * most * SUMS * 4);
  work->below = piece(&at, n * most * SUMS * 4);
  work->sums = piece(&at, (n > FEW * (size_t)most ? n : FEW * (size_t)most) * SUMS * 4);
  work->logits = piece(&at, n * symbols * 4);
  work->parameters = piece(&at, model->whole ? 0 : n * sums * 8);
  work->steering = piece(&at, model->steering ? n * LAYER(layers)->groups * SUMS * 8 : 0);
  work->kappa = piece(&at, (size_t)rows * model->components * 8);
  work->seen = piece(&at, (3 * (size_t)model->components + model->attended) * 8);
  work->distances = piece(&at, symbols * 4);
  work->frequencies = piece(&at, symbols * 4);
  work->marks = piece(&at, symbols);
  work->bins = piece(&at, (FARTHEST + 1) * 4);
  work->inputs = piece(&at, (size_t)rows * 4);
  work->map = piece(&at, (size_t)rows * 4);
  work->fresh = piece(&at, rows);
  return at - memory;
}

// ---------------------------------------------------------------- The variants, best last

#ifndef __wasm_simd128__
#define VARIANT plain
#define WITH_REALS
#define TARGET
#include "kernel.c"
#endif

#ifdef __x86_64__
#define VARIANT sse4
#define TARGET __attribute__((target("sse4.1")))
#define WITH_SSE4
#include "kernel.c"
#undef WITH_SSE4

#define VARIANT avx2
#define WITH_REALS
#define TARGET __attribute__((target("avx2")))
#define WITH_AVX2
#include "kernel.c"

#define VARIANT avxvnni
#define TARGET __attribute__((target("avx2,avxvnni")))
#define WITH_AVXVNNI
#include "kernel.c"
#undef WITH_AVXVNNI
#undef WITH_AVX2

#define VARIANT avx512vnni
#define WITH_REALS
#define TARGET __attribute__((target("avx2,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")))
#define WITH_AVX512VNNI
#include "kernel.c"
#undef WITH_AVX512VNNI
#elif defined(__aarch64__)
#define VARIANT neon
#define TARGET
#define WITH_NEON
#include "kernel.c"

#define VARIANT dotprod
#ifdef __clang__
#define TARGET __attribute__((target("dotprod")))
#else
#define TARGET __attribute__((target("arch=armv8.2-a+dotprod")))
#endif
#define WITH_DOTPROD
#include "kernel.c"
#undef WITH_DOTPROD
#undef WITH_NEON
#elif defined(__wasm_simd128__)
#define VARIANT simd128
#define WITH_REALS
#define TARGET
#define WITH_SIMD128
#include "kernel.c"
#undef WITH_SIMD128
#endif

typedef struct {
  const char *name;
  int needs;
  int flip;  // of coarse activations: 0x80 where products are of unsigned ones
  void (*pack)(const void *, int, int, int, void *);
  void (*run)(const Model *, void *, const Run *);
  void (*generate)(const Model *, void *, const Generate *);
  void (*choose)(const Model *, void *, const Choose *);
  void (*encode)(const Model *, void *, const Run *, Coder *);
  void (*decode)(const Model *, void *, Decode *);
  void (*real)(int, size_t, const double *, double *);
} Variant;

#define ROW(variant, needs, flip, reals) \
  {#variant, needs, flip, pack_##variant, run_##variant, generate_##variant, choose_##variant, encode_##variant, \
   decode_##variant, real_##reals}
static const Variant variants[] = {
#ifndef __wasm_simd128__
    ROW(plain, ALWAYS, 0, plain),
#endif
#ifdef __x86_64__
    ROW(sse4, SSE4, 0x80, plain),
    ROW(avx2, AVX2, 0x80, avx2),
    ROW(avxvnni, AVXVNNI, 0x80, avx2),
    ROW(avx512vnni, AVX512VNNI, 0x80, avx512vnni),
#elif defined(__aarch64__)
    ROW(neon, ALWAYS, 0, plain),
    ROW(dotprod, DOTPROD, 0, plain),
#elif defined(__wasm_simd128__)
    ROW(simd128, ALWAYS, 0, simd128),
#endif
};

EXPORT const char *rk_source_digest(void) { return TEXT(RK_SOURCE); }
EXPORT int rk_variants(void) { return sizeof variants / sizeof *variants; }
EXPORT const char *rk_variant_name(int i) { return variants[i].name; }
EXPORT int rk_supported(int i) { return variants[i].needs == ALWAYS || has(variants[i].needs); }


// What coarse activations are kept with: h ^ flip.
EXPORT int rk_flip(int variant) { return variants[variant].flip; }

// weights [rows][columns] of 1 or 2 bytes → packed, of `rk_packed` bytes.
EXPORT size_t rk_packed(int size, int rows, int columns) {
  int each = 4 / size;
  return (size_t)((rows + SUMS - 1) / SUMS) * SUMS * ((columns + each - 1) / each) * 4;
}
EXPORT void rk_pack(int variant, const void *weights, int size, int rows, int columns, void *packed) {
  variants[variant].pack(weights, size, rows, columns, packed);
}

// The bytes of memory that calls need for so many rows. It begins at a line of 64 bytes.
EXPORT size_t rk_memory(const Model *model, int rows) { return lay_out(model, 0, rows); }

// The network's parameters, and the surprise of known steps.
EXPORT void rk_run(const Model *model, void *memory, const Run *run) { variants[model->variant].run(model, memory, run); }

// Symbols are drawn, and read.
EXPORT void rk_generate(const Model *model, void *memory, const Generate *asked) {
  variants[model->variant].generate(model, memory, asked);
}

// Symbols are drawn from logits that are known. Of the model, only `outputs` and `frequencies` are read, and what says how
// large the memory is.
EXPORT void rk_choose(const Model *model, void *memory, const Choose *asked) {
  variants[model->variant].choose(model, memory, asked);
}

// Known symbols of one row → code.
EXPORT void rk_encode(const Model *model, void *memory, const Run *run, Coder *coder) {
  variants[model->variant].encode(model, memory, run, coder);
}

// Code → symbols.
EXPORT void rk_decode(const Model *model, void *memory, Decode *asked) {
  variants[model->variant].decode(model, memory, asked);
}

// The sum of each row of x [rows][n], n > 1, added up by halves. scratch: n doubles.
EXPORT void rk_total(size_t rows, size_t n, const double *x, double *scratch, double *y) {
  size_t half = 1;
  while (2 * half < n) half *= 2;
  for (size_t row = 0; row < rows; row++, x += n) {
    for (size_t i = 0; i < half; i++) scratch[i] = x[i];
    for (size_t i = half; i < n; i++) scratch[i - half] += x[i];
    for (size_t h = half / 2; h; h /= 2)
      for (size_t i = 0; i < h; i++) scratch[i] += scratch[i + h];
    y[row] = scratch[0];
  }
}

// y[i] = f(x[i]) for n numbers. function: a number of REALS.
EXPORT void rk_real(int variant, int function, size_t n, const double *x, double *y) {
  variants[variant].real(function, n, x, y);
}

#else  // ---------------------------------------------------------------- One variant

#if defined(WITH_SSE4) || defined(WITH_AVX2) || defined(WITH_AVX512VNNI)
#define WITH_X86
#endif

// ---------------- Products

// A packed matrix has blocks of SUB rows; a block has one quad after another, of 4 bytes of each of its rows: 4 weights of 8
// bits, or 2 of 16. VEC holds the sums of LANES rows. SUMS is a multiple of SUB.
#if defined(WITH_AVX512VNNI)
#define VEC __m512i
#define LANES 16
#define TILE 4
#define ZERO _mm512_setzero_si512()
#define LOAD(p) _mm512_loadu_si512(p)
#define STORE(p, v) _mm512_storeu_si512(p, v)
#define ADD(a, b) _mm512_add_epi32(a, b)
#define QUAD(p) _mm512_set1_epi32(NAME(word)(p))
#define DOT(bits, s, w, x) (bits == SIXTEEN ? _mm512_dpwssd_epi32(s, w, x) : _mm512_dpbusd_epi32(s, x, w))
#elif defined(WITH_AVX2)
#define VEC __m256i
#define LANES 8
#define TILE 2
#define ZERO _mm256_setzero_si256()
#define LOAD(p) _mm256_loadu_si256((const __m256i *)(p))
#define STORE(p, v) _mm256_storeu_si256((__m256i *)(p), v)
#define ADD(a, b) _mm256_add_epi32(a, b)
#define QUAD(p) _mm256_set1_epi32(NAME(word)(p))
#if defined(WITH_AVXVNNI)
#define DOT(bits, s, w, x) (bits == SIXTEEN ? _mm256_dpwssd_avx_epi32(s, w, x) : _mm256_dpbusd_avx_epi32(s, x, w))
#else
TARGET INLINE __m256i NAME(dot)(int bits, __m256i s, __m256i w, __m256i x) {
  // Two products of a u8 and a weight of 7 bits fit into 16 bits.
  __m256i pairs = bits == SIXTEEN ? w : _mm256_maddubs_epi16(x, w);
  s = _mm256_add_epi32(s, _mm256_madd_epi16(pairs, bits == SIXTEEN ? x : _mm256_set1_epi16(1)));
  __asm__("" : "+x"(s));  // gcc would begin all products before it ends one, and run out of registers
  return s;
}
#define DOT(bits, s, w, x) NAME(dot)(bits, s, w, x)
#endif
#elif defined(WITH_SSE4) || defined(__SSE2__)
#define VEC __m128i
#define LANES 4
#define TILE 2
#define ZERO _mm_setzero_si128()
#define LOAD(p) _mm_loadu_si128((const __m128i *)(p))
#define STORE(p, v) _mm_storeu_si128((__m128i *)(p), v)
#define ADD(a, b) _mm_add_epi32(a, b)
#define QUAD(p) _mm_set1_epi32(NAME(word)(p))
#ifdef WITH_SSE4
TARGET INLINE __m128i NAME(dot)(int bits, __m128i s, __m128i w, __m128i x) {
  __m128i pairs = bits == SIXTEEN ? w : _mm_maddubs_epi16(x, w);
  s = _mm_add_epi32(s, _mm_madd_epi16(pairs, bits == SIXTEEN ? x : _mm_set1_epi16(1)));
  __asm__("" : "+x"(s));  // as for AVX2
  return s;
}
#define DOT(bits, s, w, x) NAME(dot)(bits, s, w, x)
#else  // plain, of processors without SSE4.1
#define EVEN(v) _mm_srai_epi16(_mm_slli_epi16(v, 8), 8)
#define ODD(v) _mm_srai_epi16(v, 8)
#define DOT(bits, s, w, x)                           \
  ADD(s, bits == SIXTEEN ? _mm_madd_epi16(w, x)      \
                         : ADD(_mm_madd_epi16(EVEN(w), EVEN(x)), _mm_madd_epi16(ODD(w), ODD(x))))
#endif
#elif defined(WITH_NEON)
#define VEC int32x4_t
#define LANES 4
#define TILE 2
#define ZERO vdupq_n_s32(0)
#define LOAD(p) vld1q_s32((const int32_t *)(p))
#define STORE(p, v) vst1q_s32(p, v)
#define ADD(a, b) vaddq_s32(a, b)
#define QUAD(p) vdupq_n_s32(NAME(word)(p))
TARGET INLINE int32x4_t NAME(dot)(int bits, int32x4_t s, int32x4_t w, int32x4_t x) {
  if (bits == SIXTEEN) {
    int16x8_t a = vreinterpretq_s16_s32(w), b = vreinterpretq_s16_s32(x);
    int32x4_t low = vmull_s16(vget_low_s16(a), vget_low_s16(b)), high = vmull_s16(vget_high_s16(a), vget_high_s16(b));
    return vaddq_s32(s, vpaddq_s32(low, high));
  }
  int8x16_t a = vreinterpretq_s8_s32(w), b = vreinterpretq_s8_s32(x);
#ifdef WITH_DOTPROD
  return vdotq_s32(s, a, b);
#else
  int16x8_t low = vmull_s8(vget_low_s8(a), vget_low_s8(b)), high = vmull_s8(vget_high_s8(a), vget_high_s8(b));
  return vpadalq_s16(s, vpaddq_s16(low, high));
#endif
}
#define DOT(bits, s, w, x) NAME(dot)(bits, s, w, x)
#elif defined(WITH_SIMD128)
// Sums of the even and the odd pairs of columns lie side by side until the end: WebAssembly has no products of bytes.
typedef struct {
  v128_t low, high;
} NAME(Pairs);
#define VEC NAME(Pairs)
#define LANES 4
#define TILE 2
#define ZERO ((VEC){wasm_i32x4_const(0, 0, 0, 0), wasm_i32x4_const(0, 0, 0, 0)})
#define QUAD(p) wasm_v128_load32_splat(p)
INLINE VEC NAME(dot)(int bits, VEC s, const char *w, v128_t x) {
  if (bits == SIXTEEN) return (VEC){wasm_i32x4_add(s.low, wasm_i32x4_dot_i16x8(wasm_v128_load(w), x)), s.high};
  v128_t wide = wasm_i16x8_extend_low_i8x16(x);
  return (VEC){wasm_i32x4_add(s.low, wasm_i32x4_dot_i16x8(wasm_i16x8_load8x8(w), wide)),
               wasm_i32x4_add(s.high, wasm_i32x4_dot_i16x8(wasm_i16x8_load8x8(w + 8), wide))};
}
INLINE void NAME(end)(int bits, int32_t *to, const int32_t *start, VEC s, VEC t) {
  v128_t low = wasm_i32x4_add(s.low, t.low), high = wasm_i32x4_add(s.high, t.high);
  if (bits != SIXTEEN)
    low = wasm_i32x4_add(wasm_i32x4_shuffle(low, high, 0, 2, 4, 6), wasm_i32x4_shuffle(low, high, 1, 3, 5, 7));
  wasm_v128_store(to, wasm_i32x4_add(low, wasm_v128_load(start)));
}
#define DOT_AT(bits, s, w, x) NAME(dot)(bits, s, w, x)
#define END(bits, to, start, s, t) NAME(end)(bits, to, start, s, t)
#endif

#ifdef VEC
#ifndef DOT_AT
#define DOT_AT(bits, s, w, x) DOT(bits, s, LOAD(w), x)
#define END(bits, to, start, s, t) STORE(to, ADD(ADD(s, t), LOAD(start)))
TARGET INLINE int32_t NAME(word)(const char *p) {
  int32_t word;
  __builtin_memcpy(&word, p, 4);
  return word;
}
#endif
#define VECS 4
#define SUB (VECS * LANES)

// The sums of one block for one row, and for TILE rows.
TARGET INLINE void NAME(single)(int bits, const char *w, int quads, const char *x, const int32_t *start, int32_t *to) {
  VEC s[VECS], t[VECS];
  for (int v = 0; v < VECS; v++) s[v] = t[v] = ZERO;
  int k = 0;
  for (; k + 2 <= quads; k += 2, w += 8 * SUB, x += 8) {
    for (int v = 0; v < VECS; v++) s[v] = DOT_AT(bits, s[v], w + 4 * v * LANES, QUAD(x));
    for (int v = 0; v < VECS; v++) t[v] = DOT_AT(bits, t[v], w + 4 * (SUB + v * LANES), QUAD(x + 4));
  }
  if (k < quads)
    for (int v = 0; v < VECS; v++) s[v] = DOT_AT(bits, s[v], w + 4 * v * LANES, QUAD(x));
  for (int v = 0; v < VECS; v++) END(bits, to + v * LANES, start + v * LANES, s[v], t[v]);
}

TARGET INLINE void NAME(tile)(int bits, const char *w, int quads, const char *x, size_t next, const int32_t *start,
                              size_t next_start, int32_t *to, size_t next_to) {
  VEC s[TILE][VECS];
  for (int b = 0; b < TILE; b++)
    for (int v = 0; v < VECS; v++) s[b][v] = ZERO;
  for (int k = 0; k < quads; k++, w += 4 * SUB, x += 4)
    for (int b = 0; b < TILE; b++)
      for (int v = 0; v < VECS; v++) s[b][v] = DOT_AT(bits, s[b][v], w + 4 * v * LANES, QUAD(x + b * next));
  for (int b = 0; b < TILE; b++)
    for (int v = 0; v < VECS; v++)
      END(bits, to + b * next_to + v * LANES, start + b * next_start + v * LANES, s[b][v], ZERO);
}
#else
#define SUB SUMS
#define LANES 4
#endif

// Of n rows: to = start + a group of weights x inputs. next, next_start, next_to: from row to row, in bytes and in numbers.
TARGET INLINE void NAME(product)(int bits, const char *w, int quads, const char *x, size_t next, int n,
                                 const int32_t *start, size_t next_start, int32_t *to, size_t next_to) {
#ifdef VEC
  for (int sub = 0; sub < SUMS; sub += SUB, w += (size_t)quads * SUB * 4) {
    int b = 0;
    for (; b + TILE <= n; b += TILE)
      NAME(tile)(bits, w, quads, x + b * next, next, start + b * next_start + sub, next_start, to + b * next_to + sub, next_to);
    for (; b < n; b++) NAME(single)(bits, w, quads, x + b * next, start + b * next_start + sub, to + b * next_to + sub);
  }
#else
  for (int b = 0; b < n; b++) {
    int32_t s[SUMS];
    for (int r = 0; r < SUMS; r++) s[r] = start[b * next_start + r];
    for (int k = 0; k < quads; k++)
      for (int r = 0; r < SUMS; r++) {
        const char *v = w + ((size_t)k * SUMS + r) * 4, *y = x + b * next + 4 * (size_t)k;
        if (bits == SIXTEEN) {
          int16_t p[2], q[2];
          __builtin_memcpy(p, v, 4), __builtin_memcpy(q, y, 4);
          s[r] += p[0] * q[0] + p[1] * q[1];
        } else {
          for (int j = 0; j < 4; j++) s[r] += (int8_t)v[j] * (int8_t)y[j];
        }
      }
    for (int r = 0; r < SUMS; r++) to[b * next_to + r] = s[r];
  }
#endif
}

#define PRODUCT_ARGUMENTS                                                                                             \
  const char *w, int quads, const void *x, size_t next, int n, const int32_t *start, size_t next_start, int32_t *to, \
      size_t next_to
TARGET static __attribute__((noinline)) void NAME(seven)(PRODUCT_ARGUMENTS) {
  NAME(product)(SEVEN, w, quads, x, next, n, start, next_start, to, next_to);
}
TARGET static __attribute__((noinline)) void NAME(sixteen)(PRODUCT_ARGUMENTS) {
  NAME(product)(SIXTEEN, w, quads, x, next, n, start, next_start, to, next_to);
}

// Rows x columns [rows][columns], of `size` bytes each, packed: 64 rows a group, the last ones filled with zeros.
TARGET static void NAME(pack)(const void *weights, int size, int rows, int columns, void *packed) {
  int each = 4 / size, quads = (columns + each - 1) / each;
  char *to = packed;
  for (int first = 0; first < (rows + SUMS - 1) / SUMS * SUMS; first += SUB)
    for (int k = 0; k < quads; k++)
      for (int r = first; r < first + SUB; r++)
        for (int j = k * each; j < (k + 1) * each; j++, to += size)
          for (int i = 0; i < size; i++)
            to[i] = r < rows && j < columns ? ((const char *)weights)[((size_t)r * columns + j) * size + i] : 0;
}

// ---------------- Cells

// Sums over numbers or fine activations in units of gates, cut.
TARGET INLINE void NAME(share)(const int32_t *m, int shift, const int32_t *sums, const int32_t *base, int32_t *to) {
  int64_t half = 1ll << (shift - 1);
  for (int r = 0; r < SUMS; r++) {
    int64_t share = ((int64_t)sums[r] * m[r] + half) >> shift;
    to[r] = base[r] + (int32_t)CLAMP(share, -1048576, 1048576);
  }
}

// Sums over coarse activations in units of gates or logits.
TARGET INLINE void NAME(scaled)(const int32_t *m, int shift, const int32_t *sums, const int32_t *base, int32_t *to) {
  int32_t half = 1 << (shift - 1);
  for (int r = 0; r < SUMS; r++) to[r] = ((sums[r] * m[r] + half) >> shift) + base[r];
}

// LANES numbers, and narrower ones.
typedef int32_t NAME(Lanes) __attribute__((vector_size(4 * LANES)));
typedef int16_t NAME(Shorts) __attribute__((vector_size(2 * LANES)));
typedef int8_t NAME(Bytes) __attribute__((vector_size(LANES)));
#define V NAME(Lanes)
#define ALL(x) ((x) - (V){0})
#define GET(v, p) __builtin_memcpy(&(v), p, sizeof(v))
#define SET(p, v) __builtin_memcpy(p, &(v), sizeof(v))

TARGET INLINE V NAME(clamp)(V x, int32_t least, int32_t most) {
#if defined(WITH_AVX512VNNI)
  return (V)_mm512_min_epi32(_mm512_max_epi32((__m512i)x, _mm512_set1_epi32(least)), _mm512_set1_epi32(most));
#elif defined(WITH_AVX2)
  return (V)_mm256_min_epi32(_mm256_max_epi32((__m256i)x, _mm256_set1_epi32(least)), _mm256_set1_epi32(most));
#elif defined(WITH_SSE4)
  return (V)_mm_min_epi32(_mm_max_epi32((__m128i)x, _mm_set1_epi32(least)), _mm_set1_epi32(most));
#else
  V low = ALL(least), high = ALL(most), less = x < low, more = x > high;
  return (x & ~less & ~more) | (low & less) | (high & more);
#endif
}

// The table's values at sums z.
TARGET INLINE V NAME(look)(const int16_t *table, V z) {
  int32_t at[LANES];
  z = NAME(clamp)(z, -4096, 4095) + 4096;
  SET(at, z);
#ifdef WITH_X86
  __asm__("" : "+m"(at));  // compilers would take the indices out of the register, one by one
  __m128i low = _mm_setzero_si128();
#define PUT(to, j) to = _mm_insert_epi16(to, table[at[j]], (j) % 8)
  PUT(low, 0), PUT(low, 1), PUT(low, 2), PUT(low, 3);
#if LANES == 4
  return (V)_mm_cvtepi16_epi32(low);
#else
  PUT(low, 4), PUT(low, 5), PUT(low, 6), PUT(low, 7);
#if LANES == 8
  return (V)_mm256_cvtepi16_epi32(low);
#else
  __m128i high = _mm_setzero_si128();
  PUT(high, 8), PUT(high, 9), PUT(high, 10), PUT(high, 11), PUT(high, 12), PUT(high, 13), PUT(high, 14), PUT(high, 15);
  return (V)_mm512_cvtepi16_epi32(_mm256_set_m128i(high, low));
#endif
#endif
#undef PUT
#else
  V found;
  for (int j = 0; j < LANES; j++) found[j] = table[at[j]];
  return found;
#endif
}

// Values in 1/32768 become activations.
TARGET INLINE void NAME(put)(V values, int fine, int flip, char *h) {
  if (fine) {
    NAME(Shorts) made = __builtin_convertvector((values * 4095 + 16384) >> 15, NAME(Shorts));
    SET(h, made);
  } else {
    NAME(Bytes) made = __builtin_convertvector(((values * 127 + 16384) >> 15) ^ flip, NAME(Bytes));
    SET(h, made);
  }
}

// A group of a layer's cells, for some rows. sums: [rows][step]. base: what is added to the sums of each row. c: [rows][16],
// `units` from row to row. h: `row` bytes from row to row.
TARGET static void NAME(cells)(const Model *model, const Layer *layer, int group, int rows, const int32_t *sums, size_t step,
                               const int32_t *const *base, int16_t *c, size_t units, char *h, size_t row) {
  const int16_t *sigmoid = AT(int16_t, model->sigmoid), *tanh = AT(int16_t, model->tanh);
  const int32_t *m = AT(int32_t, layer->multipliers) + group * SUMS;
  const int32_t *p = AT(int32_t, layer->peepholes) + group * 3 * UNITS;
  int cell = layer->cell, fine = model->fine, flip = model->flip, shift = layer->shift, u = layer->peephole_shift;
  int half = cell == PEEPHOLE ? 1 << (u - 1) : 0;
  for (int b = 0; b < rows; b++, sums += step, c += units, h += row) {
    int32_t z[SUMS];
    (fine ? NAME(share) : NAME(scaled))(m, shift, sums, base[b] + group * SUMS, z);
    if (cell == TANH) {
      for (int j = 0; j < SUMS; j += LANES) {
        V sum;
        GET(sum, z + j);
        NAME(put)(NAME(look)(tanh, sum), fine, flip, h + ((size_t)j << fine));
      }
      continue;
    }
    for (int j = 0; j < UNITS; j += LANES) {
      V zi, zf, zg, zo, pi, pf, po;
      NAME(Shorts) kept;
      GET(zi, z + j), GET(zf, z + UNITS + j), GET(zg, z + 2 * UNITS + j), GET(zo, z + 3 * UNITS + j);
      GET(kept, c + j);
      V now = __builtin_convertvector(kept, V);
      if (cell == PEEPHOLE) {
        GET(pi, p + j), GET(pf, p + UNITS + j), GET(po, p + 2 * UNITS + j);
        zi += (pi * now + half) >> u;
        zf += (pf * now + half) >> u;
      }
      V i = NAME(look)(sigmoid, zi), f = NAME(look)(sigmoid, zf), g = NAME(look)(tanh, zg);
      now = NAME(clamp)((f * now + ((i * g) >> 4) + 16384) >> 15, -32768, 32767);
      kept = __builtin_convertvector(now, NAME(Shorts));
      SET(c + j, kept);
      if (cell == PEEPHOLE) zo += (po * now + half) >> u;
      V o = NAME(look)(sigmoid, zo), t = NAME(look)(tanh, (now + 2) >> 2);
      NAME(put)((o * t) >> 15, fine, flip, h + ((size_t)j << fine));
    }
  }
}

// ---------------- Layers

static const int32_t NAME(zeros)[SUMS];

// What is added to the sums over activations of n rows: biases and numbers. symbols: [n][fields].
TARGET static void NAME(bases)(const Model *model, Work *work, const Layer *layer, const int32_t *symbols, int n) {
  size_t sums = (size_t)layer->groups * SUMS;
  const Part *part = PARTS(layer), *end = part + layer->parts;
  const int32_t *bias = AT(int32_t, layer->bias);
  const int32_t *table = layer->tables ? AT(int32_t, part->weights) : 0;
  for (int b = 0; b < n; b++) work->base[b] = table ? table + symbols[b] * sums : bias;
  if (table) part++;
  int copied = 0;
  for (; part < end; part++) {
    if (part->form == ACTIVATIONS) continue;
    if (!copied) {
      for (int b = 0; b < n; b++) {
        __builtin_memcpy(work->shares + b * sums, work->base[b], sums * 4);
        work->base[b] = work->shares + b * sums;
      }
      copied = 1;
    }
    const int16_t *x = part->source == EMBEDDING    ? work->embedded
                       : part->source == COVARIATES ? work->covariates
                                                    : work->attended;
    for (int g = 0; g < layer->groups; g++) {
      if (part->form == HOT) {
        const int16_t *w = AT(int16_t, part->weights) + g * SUMS;
        const int32_t *begin = AT(int32_t, model->fields_begin);
        for (int b = 0; b < n; b++) {
          int32_t *to = work->sums + b * SUMS;
          for (int r = 0; r < SUMS; r++) to[r] = 0;
          for (int i = 0; i < model->fields; i++) {
            const int16_t *row = w + (begin[i] + symbols[b * model->fields + i]) * sums;
            for (int r = 0; r < SUMS; r++) to[r] += row[r] * 1024;
          }
        }
      } else {
        int quads = (part->columns + 1) / 2;
        NAME(sixteen)(AT(char, part->weights) + (size_t)g * quads * SUMS * 4, quads, x, wide(part->columns, 2) * 2, n,
                      NAME(zeros), 0, work->sums, SUMS);
      }
      for (int b = 0; b < n; b++) {
        int32_t *to = work->shares + b * sums + g * SUMS;
        NAME(share)(AT(int32_t, part->multipliers) + g * SUMS, part->shift, work->sums + b * SUMS, to, to);
      }
    }
  }
}

// A group of sums over activations.
TARGET INLINE void NAME(activations)(const Model *model, const Part *part, int group, const char *x, int n,
                                     const int32_t *start, size_t next_start, int32_t *to, size_t next_to) {
  int each = model->fine ? 2 : 4, quads = (part->columns + each - 1) / each;
  const char *w = AT(char, part->weights) + (size_t)group * quads * SUMS * 4;
  size_t row = line_of(model, part->columns);
  (model->fine ? NAME(sixteen) : NAME(seven))(w, quads, x, row, n, start, next_start, to, next_to);
}

// A layer with a cell, for `steps` steps of `rows` rows.
TARGET static void NAME(layer)(const Model *model, Work *work, int number, const int32_t *symbols, const uint8_t *fresh,
                               int steps, int rows) {
  const Layer *layer = LAYER(number);
  int n = steps * rows;
  size_t sums = (size_t)layer->groups * SUMS, row = line_of(model, layer->width), units = (size_t)layer->groups * UNITS;
  char *outputs = work->outputs[number], *before = work->before[number];
  NAME(bases)(model, work, layer, symbols, n);
  const Part *first = PARTS(layer), *end = first + layer->parts - layer->own;
  const int32_t *start = AT(int32_t, layer->start), *from = start;
  size_t next = 0;
  if (steps > 1)
    for (const Part *part = first; part < end; part++)
      if (part->form == ACTIVATIONS) {
        for (int g = 0; g < layer->groups; g++)
          NAME(activations)(model, part, g, work->outputs[part->source], n, from + g * SUMS, next, work->below + g * SUMS, sums);
        from = work->below, next = sums;
      }
  for (int t = 0; t < steps; t++) {
    char *to = outputs + (size_t)t * rows * row;
    const char *own = t ? to - rows * row : before;
    int any = 0;
    if (fresh)
      for (int b = 0; b < rows; b++) any |= fresh[t * rows + b];
    if (any) {
      if (t) __builtin_memcpy(before, own, rows * row);
      for (int b = 0; b < rows; b++)
        if (fresh[t * rows + b]) {
          __builtin_memset(before + b * row, model->flip, row);
          __builtin_memset(work->cells[number] + b * units, 0, units * 2);
        }
      own = before;
    }
    int together = together_of(layer, rows);
    for (int g0 = 0; g0 < layer->groups; g0 += together) {
      int end_group = g0 + together < layer->groups ? g0 + together : layer->groups;
      for (int g = g0; g < end_group; g++) {
        int32_t *sum = work->sums + (size_t)(g - g0) * rows * SUMS;
        const int32_t *at = from + g * SUMS + t * rows * next;
        size_t step = next;
        for (const Part *part = steps == 1 ? first : end; part < end + layer->own; part++)
          if (part->form == ACTIVATIONS) {
            const char *x = part == end ? own : work->outputs[part->source];
            NAME(activations)(model, part, g, x, rows, at, step, sum, SUMS);
            at = sum, step = SUMS;
          }
      }
      for (int g = g0; g < end_group; g++) {
        size_t first_unit = (size_t)g * (layer->cell == TANH ? SUMS : UNITS);
        NAME(cells)(model, layer, g, rows, work->sums + (size_t)(g - g0) * rows * SUMS, SUMS, work->base + t * rows,
                    work->cells[number] + g * UNITS, units, to + (first_unit << model->fine), row);
      }
    }
  }
  if (layer->own) __builtin_memcpy(before, outputs + (size_t)(steps - 1) * rows * row, rows * row);
}

// A linear layer whose outputs are doubles: [n][sums].
TARGET static void NAME(doubles)(const Model *model, Work *work, const Layer *layer, int n, double *to) {
  size_t sums = (size_t)layer->groups * SUMS;
  const int32_t *from = NAME(zeros);
  size_t next = 0;
  for (const Part *part = PARTS(layer), *end = part + layer->parts; part < end; part++) {
    int quads = (part->columns + 1) / 2;
    size_t row = line_of(model, part->columns);
    const char *h = work->outputs[part->source];
    if (!model->fine) {
      for (int b = 0; b < n; b++)
        for (int k = 0; k < 2 * quads; k++) work->widened[b * row + k] = (int8_t)(h[b * row + k] ^ model->flip);
      h = (const char *)work->widened, row *= 2;
    }
    for (int g = 0; g < layer->groups; g++)
      NAME(sixteen)(AT(char, part->weights) + (size_t)g * quads * SUMS * 4, quads, h, row, n,
                    next ? from + g * SUMS : from, next, work->below + g * SUMS, sums);
    from = work->below, next = sums;
  }
  const double *scale = AT(double, layer->multipliers), *bias = AT(double, layer->bias);
  for (int b = 0; b < n; b++)
    for (size_t r = 0; r < sums; r++) to[b * sums + r] = (double)work->below[b * sums + r] * scale[r] + bias[r];
}

// The output layer, if it gives logits: [n][sums].
TARGET static void NAME(logits)(const Model *model, Work *work, const Layer *layer, int n) {
  size_t sums = (size_t)layer->groups * SUMS;
  const int32_t *start = AT(int32_t, layer->start), *bias = AT(int32_t, layer->bias);
  const int32_t *m = AT(int32_t, layer->multipliers);
  for (int g = 0; g < layer->groups; g++) {
    const int32_t *at = start + g * SUMS;
    size_t step = 0;
    for (const Part *part = PARTS(layer), *end = part + layer->parts; part < end; part++) {
      NAME(activations)(model, part, g, work->outputs[part->source], n, at, step, work->sums, SUMS);
      at = work->sums, step = SUMS;
    }
    for (int b = 0; b < n; b++) 
      NAME(scaled)(m + g * SUMS, layer->shift, at + b * step, bias + g * SUMS, work->logits + b * sums + g * SUMS);
  }
}

// A real number, as it is read.
INLINE int16_t NAME(rounded)(double x) {
  x *= 1024;
  x = rounded(CLAMP(x, -32768., 32768.));
  return (int16_t)CLAMP(x, -32767., 32767.);
}

TARGET static void NAME(numbers)(const float *values, int columns, int n, int16_t *to) {
  size_t row = wide(columns, 2);
  for (int b = 0; b < n; b++)
    for (int k = 0; k < columns; k++) to[b * row + k] = NAME(rounded)((double)values[(size_t)b * columns + k]);
}

// What the steering layer's outputs make of the window: kappa, what is attended [n][wide], and the weights of symbols.
TARGET static void NAME(window)(const Model *model, Work *work, const Run *run, int first, int steps, const uint8_t *fresh) {
  const Layer *layer = LAYER(model->layers);
  int count = model->components, rows = run->rows;
  size_t sums = (size_t)layer->groups * SUMS, row = wide(model->attended, 2);
  double *alpha = work->seen, *beta = alpha + count, *falls = beta + count, *w = falls + count;
  int top = 1;
  while (2 * top < count) top *= 2;
  NAME(doubles)(model, work, layer, steps * rows, work->steering);
  for (int t = 0; t < steps; t++)
    for (int b = 0; b < rows; b++) {
      size_t at = (size_t)t * rows + b;
      const double *p = work->steering + at * sums;
      double *kappa = work->kappa + b * count;
      float *attention = run->attention ? run->attention + ((size_t)first * rows + at) * run->longest : 0;
      for (int k = 0; k < count; k++) {
        if (fresh && fresh[at]) kappa[k] = 0;
        alpha[k] = real_exp(p[k] < 8 ? p[k] : 8);
        beta[k] = real_exp(p[count + k] < 8 ? p[count + k] : 8);
        kappa[k] += real_exp(p[2 * count + k] < 8 ? p[2 * count + k] : 8);
      }
      for (int c = 0; c < model->attended; c++) w[c] = 0;
      for (int u = 0; u < run->longest; u++) {
        double phi = 0;
        if (u < run->lengths[b]) {
          for (int k = 0; k < count; k++) {
            double off = kappa[k] - u;
            falls[k] = alpha[k] * real_exp(-(beta[k] * (off * off)));
          }
          for (int k = top; k < count; k++) falls[k - top] += falls[k];
          for (int h = top / 2; h; h /= 2)
            for (int k = 0; k < h; k++) falls[k] += falls[k + h];
          phi = falls[0];
          w[run->text[(size_t)u * rows + b]] += phi;
        }
        if (attention) attention[u] = (float)phi;
      }
      for (int c = 0; c < model->attended; c++) work->attended[at * row + c] = NAME(rounded)(w[c]);
    }
}

// `steps` steps of `rows` rows: symbols or values [steps][rows][fields], ... → work->logits, or work->parameters.
TARGET static void NAME(forward)(const Model *model, Work *work, const Run *run, int first, int steps) {
  int rows = run->rows, n = steps * rows;
  size_t at = (size_t)first * rows;
  const int32_t *symbols = run->symbols ? run->symbols + at * model->fields : 0;
  const uint8_t *fresh = run->fresh ? run->fresh + at : 0;
  if (run->values) NAME(numbers)(run->values + at * model->fields, model->fields, n, work->embedded);
  if (run->symbols && model->embedded) {
    size_t row = wide(model->embedded, 2);
    for (int b = 0; b < n; b++)
      __builtin_memcpy(work->embedded + b * row, AT(int16_t, model->embedding) + symbols[b] * row, row * 2);
  }
  if (run->covariates) NAME(numbers)(run->covariates + at * model->covariates, model->covariates, n, work->covariates);
  if (model->feedback && fresh)  // of one step
    for (int b = 0; b < rows; b++)
      if (fresh[b]) __builtin_memset(work->attended + b * wide(model->attended, 2), 0, (size_t)model->attended * 2);
  for (int k = 0; k < model->layers; k++) {
    NAME(layer)(model, work, k, symbols, fresh, steps, rows);
    if (k == 0 && model->steering) NAME(window)(model, work, run, first, steps, fresh);
  }
  const Layer *output = LAYER(model->layers + model->steering);
  if (model->whole)
    NAME(logits)(model, work, output, n);
  else
    NAME(doubles)(model, work, output, n, work->parameters);
}

// The state of the caller's rows → of the work, and back. map: which of the caller's rows each is; null for all.
TARGET static void NAME(state)(const Model *model, Work *work, void *const *state, const int32_t *map, int rows, int back) {
  int part = 0;
  for (int k = 0; k < model->layers; k++) {
    const Layer *layer = LAYER(k);
    if (!layer->own) continue;
    size_t width = (size_t)layer->width << model->fine, row = line_of(model, layer->width);
    size_t units = (size_t)layer->groups * UNITS;
    char *h = state[part++];
    int16_t *c = layer->cell == TANH ? 0 : state[part++];
    for (int b = 0; b < rows; b++) {
      size_t theirs = map ? map[b] : b;
      char *own = work->before[k] + b * row, *other = h + theirs * width, flip = (char)model->flip;
      for (size_t j = 0; j < width; j++)
        if (back) other[j] = own[j] ^ flip;
        else own[j] = other[j] ^ flip;
      if (!c) continue;
      int16_t *cell = work->cells[k] + b * units;
      int16_t *other_cell = c + theirs * layer->width;
      if (!back) __builtin_memset(cell, 0, units * 2);
      __builtin_memcpy(back ? other_cell : cell, back ? cell : other_cell, (size_t)layer->width * 2);
    }
  }
  if (!model->steering) return;
  size_t size = (size_t)model->components * 8, row = wide(model->attended, 2), width = (size_t)model->attended * 2;
  char *kappa = state[part++];
  for (int b = 0; b < rows; b++) {
    char *own = (char *)work->kappa + b * size, *other = kappa + (map ? map[b] : b) * size;
    __builtin_memcpy(back ? other : own, back ? own : other, size);
  }
  if (!model->feedback) return;
  char *attended = state[part];
  for (int b = 0; b < rows; b++) {
    char *own = (char *)(work->attended + b * row), *other = attended + (map ? map[b] : b) * width;
    __builtin_memcpy(back ? other : own, back ? own : other, width);
  }
}

// ---------------- Choice

// The frequencies of a distribution, and their sum.
TARGET static uint64_t NAME(frequencies)(const Model *model, Work *work, const int32_t *logits) {
  const uint32_t *table = AT(uint32_t, model->frequencies);
  int32_t top = logits[0], *d = work->distances;
  uint32_t *f = work->frequencies;
  int count = model->outputs;
  for (int v = 1; v < count; v++) top = logits[v] > top ? logits[v] : top;
  uint64_t sum = 0;
  for (int v = 0; v < count; v++) {
    uint32_t far = (uint32_t)top - (uint32_t)logits[v];  // of logits that are farther apart than int32 reaches, too
    d[v] = far < FARTHEST ? (int32_t)far : FARTHEST;
  }
  for (int v = 0; v < count; v++) f[v] = table[d[v]];
  for (int v = 0; v < count; v++) sum += f[v];
  return sum;
}

INLINE uint64_t NAME(total)(const uint32_t *f, int count) {
  uint64_t sum = 0;
  for (int v = 0; v < count; v++) sum += f[v];
  return sum;
}

// Frequencies of distances, measured from the least one.
TARGET static void NAME(measured)(const Model *model, Work *work) {
  const uint32_t *table = AT(uint32_t, model->frequencies);
  int32_t *d = work->distances, least = INT32_MAX;
  uint32_t *f = work->frequencies;
  int count = model->outputs;
  for (int v = 0; v < count; v++)
    if (f[v] && d[v] < least) least = d[v];
  for (int v = 0; v < count; v++)
    if (f[v]) {
      d[v] = d[v] - least < FARTHEST ? d[v] - least : FARTHEST;
      f[v] = table[d[v]];
    }
}

TARGET static void NAME(penalise)(const Model *model, Work *work, double penalty, const int32_t *recent, int window) {
  int32_t *d = work->distances;
  double all = real_log((double)NAME(total)(work->frequencies, model->outputs));
  int32_t likeliest = (int32_t)rounded(1024 * (all - real_log(268435456.0)));
  for (int i = 0; i < window; i++) {
    int32_t v = recent[i];
    if (v < 0 || v >= model->outputs || work->marks[v] || !work->frequencies[v]) continue;
    work->marks[v] = 1;
    d[v] = (int32_t)rounded((double)(d[v] + likeliest) * penalty) - likeliest;
  }
  for (int i = 0; i < window; i++)
    if (recent[i] >= 0 && recent[i] < model->outputs) work->marks[recent[i]] = 0;
  NAME(measured)(model, work);
}

// Adds the bias to the logits, less the penalties. What is then farther than distances reach is removed.
TARGET static void NAME(add)(const Model *model, Work *work, const Sampling *sampling) {
  const uint32_t *table = AT(uint32_t, model->frequencies);
  const int32_t *counts = sampling->counts;
  int32_t *d = work->distances, least = INT32_MAX, frequency = sampling->frequency, presence = sampling->presence;
  uint32_t *f = work->frequencies;
  int count = model->outputs;
  for (int i = 0; i < sampling->biases; i++)
    if (sampling->biased[i] < count) d[sampling->biased[i]] -= (int32_t)rounded(1024 * sampling->bias[i]);
  for (int v = 0; counts && v < count; v++) {
    int32_t n = counts[v] < COUNTED ? counts[v] : COUNTED;
    d[v] += n * frequency + (n ? presence : 0);
  }
  for (int v = 0; v < count; v++)
    if (f[v] && d[v] < least) least = d[v];
  for (int v = 0; v < count; v++) {
    int32_t far = d[v] - least;  // may be negative where f is 0
    d[v] = f[v] && far <= FARTHEST ? far : FARTHEST;
    f[v] = f[v] && far <= FARTHEST ? table[far] : 0;
  }
}

// All bins are zero before `count`, and again after `uncount`: most vocabularies are smaller than the table. Marks are zero
// before `penalise`, and after it.
TARGET static void NAME(clear)(const Model *model, Work *work, const Sampling *sampling, int rows) {
  int bins = 0, marks = 0;
  for (int b = 0; b < rows; b++) {
    bins |= sampling[b].top_k > 0 || sampling[b].top_p < 1 || sampling[b].typical < 1;
    marks |= sampling[b].penalty != 1;
  }
  for (int i = 0; bins && i <= FARTHEST; i++) work->bins[i] = 0;
  if (marks) __builtin_memset(work->marks, 0, model->outputs);
}

// How many symbols there are at each distance: work->bins.
TARGET static void NAME(count)(const Model *model, Work *work) {
  for (int v = 0; v < model->outputs; v++)
    if (work->frequencies[v]) work->bins[work->distances[v]]++;
}

TARGET static void NAME(uncount)(const Model *model, Work *work) {
  for (int v = 0; v < model->outputs; v++) work->bins[work->distances[v]] = 0;
}

// Removes symbols farther than this; of those just so far, all after the first `left`.
TARGET static void NAME(nearest)(const Model *model, Work *work, int32_t distance, uint32_t left) {
  for (int v = 0; v < model->outputs; v++) {
    if (!work->frequencies[v] || work->distances[v] < distance) continue;
    if (work->distances[v] == distance && left) left--;
    else work->frequencies[v] = 0;
  }
}

// How many of so many equal frequencies bring a sum to what is needed.
INLINE uint32_t NAME(enough)(uint64_t sum, uint32_t frequency, uint32_t count, double needed) {
  uint32_t n = 1;
  while (n < count && (double)(sum + (uint64_t)n * frequency) < needed) n++;
  return n;
}

TARGET static void NAME(top_k)(const Model *model, Work *work, uint32_t k) {
  NAME(count)(model, work);
  int32_t d = 0;
  for (; d < FARTHEST && work->bins[d] < k; d++) k -= work->bins[d];
  NAME(uncount)(model, work);
  NAME(nearest)(model, work, d, k);
}

TARGET static void NAME(top_p)(const Model *model, Work *work, double mass) {
  const uint32_t *table = AT(uint32_t, model->frequencies);
  double needed = mass * (double)NAME(total)(work->frequencies, model->outputs);
  NAME(count)(model, work);
  uint64_t sum = 0;
  int32_t d = 0;
  for (; d < FARTHEST; d++) {
    uint64_t more = (uint64_t)work->bins[d] * table[d];
    if (more && (double)(sum + more) >= needed) break;
    sum += more;
  }
  uint32_t left = NAME(enough)(sum, table[d], work->bins[d], needed);
  NAME(uncount)(model, work);
  NAME(nearest)(model, work, d, left);
}

TARGET static void NAME(min_p)(const Model *model, Work *work, double fraction) {
  uint32_t *f = work->frequencies, greatest = 0;
  for (int v = 0; v < model->outputs; v++) greatest = f[v] > greatest ? f[v] : greatest;
  double least = fraction * (double)greatest;
  for (int v = 0; v < model->outputs; v++)
    if ((double)f[v] < least) f[v] = 0;
}

TARGET static void NAME(typical)(const Model *model, Work *work, double mass) {
  const uint32_t *table = AT(uint32_t, model->frequencies);
  uint32_t *f = work->frequencies, *bins = work->bins;
  int64_t all = (int64_t)NAME(total)(f, model->outputs), mean = 0;
  for (int v = 0; v < model->outputs; v++) mean += (int64_t)f[v] * work->distances[v];
#define FAR(d) ((d) * all > mean ? (d) * all - mean : mean - (d) * all)
  double needed = mass * (double)all;
  NAME(count)(model, work);
  // From the mean on, to both sides.
  int64_t low = mean / all, high = low + 1, cut = 0;
  uint64_t sum = 0;
  for (;;) {
    while (low >= 0 && !bins[low]) low--;
    while (high <= FARTHEST && !bins[high]) high++;
    if (low < 0 && high > FARTHEST) {
      NAME(uncount)(model, work);
      return;
    }
    cut = low < 0 ? FAR(high) : high > FARTHEST ? FAR(low) : FAR(low) < FAR(high) ? FAR(low) : FAR(high);
    uint64_t more = 0;
    int lower = low >= 0 && FAR(low) == cut, higher = high <= FARTHEST && FAR(high) == cut;
    if (lower) more += (uint64_t)bins[low] * table[low];
    if (higher) more += (uint64_t)bins[high] * table[high];
    if ((double)(sum + more) >= needed) break;
    sum += more, low -= lower, high += higher;
  }
  NAME(uncount)(model, work);
  for (int v = 0; v < model->outputs; v++) {
    int64_t far = FAR(work->distances[v]);
    if (far < cut) continue;
    if (far > cut || (double)sum >= needed) f[v] = 0;
    else sum += f[v];
  }
#undef FAR
}

// Removes what is not allowed. Whether anything is left.
TARGET static int NAME(mask)(const Model *model, Work *work, const uint8_t *allowed) {
  uint32_t *f = work->frequencies;
  int any = 0;
  for (int v = 0; v < model->outputs; v++) f[v] = allowed[v] ? f[v] : 0;
  for (int v = 0; v < model->outputs; v++) any |= f[v] != 0;
  if (any) NAME(measured)(model, work);
  return any;
}

// Changes the frequencies by the options of sampling. allowed: the mask, or null.
TARGET static void NAME(adjust)(const Model *model, Work *work, const Sampling *sampling, const int32_t *recent,
                                const uint8_t *allowed) {
  uint32_t *f = work->frequencies;
  int count = model->outputs;
  if (allowed) NAME(mask)(model, work, allowed);
  if (sampling->penalty != 1) NAME(penalise)(model, work, sampling->penalty, recent, sampling->window);
  if (sampling->biases || sampling->counts) NAME(add)(model, work, sampling);
  if (sampling->temperature == 0) {
    int best = -1;
    for (int v = 0; v < count; v++)
      if (f[v] && (best < 0 || work->distances[v] < work->distances[best])) best = v;
    for (int v = 0; v < count; v++) f[v] = v == best;
    return;
  }
  if (sampling->temperature != 1) {
    const uint32_t *table = AT(uint32_t, model->frequencies);
    for (int v = 0; v < count; v++)
      if (f[v]) {
        double heated = (double)work->distances[v] / sampling->temperature;
        work->distances[v] = heated < FARTHEST ? (int32_t)rounded(heated) : FARTHEST;
        f[v] = table[work->distances[v]];
      }
  }
  if (sampling->top_k > 0 && sampling->top_k < count) NAME(top_k)(model, work, sampling->top_k);
  if (sampling->top_p < 1) NAME(top_p)(model, work, sampling->top_p);
  if (sampling->min_p > 0) NAME(min_p)(model, work, sampling->min_p);
  if (sampling->typical < 1) NAME(typical)(model, work, sampling->typical);
}

// The first symbol up to which the frequencies have more than `target`; *before: their sum before it.
TARGET INLINE int NAME(at)(const uint32_t *f, int count, uint64_t target, uint64_t *before) {
  uint64_t sum = 0;
  int v = 0;
  for (; v + 1 < count && sum + f[v] <= target; v++) sum += f[v];
  *before = sum;
  return v;
}

// Draws a symbol by a random number. log_mass: log p of all that the mask allows; or null.
TARGET static int NAME(pick)(const Model *model, Work *work, const int32_t *logits, const Sampling *sampling,
                             const int32_t *recent, const uint8_t *allowed, uint64_t word, double *log_prob,
                             double *log_mass) {
  const uint32_t *table = AT(uint32_t, model->frequencies), *f = work->frequencies;
  int plain = sampling->temperature == 1 && sampling->top_k == 0 && sampling->top_p == 1 && sampling->min_p == 0 &&
              sampling->typical == 1 && sampling->penalty == 1 && !sampling->biases && !sampling->counts && !allowed;
  int32_t top = logits[0];
  for (int v = 1; v < model->outputs; v++) top = logits[v] > top ? logits[v] : top;
  uint64_t sum = NAME(frequencies)(model, work, logits), before;
  double whole = real_log((double)sum);
  if (log_mass) {
    uint64_t some = 0;
    for (int v = 0; allowed && v < model->outputs; v++) some += allowed[v] ? f[v] : 0;
    *log_mass = allowed ? real_log((double)some) - whole : 0;
  }
  if (!plain) {
    int late = 0;
    if (allowed && sampling->late) {
      NAME(adjust)(model, work, sampling, recent, 0);
      late = NAME(mask)(model, work, allowed);
      if (!late) NAME(frequencies)(model, work, logits);
    }
    if (!late) NAME(adjust)(model, work, sampling, recent, allowed);
    sum = NAME(total)(f, model->outputs);
  }
  int symbol = NAME(at)(f, model->outputs, high_product(word, sum), &before);
  uint32_t far = (uint32_t)top - (uint32_t)logits[symbol];
  *log_prob = real_log((double)table[far < FARTHEST ? far : FARTHEST]) - whole;
  return symbol;
}

// ---------------- What is asked

TARGET static void NAME(choose)(const Model *model, void *memory, const Choose *asked) {
  Work *work = memory;
  lay_out(model, memory, 1);
  size_t outputs = model->outputs;
  NAME(clear)(model, work, asked->sampling, asked->rows);
  for (int b = 0; b < asked->rows; b++) {
    const Sampling *sampling = asked->sampling + b;
    const uint8_t *allowed = sampling->masked ? asked->allowed + b * outputs : 0;
    asked->symbols[b] = NAME(pick)(model, work, asked->logits + b * outputs, sampling, asked->recent + b * asked->stride,
                                   allowed, asked->words[b], asked->log_probs + b, asked->log_masses + b);
  }
}

TARGET static void NAME(run)(const Model *model, void *memory, const Run *run) {
  Work *work = memory;
  lay_out(model, memory, run->rows);
  const Layer *output = LAYER(model->layers + model->steering);
  size_t sums = (size_t)output->groups * SUMS, outputs = model->outputs;
  NAME(state)(model, work, run->state, 0, run->rows, 0);
  for (int t = 0, most = at_once(model, run->rows), steps; t < run->steps; t += steps) {
    steps = run->steps - t < most ? run->steps - t : most;
    NAME(forward)(model, work, run, t, steps);
    for (size_t b = 0, at = (size_t)t * run->rows; b < (size_t)steps * run->rows; b++, at++) {
      if (run->logits) __builtin_memcpy(run->logits + at * outputs, work->logits + b * sums, outputs * 4);
      if (run->parameters) __builtin_memcpy(run->parameters + at * outputs, work->parameters + b * sums, outputs * 8);
      if (run->next) {
        double all = (double)NAME(frequencies)(model, work, work->logits + b * sums);
        run->nats[at] = real_log(all) - real_log((double)work->frequencies[run->next[at]]);
      }
    }
  }
  NAME(state)(model, work, run->state, 0, run->rows, 1);
}

// What is read after a symbol; *fresh: whether the state is zero before.
INLINE int32_t NAME(after)(const Policy *policy, int row, int32_t symbol, uint8_t *fresh) {
  int32_t *in_unit = policy->in_unit + row, *predicted = policy->predicted + row;
  ++*predicted, ++*in_unit;
  int begins = *in_unit == policy->every || (policy->begins && policy->begins[symbol]);
  if (begins) *in_unit = 0;
  *fresh = begins || (policy->period && *predicted >= policy->period);
  if (*fresh) *predicted = 0;
  return begins ? policy->start : symbol;
}

// Row `from` of the work's state takes the place of row `to`.
TARGET static void NAME(move)(const Model *model, Work *work, int to, int from) {
  for (int k = 0; k < model->layers; k++) {
    size_t row = line_of(model, LAYER(k)->width), units = (size_t)LAYER(k)->groups * UNITS;
    __builtin_memcpy(work->before[k] + to * row, work->before[k] + from * row, row);
    __builtin_memcpy(work->cells[k] + to * units, work->cells[k] + from * units, units * 2);
  }
  size_t sums = (size_t)LAYER(model->layers)->groups * SUMS;
  __builtin_memcpy(work->logits + to * sums, work->logits + from * sums, sums * 4);
  work->map[to] = work->map[from];
}

TARGET static void NAME(generate)(const Model *model, void *memory, const Generate *asked) {
  Work *work = memory;
  lay_out(model, memory, asked->rows);
  size_t sums = (size_t)LAYER(model->layers)->groups * SUMS, outputs = model->outputs, all = asked->rows, parts = 0;
  for (int k = 0; k < model->layers; k++) parts += LAYER(k)->own ? 1 + (LAYER(k)->cell != TANH) : 0;
  for (size_t b = 0; b < all; b++) {
    work->map[b] = (int32_t)b, asked->counts[b] = 0;
    __builtin_memcpy(work->logits + b * sums, asked->logits + b * outputs, outputs * 4);
  }
  NAME(clear)(model, work, asked->sampling, asked->rows);
  NAME(state)(model, work, asked->state, 0, asked->rows, 0);
  Run run = {.steps = 1, .rows = asked->rows, .symbols = work->inputs, .fresh = work->fresh};
  for (int t = 0; t < asked->steps && run.rows; t++) {
    for (int b = 0; b < run.rows; b++) {
      size_t row = work->map[b], at = t * all + row;
      const Sampling *sampling = asked->sampling + row;
      const int32_t *logits = work->logits + b * sums;
      int32_t *recent = asked->recent + row * asked->stride;
      uint64_t word = random_word(asked->keys + 2 * row, asked->drawn[row]++);
      const uint8_t *allowed = sampling->masked ? asked->allowed + row * outputs : 0;
      if (asked->seen) __builtin_memcpy(asked->seen + at * outputs, logits, outputs * 4);
      int32_t symbol = NAME(pick)(model, work, logits, sampling, recent, allowed, word, asked->log_probs + at, 0);
      asked->symbols[at] = symbol;
      asked->counts[row]++;
      if (sampling->counts) sampling->counts[symbol]++;
      if (sampling->penalty != 1) recent[asked->place[row]++ % sampling->window] = symbol;
      if (asked->ends && asked->ends[symbol]) {
        if (b != --run.rows) NAME(move)(model, work, b, run.rows);
        b--;
      } else {
        work->inputs[b] = NAME(after)(&asked->policy, (int)row, symbol, work->fresh + b);
      }
    }
    if (run.rows) NAME(forward)(model, work, &run, 0, 1);
    if (!asked->trail) continue;
    NAME(state)(model, work, asked->trail + t * parts, work->map, run.rows, 1);
    for (int b = 0; b < run.rows; b++)
      __builtin_memcpy(asked->trail_logits + (t * all + work->map[b]) * outputs, work->logits + b * sums, outputs * 4);
  }
  NAME(state)(model, work, asked->state, work->map, run.rows, 1);
  for (int b = 0; b < run.rows; b++)
    __builtin_memcpy(asked->logits + (size_t)work->map[b] * outputs, work->logits + b * sums, outputs * 4);
}

TARGET static void NAME(encode)(const Model *model, void *memory, const Run *run, Coder *coder) {
  Work *work = memory;
  lay_out(model, memory, 1);
  size_t sums = (size_t)LAYER(model->layers)->groups * SUMS;
  NAME(state)(model, work, run->state, 0, 1, 0);
  for (int t = 0, most = at_once(model, 1), steps; t < run->steps; t += steps) {
    steps = run->steps - t < most ? run->steps - t : most;
    NAME(forward)(model, work, run, t, steps);
    for (int b = 0; b < steps; b++) {
      uint64_t sum = NAME(frequencies)(model, work, work->logits + b * sums), low = coder->low;
      int32_t symbol = run->next[t + b];
      uint64_t step = coder->range / sum;
      coder->low += NAME(total)(work->frequencies, symbol) * step;
      coder->range = work->frequencies[symbol] * step;
      if (coder->low < low) {
        uint8_t *byte = coder->code + coder->size;
        while (++*--byte == 0) {}
      }
      for (; coder->range < 1ull << 56; coder->low <<= 8, coder->range <<= 8)
        coder->code[coder->size++] = (uint8_t)(coder->low >> 56);
    }
  }
  NAME(state)(model, work, run->state, 0, 1, 1);
}

TARGET static void NAME(decode)(const Model *model, void *memory, Decode *asked) {
  Work *work = memory;
  lay_out(model, memory, 1);
  size_t outputs = model->outputs;
  Coder *coder = &asked->coder;
  __builtin_memcpy(work->logits, asked->logits, outputs * 4);
  NAME(state)(model, work, asked->state, 0, 1, 0);
  Run run = {.steps = 1, .rows = 1, .symbols = work->inputs, .fresh = work->fresh};
  for (int t = 0; t < asked->steps; t++) {
    uint64_t sum = NAME(frequencies)(model, work, work->logits), step = coder->range / sum, before;
    uint64_t target = coder->low / step;
    int32_t symbol = NAME(at)(work->frequencies, outputs, target < sum ? target : sum - 1, &before);
    coder->low -= before * step;
    coder->range = work->frequencies[symbol] * step;
    for (; coder->range < 1ull << 56; coder->size++, coder->range <<= 8)
      coder->low = coder->low << 8 | (coder->size < coder->length ? coder->code[coder->size] : 0);
    asked->symbols[t] = symbol;
    work->inputs[0] = NAME(after)(&asked->policy, 0, symbol, work->fresh);
    NAME(forward)(model, work, &run, 0, 1);
  }
  NAME(state)(model, work, asked->state, 0, 1, 1);
  __builtin_memcpy(asked->logits, work->logits, outputs * 4);
}

#ifdef WITH_REALS
#undef WITH_REALS
// Always so many at once: code for fewer of them would make the library twice as large.
#define AT_ONCE 32
#define REAL_CASE(name) \
  case REAL_##name: \
    for (int i = 0; i < AT_ONCE; i++) out[i] = real_##name(in[i]); \
    break;
TARGET static void NAME(real)(int function, size_t n, const double *x, double *y) {
  double in[AT_ONCE], out[AT_ONCE];
  for (size_t done = 0; done < n; done += AT_ONCE) {
    size_t some = n - done < AT_ONCE ? n - done : AT_ONCE;
    if (some < AT_ONCE)
      for (int i = 0; i < AT_ONCE; i++) in[i] = 1;
    __builtin_memcpy(in, x + done, some == AT_ONCE ? sizeof in : some * sizeof *in);
    switch (function) { REALS(REAL_CASE) }
    __builtin_memcpy(y + done, out, some == AT_ONCE ? sizeof out : some * sizeof *out);
  }
}
#undef REAL_CASE
#undef AT_ONCE
#endif

#undef VARIANT
#undef TARGET
#undef VEC
#undef LANES
#undef VECS
#undef TILE
#undef SUB
#undef ZERO
#undef LOAD
#undef STORE
#undef ADD
#undef QUAD
#undef DOT
#undef DOT_AT
#undef EVEN
#undef ODD
#undef END
#undef PRODUCT_ARGUMENTS
#undef WITH_X86
#undef V
#undef ALL
#undef GET
#undef SET
#endif
