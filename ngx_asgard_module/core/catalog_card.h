/*
 * Cards of a snapshot: a model's, and those that a project has instead.
 * Private to core/, but for what catalog.h declares.
 */
#ifndef ASG_CATALOG_CARD_H
#define ASG_CATALOG_CARD_H

#include "core/catalog.h"

typedef struct {
    asg_str_t id;
    uint64_t version;
    bool free;
    asg_card_t card;
} asg_catalog_card_t;

/* The value of a member "card".  RANGE: no price that can be charged. */
ASG_MUST_CHECK asg_err_t asg_catalog_card_read(asg_json_t *json,
    asg_buf_t *scratch, asg_catalog_card_t *out);

/* An element of "project_cards". */
ASG_MUST_CHECK asg_err_t asg_catalog_project_card_read(asg_json_t *json,
    asg_str_t text, asg_project_card_t *out);
/* Each of a model below nmodels, ascending by model and project. */
bool asg_catalog_project_cards_are_sorted(const asg_catalog_t *c);

#endif
