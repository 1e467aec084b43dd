/* The filters of `resample` on 16-bit samples: what `by_matrix` does there, to the last bit.
 *
 * Coefficients are multiples of 1/1024 and come in as whole numbers, so that every sum is exact; it is rounded to
 * the nearest sample, halves to the even one, and cut to 16 bits. No state is kept.
 *
 * Only the stable part of Python's interface is used, so one build serves CPython 3.11 and every later one.
 */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "samples come little-endian"
#endif

enum { TAPS = 24, CENTRE = 11, UNIT_BITS = 10, BELOW_HALF = 511, LARGEST_FACTOR = 3 };

/* Whether the sizes of a phase's coefficients add up to so little that no sum of products can overflow. */
static bool is_tame(const int16_t *taps)
{
    int32_t sum = 0;
    for (int k = 0; k < TAPS; k++)
        sum += abs((int32_t)taps[k]);
    return sum < 1 << 15;
}

static int16_t filtered(const int16_t *samples, const int16_t *taps)
{
    int32_t sum = 0;
    for (int k = 0; k < TAPS; k++)
        sum += (int32_t)samples[k] * taps[k];
    int32_t is_odd = (sum >> UNIT_BITS) & 1;
    int32_t sample = (sum + BELOW_HALF + is_odd) >> UNIT_BITS;
    return sample > INT16_MAX ? INT16_MAX : sample < INT16_MIN ? INT16_MIN : (int16_t)sample;
}

/* The same for four samples in a row, each of which reaches TAPS samples further. */
#ifdef __SSE2__
static __m128i partial_sums(const int16_t *samples, const int16_t *taps)
{
    __m128i sums = _mm_setzero_si128();
    for (int k = 0; k < TAPS; k += 8) {
        __m128i eight = _mm_loadu_si128((const __m128i *)(samples + k));
        sums = _mm_add_epi32(sums, _mm_madd_epi16(eight, _mm_loadu_si128((const __m128i *)(taps + k))));
    }
    return sums;
}

static void filter_four(const int16_t *samples, const int16_t *taps, int16_t made[4])
{
    __m128i a = partial_sums(samples, taps), b = partial_sums(samples + 1, taps);
    __m128i c = partial_sums(samples + 2, taps), d = partial_sums(samples + 3, taps);
    __m128i ab = _mm_add_epi32(_mm_unpacklo_epi32(a, b), _mm_unpackhi_epi32(a, b));
    __m128i cd = _mm_add_epi32(_mm_unpacklo_epi32(c, d), _mm_unpackhi_epi32(c, d));
    __m128i sums = _mm_add_epi32(_mm_unpacklo_epi64(ab, cd), _mm_unpackhi_epi64(ab, cd));
    __m128i are_odd = _mm_and_si128(_mm_srai_epi32(sums, UNIT_BITS), _mm_set1_epi32(1));
    __m128i raised = _mm_add_epi32(_mm_add_epi32(sums, _mm_set1_epi32(BELOW_HALF)), are_odd);
    __m128i whole = _mm_srai_epi32(raised, UNIT_BITS);
    _mm_storel_epi64((__m128i *)made, _mm_packs_epi32(whole, whole)); /* cuts to 16 bits */
}
#else
static void filter_four(const int16_t *samples, const int16_t *taps, int16_t made[4])
{
    for (int i = 0; i < 4; i++)
        made[i] = filtered(samples + i, taps);
}
#endif

/* `count` samples of the line, each followed by those that the phases put behind it. */
static void fill(int16_t *next, const int16_t *samples, Py_ssize_t count, const int16_t *taps, Py_ssize_t phases)
{
    int16_t made[LARGEST_FACTOR - 1][4];
    Py_ssize_t done = 0;
    for (; done + 4 <= count; done += 4, samples += 4) {
        for (Py_ssize_t phase = 0; phase < phases; phase++)
            filter_four(samples, taps + TAPS * phase, made[phase]);
        for (int i = 0; i < 4; i++) {
            *next++ = samples[CENTRE + i];
            for (Py_ssize_t phase = 0; phase < phases; phase++)
                *next++ = made[phase][i];
        }
    }
    for (; done < count; done++, samples++) {
        *next++ = samples[CENTRE];
        for (Py_ssize_t phase = 0; phase < phases; phase++)
            *next++ = filtered(samples, taps + TAPS * phase);
    }
}

static PyObject *interpolate(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    PyObject *coefficients, *pcm;
    if (!PyArg_ParseTuple(arguments, "SS", &coefficients, &pcm))
        return NULL;
    const int16_t *samples = (const int16_t *)PyBytes_AsString(pcm);
    const int16_t *taps = (const int16_t *)PyBytes_AsString(coefficients);
    const Py_ssize_t width = sizeof(int16_t), phases = PyBytes_Size(coefficients) / (TAPS * width);
    const Py_ssize_t count = PyBytes_Size(pcm) / width - (TAPS - 1);

    bool is_usable = phases >= 1 && phases < LARGEST_FACTOR && PyBytes_Size(coefficients) == phases * TAPS * width;
    for (Py_ssize_t phase = 0; is_usable && phase < phases; phase++)
        is_usable = is_tame(taps + TAPS * phase);
    if (!is_usable) {
        PyErr_SetString(PyExc_ValueError, "there are 24 small coefficients for each new sample");
        return NULL;
    }
    if (PyBytes_Size(pcm) % width != 0 || count < 0) {
        PyErr_SetString(PyExc_ValueError, "there are whole samples, and 23 that came before");
        return NULL;
    }
    if (count > PY_SSIZE_T_MAX / (LARGEST_FACTOR * width))
        return PyErr_NoMemory();
    PyObject *made = PyBytes_FromStringAndSize(NULL, count * (phases + 1) * width);
    if (made == NULL)
        return NULL;
    fill((int16_t *)PyBytes_AsString(made), samples, count, taps, phases);
    return made;
}

static PyMethodDef FUNCTIONS[] = {
    {"interpolate", interpolate, METH_VARARGS, "PCM with new samples between those that are there."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot SLOTS[] = {{0, NULL}};

static struct PyModuleDef MODULE = {
    PyModuleDef_HEAD_INIT, .m_name = "_filters", .m_methods = FUNCTIONS, .m_slots = SLOTS,
};

PyMODINIT_FUNC PyInit__filters(void)
{
    return PyModuleDef_Init(&MODULE);
}
