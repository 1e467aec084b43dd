/* Reads a media message of Twilio in one pass over its text: which track, at what time, and the mu-law.
 *
 * It takes what is written plainly: one object of strings, with one object of strings in it, in printable ASCII
 * without escapes, with nothing said twice. For everything else it answers None, and `frames.read_any_frame` decides;
 * where both answer they answer the same. The text is read between its first and its last byte and nowhere else:
 * nothing here trusts that it ends in zero. No state is kept.
 *
 * Only the stable part of Python's interface is used, so one build serves CPython 3.11 and every later one.
 */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    const uint8_t *start;
    size_t size;
} Text;

typedef struct {
    const uint8_t *at, *end;
} Cursor;

typedef struct {
    Text track, timestamp, payload; /* start is NULL until it was seen */
    bool is_media;
} Message;

#define IS(text, word) ((text).size == sizeof(word) - 1 && memcmp((text).start, word, sizeof(word) - 1) == 0)

/* Whether every byte is printable ASCII and none is a backslash. */
static bool is_plain(Text text)
{
    uint8_t strange = 0;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.start[i];
        strange |= (uint8_t)((byte < 0x20) | (byte > 0x7e) | (byte == '\\'));
    }
    return !strange;
}

/* Steps over this byte, and over spaces before it. */
static bool take(Cursor *cursor, uint8_t byte)
{
    while (cursor->at < cursor->end && *cursor->at == ' ')
        cursor->at++;
    if (cursor->at == cursor->end || *cursor->at != byte)
        return false;
    cursor->at++;
    return true;
}

static bool take_string(Cursor *cursor, Text *string)
{
    if (!take(cursor, '"'))
        return false;
    const uint8_t *quote = memchr(cursor->at, '"', (size_t)(cursor->end - cursor->at));
    if (quote == NULL)
        return false;
    *string = (Text){cursor->at, (size_t)(quote - cursor->at)};
    cursor->at = quote + 1;
    return true;
}

static bool keep(Text *place, Text value)
{
    if (place->start != NULL)
        return false;
    *place = value;
    return true;
}

static bool take_media(Cursor *cursor, Message *message)
{
    Text key, value;
    if (!take(cursor, '{'))
        return false;
    do {
        if (!take_string(cursor, &key) || !take(cursor, ':') || !take_string(cursor, &value))
            return false;
        if (IS(key, "payload") && !keep(&message->payload, value))
            return false;
        if (IS(key, "track") && !keep(&message->track, value))
            return false;
        if (IS(key, "timestamp") && !keep(&message->timestamp, value))
            return false;
    } while (take(cursor, ','));
    return take(cursor, '}');
}

static bool take_message(Cursor *cursor, Message *message)
{
    Text key, value;
    bool has_media = false;
    if (!take(cursor, '{'))
        return false;
    do {
        if (!take_string(cursor, &key) || !take(cursor, ':'))
            return false;
        if (IS(key, "media")) {
            if (has_media || !take_media(cursor, message))
                return false;
            has_media = true;
            continue;
        }
        if (!take_string(cursor, &value))
            return false;
        if (IS(key, "event")) {
            if (message->is_media || !IS(value, "media"))
                return false;
            message->is_media = true;
        }
    } while (take(cursor, ','));
    return take(cursor, '}') && cursor->at == cursor->end;
}

/* A whole number of at most nine digits, as JSON writes it; -1 for anything else. */
static long number(Text text)
{
    long value = 0;
    if (text.size < 1 || text.size > 9 || (text.start[0] == '0' && text.size > 1))
        return -1;
    for (size_t i = 0; i < text.size; i++) {
        if (text.start[i] < '0' || text.start[i] > '9')
            return -1;
        value = 10 * value + (text.start[i] - '0');
    }
    return value;
}

#define XX 0xff
#define X16 XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX
static const uint8_t SIX_BITS[256] = { /* RFC 4648, table 1 */
    X16, X16,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, 62, XX, XX, XX, 63,
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, XX, XX, XX, XX, XX, XX,
    XX, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
    15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, XX, XX, XX, XX, XX,
    XX, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
    41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, XX, XX, XX, XX, XX,
    X16, X16, X16, X16, X16, X16, X16, X16,
};

/* Decodes the text of whole groups of four without padding; whether all of it was base64. */
static bool decode_groups(const uint8_t *text, size_t groups, uint8_t *bytes)
{
    uint8_t seen = 0;
    for (size_t i = 0; i < groups; i++, text += 4, bytes += 3) {
        uint8_t a = SIX_BITS[text[0]], b = SIX_BITS[text[1]], c = SIX_BITS[text[2]], d = SIX_BITS[text[3]];
        seen |= a | b | c | d;
        bytes[0] = (uint8_t)(a << 2 | b >> 4);
        bytes[1] = (uint8_t)(b << 4 | c >> 2);
        bytes[2] = (uint8_t)(c << 6 | d);
    }
    return seen < 64;
}

/* New bytes; NULL without an exception where it is no base64, or empty. */
static PyObject *decode_base64(Text text)
{
    if (text.size == 0 || text.size % 4 != 0)
        return NULL;
    size_t padding = 0;
    while (padding < 2 && text.start[text.size - 1 - padding] == '=')
        padding++;
    size_t groups = text.size / 4 - (padding > 0);
    PyObject *made = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(text.size / 4 * 3 - padding));
    if (made == NULL)
        return NULL;
    uint8_t *bytes = (uint8_t *)PyBytes_AsString(made);
    bool is_base64 = decode_groups(text.start, groups, bytes);
    if (padding > 0) {
        uint8_t last[4] = {'A', 'A', 'A', 'A'}, decoded[3];
        memcpy(last, text.start + 4 * groups, 4 - padding);
        is_base64 &= decode_groups(last, 1, decoded);
        memcpy(bytes + 3 * groups, decoded, 3 - padding);
    }
    if (!is_base64) {
        Py_DECREF(made);
        return NULL;
    }
    return made;
}

static PyObject *read_message(PyObject *Py_UNUSED(module), PyObject *given)
{
    const char *start;
    Py_ssize_t size;
    if (PyBytes_Check(given)) {
        if (PyBytes_AsStringAndSize(given, (char **)&start, &size) < 0)
            return NULL;
    } else if (PyUnicode_Check(given)) {
        start = PyUnicode_AsUTF8AndSize(given, &size);
        if (start == NULL) { /* half a surrogate pair */
            PyErr_Clear();
            Py_RETURN_NONE;
        }
    } else {
        Py_RETURN_NONE;
    }

    Text text = {(const uint8_t *)start, (size_t)size};
    Cursor cursor = {text.start, text.start + text.size};
    Message message = {0};
    if (!is_plain(text) || !take_message(&cursor, &message) || !message.is_media)
        Py_RETURN_NONE;
    bool is_outbound = IS(message.track, "outbound");
    long timestamp_ms = number(message.timestamp);
    if (timestamp_ms < 0 || (!is_outbound && !IS(message.track, "inbound")))
        Py_RETURN_NONE;
    PyObject *mulaw = decode_base64(message.payload);
    if (mulaw == NULL) {
        if (PyErr_Occurred())
            return NULL;
        Py_RETURN_NONE;
    }

    PyObject *place = PyLong_FromLong(is_outbound), *at = PyLong_FromLong(timestamp_ms);
    PyObject *frame = PyTuple_New(3);
    if (place == NULL || at == NULL || frame == NULL) {
        Py_XDECREF(place);
        Py_XDECREF(at);
        Py_XDECREF(frame);
        Py_DECREF(mulaw);
        return NULL;
    }
    PyTuple_SetItem(frame, 0, place); /* takes over the reference */
    PyTuple_SetItem(frame, 1, at);
    PyTuple_SetItem(frame, 2, mulaw);
    return frame;
}

static PyMethodDef FUNCTIONS[] = {
    {"read", read_message, METH_O, "A media message that is written plainly; None for anything else."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot SLOTS[] = {{0, NULL}};

static struct PyModuleDef MODULE = {
    PyModuleDef_HEAD_INIT, .m_name = "_frames", .m_methods = FUNCTIONS, .m_slots = SLOTS,
};

PyMODINIT_FUNC PyInit__frames(void)
{
    return PyModuleDef_Init(&MODULE);
}
