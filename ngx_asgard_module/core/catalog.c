/*
 * The snapshot's head and MAC, and looking a name up.
 */
#include "core/catalog.h"

#include <string.h>


#include "core/catalog_outline.h"
#include "core/seal.h"

#define MAGIC          "ASGC1"
#define MAC_HEX        (2 * ASG_SEAL_MAC_BYTES)
#define HEAD_MAX       160      /* magic, seal id, two numbers, MAC, newline */

typedef struct {
    asg_str_t seal;
    uint64_t version;
    uint64_t created;
    asg_str_t mac_hex;
    asg_str_t signed_part;      /* up to the space before the MAC */
    asg_str_t body;
} head_t;

/* The word before the next `end`; `rest` begins after it. */
static bool take_word(asg_str_t *rest, char end, asg_str_t *word)
{
    size_t most = rest->len < HEAD_MAX ? rest->len : HEAD_MAX;
    const char *stop = most > 0 ? memchr(rest->data, end, most) : NULL;

    if (stop == NULL) {
        return false;
    }
    *word = (asg_str_t) {rest->data, (size_t) (stop - rest->data)};
    rest->data = stop + 1;
    rest->len -= word->len + 1;
    return true;
}

static bool read_head(asg_str_t text, head_t *out)
{
    asg_str_t rest = text;
    asg_str_t magic, version, created;

    if (!take_word(&rest, ' ', &magic) || !asg_str_eq_z(magic, MAGIC)
        || !take_word(&rest, ' ', &out->seal)
        || !take_word(&rest, ' ', &version)
        || !take_word(&rest, ' ', &created)
        || !asg_str_u64(version, &out->version)
        || !asg_str_u64(created, &out->created))
    {
        return false;
    }
    out->signed_part = (asg_str_t) {
        text.data, (size_t) (rest.data - text.data) - 1
    };
    if (!take_word(&rest, '\n', &out->mac_hex)
        || out->signed_part.len >= HEAD_MAX)
    {
        return false;
    }
    out->body = rest;
    return out->version <= INT64_MAX && out->created <= INT64_MAX;
}

static bool mac_is_right(const asg_named_key_t *seal, const head_t *head,
    const uint8_t mac[ASG_SEAL_MAC_BYTES])
{
    char line[HEAD_MAX];
    uint8_t expected[ASG_SEAL_MAC_BYTES];
    asg_buf_t b;

    asg_buf_init(&b, line, sizeof(line));
    asg_buf_str(&b, head->signed_part);
    asg_buf_z(&b, "\n");
    asg_seal_mac(seal, asg_buf_view(&b), head->body, expected);
    return asg_buf_ok(&b)
        && asg_str_eq_secret((asg_str_t) {(const char *) mac,
                                          ASG_SEAL_MAC_BYTES},
                             (asg_str_t) {(const char *) expected,
                                          ASG_SEAL_MAC_BYTES});
}

asg_err_t asg_catalog_verify(const asg_keyfile_t *keys, asg_str_t text,
    uint64_t *version, int64_t *created, asg_str_t *body)
{
    const asg_named_key_t *seal;
    uint8_t mac[ASG_SEAL_MAC_BYTES];
    head_t head;

    if (text.len > ASG_CATALOG_BYTES_MAX) {
        return ASG_ERR_LIMIT;
    }
    if (!read_head(text, &head) || head.mac_hex.len != MAC_HEX
        || !asg_hex_decode(head.mac_hex, mac, sizeof(mac)))
    {
        return ASG_ERR_SYNTAX;
    }
    seal = asg_keyfile_seal(keys, head.seal);
    if (seal == NULL) {
        return ASG_ERR_MISSING;
    }
    if (!mac_is_right(seal, &head, mac)) {
        return ASG_ERR_AUTH;
    }
    *version = head.version;
    *created = (int64_t) head.created;
    *body = head.body;
    return ASG_OK;
}

static int order(asg_str_t a, asg_str_t b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int first = common > 0 ? memcmp(a.data, b.data, common) : 0;

    return first != 0 ? first : (a.len > b.len) - (a.len < b.len);
}

/* Lets names[root] sink to its place among the first n. */
static void sift(asg_public_name_t *names, unsigned root, unsigned n)
{
    unsigned child;

    while ((child = 2 * root + 1) < n) {
        asg_public_name_t moved;

        if (child + 1 < n
            && order(names[child].name, names[child + 1].name) < 0)
        {
            child++;
        }
        if (order(names[root].name, names[child].name) >= 0) {
            return;
        }
        moved = names[root];
        names[root] = names[child];
        names[child] = moved;
        root = child;
    }
}

/* A heap sort: qsort() may allocate. */
static void sort_names(asg_public_name_t *names, unsigned n)
{
    for (unsigned i = n / 2; i > 0; i--) {
        sift(names, i - 1, n);
    }
    while (n > 1) {
        asg_public_name_t last = names[--n];

        names[n] = names[0];
        names[0] = last;
        sift(names, 0, n);
    }
}

bool asg_catalog_sort(asg_public_name_t *names, unsigned n)
{
    sort_names(names, n);
    for (unsigned i = 1; i < n; i++) {
        if (asg_str_eq(names[i - 1].name, names[i].name)) {
            return false;
        }
    }
    return true;
}

const asg_public_name_t *asg_catalog_find(const asg_catalog_t *c,
    asg_str_t name)
{
    size_t low = 0;
    size_t high = c->nnames;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int side = order(name, c->names[middle].name);

        if (side == 0) {
            return &c->names[middle];
        }
        if (side < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

/* `word=…`: what follows the colon of a ref or of a tag has no such start. */
static bool is_option(asg_str_t text)
{
    size_t n = 0;

    while (n < text.len
           && ((text.data[n] >= 'a' && text.data[n] <= 'z')
               || text.data[n] == '_'))
    {
        n++;
    }
    return n > 0 && n < text.len && text.data[n] == '=';
}

asg_str_t asg_catalog_base_name(asg_str_t name)
{
    size_t base = name.len;

    while (base > 0 && name.data[base - 1] != ':') {
        base--;
    }
    if (base > 0
        && is_option((asg_str_t) {name.data + base, name.len - base}))
    {
        name.len = base - 1;
    }
    return name;
}

void asg_catalog_key_aad(asg_buf_t *out, const char *scheme, asg_str_t host,
    uint16_t port, uint64_t version)
{
    asg_buf_z(out, "asgard key 1|");
    asg_buf_z(out, scheme);
    asg_buf_z(out, "|");
    asg_buf_str(out, host);
    asg_buf_z(out, "|");
    asg_buf_u64(out, port);
    asg_buf_z(out, "|");
    asg_buf_u64(out, version);
}
