/*
 * Requests that were read and wait for a worker thread: a bounded queue.
 */
#ifndef CTL_JOB_H
#define CTL_JOB_H

#include "http/scgi.h"

#define CTL_JOB_INPUT (CTL_SCGI_HEAD_MAX + CTL_SCGI_BODY_MAX + 64)

/* Owned by who holds it; done() ends it. */
struct ctl_job {
    struct ctl_job *next;
    int fd;                             /* the connection; -1: given away */
    enum ctl_scgi_status status;
    struct ctl_scgi scgi;               /* borrows from `input` */
    size_t len;                         /* of the input so far */
    char input[CTL_JOB_INPUT];
};

struct ctl_jobs;                        /* owned: open/free */

struct ctl_job *ctl_job_new(int fd);    /* NULL: no memory, fd is closed */
/* Closes the connection and wipes the input, which has a token; NULL ok. */
void ctl_job_done(struct ctl_job *job);

struct ctl_jobs *ctl_jobs_open(unsigned most);
void ctl_jobs_free(struct ctl_jobs *jobs);      /* NULL ok */
/* False: full, the job is still the caller's. */
bool ctl_jobs_push(struct ctl_jobs *jobs, struct ctl_job *job);
/* Waits; NULL after close() when none is left. */
struct ctl_job *ctl_jobs_pop(struct ctl_jobs *jobs);
void ctl_jobs_close(struct ctl_jobs *jobs);

#endif
