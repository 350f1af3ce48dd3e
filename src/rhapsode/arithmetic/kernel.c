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
  for (size_t i = 0; i < n; i++) {
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

// ---------------------------------------------------------------- The variants, best last

typedef struct {
  const char *name;
  int needs;
  void (*matvec)(const int8_t *, int, int, const int8_t *, int32_t *);
  void (*real)(int, size_t, const double *, double *);
} Variant;

#define VARIANT plain
#define WITH_REALS
#define TARGET
#include "kernel.c"

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
#define TARGET
#define WITH_SIMD128
#include "kernel.c"
#undef WITH_SIMD128
#endif

#define ROW(variant, needs, reals) {#variant, needs, matvec_##variant, real_##reals}
static const Variant variants[] = {
    ROW(plain, ALWAYS, plain),
#ifdef __x86_64__
    ROW(sse4, SSE4, plain),
    ROW(avx2, AVX2, avx2),
    ROW(avxvnni, AVXVNNI, avx2),
    ROW(avx512vnni, AVX512VNNI, avx512vnni),
#elif defined(__aarch64__)
    ROW(neon, ALWAYS, plain),
    ROW(dotprod, DOTPROD, plain),
#elif defined(__wasm_simd128__)
    ROW(simd128, ALWAYS, plain),
#endif
};

EXPORT const char *rk_source_digest(void) { return TEXT(RK_SOURCE); }
EXPORT int rk_variants(void) { return sizeof variants / sizeof *variants; }
EXPORT const char *rk_variant_name(int i) { return variants[i].name; }
EXPORT int rk_supported(int i) { return variants[i].needs == ALWAYS || has(variants[i].needs); }

// y[r] = sum over k of w[r][k] x[k]. w: [rows][columns].
EXPORT void rk_matvec(int variant, const int8_t *w, int rows, int columns, const int8_t *x, int32_t *y) {
  variants[variant].matvec(w, rows, columns, x, y);
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

TARGET INLINE int32_t NAME(dot)(const int8_t *w, const int8_t *x, int n) {
  int32_t sum = 0;
  int k = 0;
#if defined(WITH_AVX512VNNI) || defined(WITH_AVXVNNI)
  // Products of unsigned and signed bytes: x + 128 is unsigned, and 128 w is taken off again.
#ifdef WITH_AVX512VNNI
#define VECTOR __m512i
#define LOAD(p) _mm512_loadu_si512(p)
#define FLIPPED(v) _mm512_xor_si512(v, _mm512_set1_epi8(-128))
#define ONES _mm512_set1_epi8(1)
#define DOT(s, u, v) _mm512_dpbusd_epi32(s, u, v)
  VECTOR s = _mm512_setzero_si512(), t = s;
#else
#define VECTOR __m256i
#define LOAD(p) _mm256_loadu_si256((const __m256i *)(p))
#define FLIPPED(v) _mm256_xor_si256(v, _mm256_set1_epi8(-128))
#define ONES _mm256_set1_epi8(1)
#define DOT(s, u, v) _mm256_dpbusd_avx_epi32(s, u, v)
  VECTOR s = _mm256_setzero_si256(), t = s;
#endif
  for (; k + (int)sizeof s <= n; k += sizeof s) {
    VECTOR a = LOAD(w + k), b = FLIPPED(LOAD(x + k));
    s = DOT(s, b, a), t = DOT(t, ONES, a);
  }
  int32_t lanes[2][sizeof s / 4];
  __builtin_memcpy(lanes[0], &s, sizeof s), __builtin_memcpy(lanes[1], &t, sizeof t);
  for (size_t i = 0; i < sizeof s / 4; i++) sum += lanes[0][i] - 128 * lanes[1][i];
#undef VECTOR
#undef LOAD
#undef FLIPPED
#undef ONES
#undef DOT
#elif defined(WITH_AVX2)
  __m256i s = _mm256_setzero_si256();
  for (; k + 16 <= n; k += 16) {
    __m256i a = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(w + k)));
    __m256i b = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(x + k)));
    s = _mm256_add_epi32(s, _mm256_madd_epi16(a, b));
  }
  int32_t lanes[8];
  _mm256_storeu_si256((__m256i *)lanes, s);
  for (int i = 0; i < 8; i++) sum += lanes[i];
#elif defined(WITH_SSE4)
  __m128i s = _mm_setzero_si128();
  for (; k + 8 <= n; k += 8) {
    __m128i a = _mm_cvtepi8_epi16(_mm_loadl_epi64((const __m128i *)(w + k)));
    __m128i b = _mm_cvtepi8_epi16(_mm_loadl_epi64((const __m128i *)(x + k)));
    s = _mm_add_epi32(s, _mm_madd_epi16(a, b));
  }
  int32_t lanes[4];
  _mm_storeu_si128((__m128i *)lanes, s);
  for (int i = 0; i < 4; i++) sum += lanes[i];
#elif defined(WITH_NEON)
  int32x4_t s = vdupq_n_s32(0);
  for (; k + 16 <= n; k += 16) {
    int8x16_t a = vld1q_s8(w + k), b = vld1q_s8(x + k);
#ifdef WITH_DOTPROD
    s = vdotq_s32(s, a, b);
#else
    s = vpadalq_s16(s, vmull_s8(vget_low_s8(a), vget_low_s8(b)));
    s = vpadalq_s16(s, vmull_s8(vget_high_s8(a), vget_high_s8(b)));
#endif
  }
  sum += vaddvq_s32(s);
#elif defined(WITH_SIMD128)
  v128_t s = wasm_i32x4_const(0, 0, 0, 0);
  for (; k + 8 <= n; k += 8)
    s = wasm_i32x4_add(s, wasm_i32x4_dot_i16x8(wasm_i16x8_load8x8(w + k), wasm_i16x8_load8x8(x + k)));
  for (int i = 0; i < 4; i++) sum += ((int32_t *)&s)[i];
#endif
  for (; k < n; k++) sum += w[k] * x[k];
  return sum;
}

TARGET static void NAME(matvec)(const int8_t *w, int rows, int columns, const int8_t *x, int32_t *y) {
  for (int r = 0; r < rows; r++) y[r] = NAME(dot)(w + (size_t)r * columns, x, columns);
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
#endif
