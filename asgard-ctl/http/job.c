/*
 * The queue between the threads that read and those that work.
 */
#include "http/job.h"

#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

struct ctl_jobs {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct ctl_job *first, **last;
    unsigned n, most;
    bool closed;
};


/* The input is not cleared: a megabyte that most requests never touch. */
struct ctl_job *
ctl_job_new(int fd)
{
    struct ctl_job *job = malloc(sizeof(*job));

    if (job == NULL) {
        close(fd);
        return NULL;
    }
    memset(job, 0, offsetof(struct ctl_job, input));
    job->fd = fd;

    return job;
}


void
ctl_job_done(struct ctl_job *job)
{
    if (job != NULL) {
        if (job->fd >= 0) {             /* else it was given away */
            close(job->fd);
        }
        OPENSSL_cleanse(job->input, job->len);
        free(job);
    }
}


struct ctl_jobs *
ctl_jobs_open(unsigned most)
{
    struct ctl_jobs *jobs = calloc(1, sizeof(*jobs));

    if (jobs != NULL) {
        pthread_mutex_init(&jobs->lock, NULL);
        pthread_cond_init(&jobs->changed, NULL);
        jobs->last = &jobs->first;
        jobs->most = most;
    }

    return jobs;
}


void
ctl_jobs_free(struct ctl_jobs *jobs)
{
    if (jobs != NULL) {
        pthread_cond_destroy(&jobs->changed);
        pthread_mutex_destroy(&jobs->lock);
        free(jobs);
    }
}


bool
ctl_jobs_push(struct ctl_jobs *jobs, struct ctl_job *job)
{
    bool room;

    pthread_mutex_lock(&jobs->lock);
    room = jobs->n < jobs->most && !jobs->closed;
    if (room) {
        job->next = NULL;
        *jobs->last = job;
        jobs->last = &job->next;
        jobs->n++;
        pthread_cond_signal(&jobs->changed);
    }
    pthread_mutex_unlock(&jobs->lock);

    return room;
}


struct ctl_job *
ctl_jobs_pop(struct ctl_jobs *jobs)
{
    struct ctl_job *job;

    pthread_mutex_lock(&jobs->lock);
    while (jobs->first == NULL && !jobs->closed) {
        pthread_cond_wait(&jobs->changed, &jobs->lock);
    }
    job = jobs->first;
    if (job != NULL) {
        jobs->first = job->next;
        jobs->last = jobs->first != NULL ? jobs->last : &jobs->first;
        jobs->n--;
    }
    pthread_mutex_unlock(&jobs->lock);

    return job;
}


void
ctl_jobs_close(struct ctl_jobs *jobs)
{
    pthread_mutex_lock(&jobs->lock);
    jobs->closed = true;
    pthread_cond_broadcast(&jobs->changed);
    pthread_mutex_unlock(&jobs->lock);
}
