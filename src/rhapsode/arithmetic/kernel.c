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

// ---------------------------------------------------------------- The variants, best last

typedef struct {
  const char *name;
  int needs;
  void (*matvec)(const int8_t *, int, int, const int8_t *, int32_t *);
} Variant;

#define VARIANT plain
#define TARGET
#include "kernel.c"

#ifdef __x86_64__
#define VARIANT sse4
#define TARGET __attribute__((target("sse4.1")))
#define WITH_SSE4
#include "kernel.c"
#undef WITH_SSE4

#define VARIANT avx2
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

#define ROW(variant, needs) {#variant, needs, matvec_##variant}
static const Variant variants[] = {
    ROW(plain, ALWAYS),
#ifdef __x86_64__
    ROW(sse4, SSE4),
    ROW(avx2, AVX2),
    ROW(avxvnni, AVXVNNI),
    ROW(avx512vnni, AVX512VNNI),
#elif defined(__aarch64__)
    ROW(neon, ALWAYS),
    ROW(dotprod, DOTPROD),
#elif defined(__wasm_simd128__)
    ROW(simd128, ALWAYS),
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

#undef VARIANT
#undef TARGET
#endif
