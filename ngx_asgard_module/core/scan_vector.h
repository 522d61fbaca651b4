/*
 * The scans of core/scan.h by vectors of sixteen and of thirty-two bytes.
 * Private to scan.c and scan_avx2.c.
 */
#ifndef ASG_SCAN_VECTOR_H
#define ASG_SCAN_VECTOR_H

#include <stdint.h>

/* scan.c: where there is SSE2 or NEON. */
const uint8_t *asg_scan_vector_text(const uint8_t *p, const uint8_t *end);
const uint8_t *asg_scan_vector_raw(const uint8_t *p, const uint8_t *end);
const uint8_t *asg_scan_vector_line(const uint8_t *p, const uint8_t *end);

#ifdef __x86_64__
#define ASG_SCAN_AVX2

/* scan_avx2.c: only for a processor that has AVX2 and BMI. */
const uint8_t *asg_scan_avx2_text(const uint8_t *p, const uint8_t *end);
const uint8_t *asg_scan_avx2_raw(const uint8_t *p, const uint8_t *end);
const uint8_t *asg_scan_avx2_line(const uint8_t *p, const uint8_t *end);

#endif

#endif
