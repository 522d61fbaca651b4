/*
 * What a service module says of provisioning: the half of a manifest that the
 * control plane needs to decide over a request.
 *
 * It is kept as one JSON text, with every field of the manifest but
 * `inference`, numbers as numbers, so that the API shows and the policy reads
 * the same words.  All texts belong to the arena of the findings.
 */
#ifndef CTL_SERVICE_H
#define CTL_SERVICE_H

#include "catalog/yaml.h"

#define CTL_SERVICE_JSON_MAX     (64u * 1024)
#define CTL_SERVICE_FIELDS_MAX   32     /* required_fields, secret_outputs */
#define CTL_SERVICE_OPTIONS_MAX  64     /* of its variants */

/* NULL after an error, which is in the findings.  `root` fits the shape of a
 * manifest (manifest_shape.h). */
const char *ctl_service_take(const struct ctl_yaml *root, const char *file,
    bool has_inference, struct ctl_findings *f);

#endif
