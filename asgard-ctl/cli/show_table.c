/*
 * An answer as a table: rows of a list, or the names and values of one object.
 */
#include <stdlib.h>

#include "cli/flat.h"
#include "cli/show.h"

#define COLUMNS_MAX 16
#define CELL_BYTES  120                 /* longer ones are cut, with "..." */

struct cell {
    char text[CELL_BYTES + 4];
    size_t len;
};

struct table {
    const char *names[COLUMNS_MAX];     /* ends with ',' or NUL */
    size_t widths[COLUMNS_MAX];
    unsigned ncolumns;
    struct cell *cells;                 /* row by row, the names first */
    unsigned nrows, cap;
};


/* Characters, not bytes. */
static size_t
width_of(const struct cell *c)
{
    size_t width = 0;
    size_t i;

    for (i = 0; i < c->len; i++) {
        width += ((unsigned char) c->text[i] & 0xc0) != 0x80;
    }

    return width;
}


/* One line; what is too long ends with "...", not within a character. */
static void
cell_set(struct cell *c, asg_str_t text)
{
    size_t len = text.len < CELL_BYTES ? text.len : CELL_BYTES;
    size_t i;

    while (len < text.len && len > 0
           && ((unsigned char) text.data[len] & 0xc0) == 0x80)
    {
        len--;
    }
    memcpy(c->text, text.data, len);
    c->len = len;
    if (len < text.len) {
        memcpy(c->text + len, "...", 3);
        c->len += 3;
    }
    for (i = 0; i < c->len; i++) {
        c->text[i] = c->text[i] == '\n' || c->text[i] == '\t' ? ' '
                                                              : c->text[i];
    }
}


static void
cell_show(struct cell *c, asg_json_event_t kind, asg_str_t raw)
{
    char *text = malloc(raw.len + 2);   /* "-" of an empty one */
    asg_buf_t out;

    if (text == NULL) {
        return;
    }
    asg_buf_init(&out, text, raw.len + 2);
    cli_flat_text(kind, raw, &out);
    cell_set(c, asg_buf_view(&out));
    free(text);
}


static struct cell *
row_add(struct table *t)
{
    struct cell *row;

    if (t->nrows == t->cap) {
        unsigned cap = t->cap > 0 ? 2 * t->cap : 64;
        size_t size = sizeof(struct cell) * t->ncolumns * cap;
        struct cell *more = realloc(t->cells, size);

        if (more == NULL) {
            return NULL;
        }
        t->cells = more;
        t->cap = cap;
    }
    row = t->cells + (size_t) t->nrows++ * t->ncolumns;
    memset(row, 0, sizeof(*row) * t->ncolumns);

    return row;
}


static void
row_measure(struct table *t, const struct cell *row)
{
    unsigned i;

    for (i = 0; i < t->ncolumns; i++) {
        size_t width = width_of(&row[i]);

        t->widths[i] = width > t->widths[i] ? width : t->widths[i];
    }
}


/* Without the objects around it, in capitals. */
static void
head_set(struct cell *c, const char *name)
{
    size_t len = strcspn(name, ",");
    size_t i;

    for (i = len; i > 0 && name[i - 1] != '.'; i--) { }
    cell_set(c, (asg_str_t) {name + i, len - i});
    for (i = 0; i < c->len; i++) {
        char letter = c->text[i];

        c->text[i] = (char) (letter >= 'a' && letter <= 'z' ? letter - 32
                                                            : letter);
    }
}


static bool
head_add(struct table *t, const char *columns)
{
    struct cell *row;
    unsigned i;

    while (*columns != '\0' && t->ncolumns < COLUMNS_MAX) {
        t->names[t->ncolumns++] = columns;
        columns += strcspn(columns, ",");
        columns += *columns == ',';
    }
    row = row_add(t);
    for (i = 0; row != NULL && i < t->ncolumns; i++) {
        head_set(&row[i], t->names[i]);
    }
    if (row != NULL) {
        row_measure(t, row);
    }

    return row != NULL;
}


struct filling {
    struct table *table;
    struct cell *row;
};


static void
fill(void *data, asg_str_t name, asg_json_event_t kind, asg_str_t raw)
{
    struct filling *f = data;
    unsigned i;

    for (i = 0; i < f->table->ncolumns; i++) {
        const char *column = f->table->names[i];

        if (strcspn(column, ",") == name.len
            && memcmp(column, name.data, name.len) == 0)
        {
            cell_show(&f->row[i], kind, raw);
        }
    }
}


static bool
rows_add(struct table *t, asg_str_t list)
{
    asg_json_t *json = cli_json_begin(1, list);
    asg_json_event_t event;

    if (asg_json_next(json) != ASG_JSON_ARRAY) {
        return false;
    }
    while ((event = asg_json_next(json)) == ASG_JSON_OBJECT) {
        size_t start = json->start;
        struct filling f = {t, row_add(t)};

        if (f.row == NULL || !asg_json_skip(json)
            || !cli_flat_each((asg_str_t) {list.data + start,
                              json->end - start}, 2, fill, &f))
        {
            return false;
        }
        row_measure(t, f.row);
    }

    return event == ASG_JSON_ARRAY_END;
}


static void
row_print(const struct table *t, const struct cell *row)
{
    unsigned i;

    for (i = 0; i < t->ncolumns; i++) {
        bool last = i + 1 == t->ncolumns;
        size_t pad = last ? 0 : t->widths[i] - width_of(&row[i]) + 2;

        printf("%.*s%*s", (int) row[i].len, row[i].text, (int) pad, "");
    }
    putchar('\n');
}


static bool
list_show(asg_str_t answer, const char *list, const char *columns)
{
    struct table t;
    asg_json_event_t kind;
    asg_str_t raw;
    unsigned i;
    bool ok;

    memset(&t, 0, sizeof(t));
    ok = cli_flat_find(answer, 0, list, &kind, &raw)
        && head_add(&t, columns) && rows_add(&t, raw);
    for (i = 0; ok && i < t.nrows; i++) {
        row_print(&t, t.cells + (size_t) i * t.ncolumns);
    }
    free(t.cells);

    return ok;
}


static void
measure_member(void *data, asg_str_t name, asg_json_event_t kind,
    asg_str_t raw)
{
    size_t *width = data;

    (void) kind;
    (void) raw;
    *width = name.len > *width ? name.len : *width;
}


static void
print_member(void *data, asg_str_t name, asg_json_event_t kind, asg_str_t raw)
{
    char *text = malloc(raw.len + 2);
    const size_t *width = data;
    asg_buf_t out;

    if (text == NULL) {
        return;
    }
    asg_buf_init(&out, text, raw.len + 2);
    cli_flat_text(kind, raw, &out);
    printf("%-*.*s  %.*s\n", (int) *width, (int) name.len, name.data,
           (int) out.len, text);
    free(text);
}


static bool
object_show(asg_str_t answer)
{
    size_t width = 0;

    return cli_flat_each(answer, 0, measure_member, &width)
        && cli_flat_each(answer, 0, print_member, &width);
}


bool
cli_show_table(asg_str_t answer, const char *list, const char *columns)
{
    return list != NULL ? list_show(answer, list, columns)
                        : object_show(answer);
}
