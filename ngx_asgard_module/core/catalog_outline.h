/*
 * Where the parts of a snapshot stand: its numbers, and the text of its lists
 * one element at a time.  Private to core/.
 *
 * The JSON reader bounds the keys of one document, a large catalog has more;
 * so each element is read as a document of its own.  The outline finds only
 * where a value ends; whoever takes an element must have the reader check it.
 */
#ifndef ASG_CATALOG_OUTLINE_H
#define ASG_CATALOG_OUTLINE_H

#include "core/catalog.h"

typedef struct {
    int64_t version;
    int64_t created;
    int64_t max_age_s;
    asg_str_t endpoints, models, names;         /* arrays, with brackets */
    asg_str_t cards;                            /* the same; empty: none */
    unsigned nendpoints, nmodels, nnames, ncards;
} asg_outline_t;

/* SYNTAX, MISSING, RANGE, VERSION (format), LIMIT (too many elements). */
ASG_MUST_CHECK asg_err_t asg_outline_read(asg_json_t *json, asg_str_t body,
    asg_outline_t *out);
/* The next element of a list that asg_outline_read() found; `rest` begins as
 * the list and shrinks.  False after the last one. */
bool asg_outline_next(asg_str_t *rest, asg_str_t *element);

/* The list of names (catalog_names.c), for models that were read; sorted. */
ASG_MUST_CHECK asg_err_t asg_catalog_read_names(asg_json_t *json,
    asg_str_t list, asg_catalog_t *c);
/* May `s` be a name of a model: 1 to 256 bytes, no control character. */
bool asg_catalog_is_name(asg_str_t s);
/* As asg_catalog_find() needs them; false when a name stands twice. */
bool asg_catalog_sort(asg_public_name_t *names, unsigned n);

#endif
