/*
 * The table of all fields of a service manifest (private to manifest.c).
 */
#ifndef CTL_MANIFEST_SHAPE_H
#define CTL_MANIFEST_SHAPE_H

#include "catalog/shape.h"

extern const struct ctl_shape ctl_manifest_shape[];

#endif
