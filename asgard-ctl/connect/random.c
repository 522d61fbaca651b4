/*
 * Random secrets.
 *
 * There is no world outside that has to hear of a value: it is stored in the
 * commit that ends the job, so that of a step that runs twice one value stays.
 */
#include "connect/random.h"

#include <string.h>
#include <sys/random.h>

#include <openssl/crypto.h>

#include "core/view.h"

#define LENGTH     32
#define ALPHABET   "alphanumeric"
#define BATCH      256                  /* bytes of the kernel's at a time */

#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define UPPER  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static const struct {
    const char *name, *characters;
} alphabets[] = {
    {"alphanumeric", LOWER UPPER DIGITS}, {"letters", LOWER UPPER},
    {"digits", DIGITS}, {"hex", DIGITS "abcdef"},
    {"base64url", LOWER UPPER DIGITS "-_"},
    {"printable", LOWER UPPER DIGITS "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"}
};

struct recipe {
    uint64_t length;
    unsigned alphabet;                  /* index of the table */
};


/* --- what is wanted --- */

static bool
alphabet_find(asg_str_t name, unsigned *at)
{
    for (*at = 0; *at < sizeof(alphabets) / sizeof(alphabets[0]); (*at)++) {
        if (asg_str_eq_z(name, alphabets[*at].name)) {
            return true;
        }
    }

    return false;
}


static bool
length_take(asg_str_t number, uint64_t *length)
{
    return asg_str_u64(number, length) && *length >= CTL_RANDOM_LENGTH_LEAST
           && *length <= CTL_RANDOM_LENGTH_MAX;
}


/* What is said goes before what was; NULL, or the member that is none. */
static const char *
recipe_take(const char *json, struct recipe *r)
{
    asg_str_t length = asg_view_find(asg_str_z(json), "length");
    asg_str_t alphabet = asg_view_find(asg_str_z(json), "alphabet");

    if (length.data != NULL && !length_take(length, &r->length)) {
        return "length";
    }

    return alphabet.data != NULL
           && !alphabet_find(asg_view_text(alphabet), &r->alphabet)
           ? "alphabet" : NULL;
}


const char *
ctl_random_wrong(const char *json)
{
    struct recipe r;

    return recipe_take(json, &r);
}


static const char *
recipe_read(const char *config, const char *spec, struct recipe *r)
{
    const char *wrong;

    r->length = LENGTH;
    (void) alphabet_find(ASG_STR(ALPHABET), &r->alphabet);
    wrong = recipe_take(config, r);

    return wrong != NULL || spec == NULL ? wrong : recipe_take(spec, r);
}


const char *
ctl_random_unarmed(const struct ctl_connect *with, const char *config,
    struct ctl_arena *arena)
{
    struct recipe r;
    const char *wrong = recipe_read(config, NULL, &r);

    if (with->config->kek_file == NULL) {
        return "kek_file is not set: there is no key for secrets";
    }

    return wrong == NULL ? NULL
           : ctl_arena_printf(arena, "config.%s is not as it must be", wrong);
}


/* --- a value --- */

static bool
bytes_take(uint8_t *to, size_t n)
{
    size_t have = 0;
    ssize_t got;

    while (have < n) {
        got = getrandom(to + have, n - have, 0);
        if (got <= 0) {
            return false;               /* no signal comes here */
        }
        have += (size_t) got;
    }

    return true;
}


/* A byte above the last whole multiple would make the first characters more
 * likely: it is thrown away. */
static bool
text_fill(char *text, size_t len, const char *characters)
{
    size_t n = strlen(characters), whole = 256 / n * n, at = 0, i;
    uint8_t bytes[BATCH];
    bool ok = true;

    while (ok && at < len) {
        ok = bytes_take(bytes, sizeof(bytes));
        for (i = 0; ok && i < sizeof(bytes) && at < len; i++) {
            if (bytes[i] < whole) {
                text[at++] = characters[bytes[i] % n];
            }
        }
    }
    OPENSSL_cleanse(bytes, sizeof(bytes));

    return ok;
}


static bool
value_add(struct ctl_step_out *out, const char *output,
    const struct recipe *r)
{
    struct ctl_secret value = {.bytes = NULL};
    char text[CTL_RANDOM_LENGTH_MAX];
    bool ok = text_fill(text, r->length, alphabets[r->alphabet].characters)
              && ctl_secret_set(&value, (asg_str_t) {text, r->length})
              && ctl_step_secret_add(out, output, &value, false);

    OPENSSL_cleanse(text, sizeof(text));

    return ok;
}


/* --- the step --- */

/* What the last value was made by; the references are put beside it. */
static const char *
outputs_write(const struct ctl_step_in *in, const struct recipe *r)
{
    return ctl_arena_printf(in->arena, "{\"length\": %u, \"alphabet\": \"%s\"}",
                            (unsigned) r->length, alphabets[r->alphabet].name);
}


/* Made again as it is, a resource keeps its value: somebody may use it. */
static bool
is_made(const struct ctl_step_in *in, const struct recipe *r,
    const char *output)
{
    asg_str_t was = asg_str_z(in->outputs);
    struct recipe made;

    return in->action == CTL_ACT_MAKE
           && asg_view_find(was, output).data != NULL
           && asg_view_find(was, "length").data != NULL
           && recipe_take(in->outputs, &made) == NULL
           && made.length == r->length && made.alphabet == r->alphabet;
}


void
ctl_random_step(const struct ctl_connect *with, const struct ctl_step_in *in,
    struct ctl_step_out *out)
{
    asg_view_t names = asg_view_open(asg_str_z(in->secret_outputs));
    struct recipe r;
    const char *wrong = recipe_read(in->config, in->spec, &r), *output;
    asg_str_t name;

    (void) with;
    if (wrong != NULL) {
        ctl_step_failed(out, false, "invalid_value",
                        "%s is not as it must be.", wrong);
        return;
    }
    while (asg_view_item(&names, &name)) {
        name = asg_view_text(name);
        output = ctl_arena_text(in->arena, name.data, name.len);
        if (output == NULL
            || (!is_made(in, &r, output) && !value_add(out, output, &r)))
        {
            ctl_step_failed(out, true, "internal_error",
                            "no memory, or no randomness, for a secret.");
            return;
        }
    }
    ctl_step_done(out, outputs_write(in, &r));
}
