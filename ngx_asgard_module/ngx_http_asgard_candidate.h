
/*
 * Attempts: which candidate is called, over which connection, and what its
 * failure means.
 *
 * One ngx_http_asgard_attempt_t serves all attempts of a call.  peer.get picks
 * the candidate's endpoint and builds its request; peer.free says what the
 * failure of one means, and advance.h whether there is a next one.  An attempt
 * that has to wait (for a name, for a further hold) is parked.
 */

#ifndef _NGX_HTTP_ASGARD_CANDIDATE_H_INCLUDED_
#define _NGX_HTTP_ASGARD_CANDIDATE_H_INCLUDED_


#include "core/anthropic_answer.h"
#include "core/guard_answer.h"
#include "ngx_http_asgard.h"
#include "ngx_http_asgard_answer.h"
#include "ngx_http_asgard_peer.h"
#include "ngx_http_asgard_response.h"


/* How an attempt failed. */
typedef enum {
    NGX_HTTP_ASGARD_FAULT_NONE = 0,
    NGX_HTTP_ASGARD_FAULT_OURS,     /* we could not ask: nothing was sent, and
                                     * nothing is said of the endpoint */
    NGX_HTTP_ASGARD_FAULT_CONNECT,  /* nothing was sent */
    NGX_HTTP_ASGARD_FAULT_STALE,    /* nothing was, as a kept connection was
                                     * dead before */
    NGX_HTTP_ASGARD_FAULT_STATUS,   /* it answered with an error */
    NGX_HTTP_ASGARD_FAULT_SILENT,   /* sent, no answer */
    NGX_HTTP_ASGARD_FAULT_BROKEN,   /* a good answer began, and broke */
    NGX_HTTP_ASGARD_FAULT_TYPE      /* a good status with another content */
} ngx_http_asgard_fault_e;


typedef struct ngx_http_asgard_room_s  ngx_http_asgard_room_t;


struct ngx_http_asgard_attempt_s {
    ngx_http_asgard_ctx_t      *ctx;
    ngx_http_upstream_conf_t    conf;         /* this attempt's u->conf */

    /* where we are */
    ngx_uint_t                  candidates[ASG_CATALOG_CANDIDATES_MAX];
    const asg_group_t          *groups[ASG_CATALOG_CANDIDATES_MAX];
    ngx_uint_t                  ncandidates;  /* eligible, in order */
    ngx_uint_t                  index;        /* of candidates */
    ngx_uint_t                  address;      /* of the peer's */
    unsigned                    begun;        /* bit: candidate that may have
                                               * begun to work */
    const asg_model_t          *model;
    const asg_endpoint_t       *endpoint;
    ngx_http_asgard_peer_t     *peer;         /* NULL: echo */
    ngx_http_asgard_addr_t      addr;         /* connected to */
    ngx_str_t                  *name;         /* its text, for the logs */

    /* of this candidate again, after it did no work */
    ngx_uint_t                  tries;        /* after the first */
    ngx_msec_t                  not_before;   /* when waiting is set */
    ngx_msec_t                  waited;       /* of the whole call */
    ngx_event_t                 backoff;

    ngx_uint_t                  health;       /* health.h, of the endpoint */
    ngx_uint_t                  claimed;      /* 1 + such a place: we try it */
    ngx_msec_t                  sent_at;
    ngx_msec_t                  due;          /* when its first byte must be
                                               * here, once it is dated */

    /* a parked attempt waits for its name to be resolved, for a hold, or for
     * the time of another try */
    ngx_connection_t            park;
    ngx_event_t                 park_read;
    ngx_event_t                 park_write;
    ngx_http_asgard_waiter_t    waiter;

    /* kind anthropic */
    const asg_model_t          *translated_model;     /* of `translated` */
    asg_str_t                   translated;   /* the request's body, */
    ngx_http_asgard_room_t     *room;         /* which is here; NULL: none */
    asg_anthropic_stream_t     *messages;     /* NULL: no such stream */

    ngx_http_asgard_response_t  response;
    ngx_http_asgard_answer_t    answer;
    asg_guard_answer_t         *guard;        /* NULL: nothing is looked for */
    ngx_http_asgard_fault_e     fault;
    asg_reason_t                said;         /* by an error's body; NONE */
    ngx_uint_t                  status;       /* of the last answer; 0 */

    size_t                      taken;        /* bytes of the last read of a
                                               * stream */

    /* of the drain after a client left */
    ngx_event_t                 drain;
    size_t                      drained;
    void                      (*downstream)(ngx_http_request_t *r);

    unsigned                    parked:1;
    unsigned                    waiting:1;    /* until not_before */
    unsigned                    dated:1;      /* begun: `due` stands */
    unsigned                    counted:1;    /* as under way there */
    unsigned                    cooled:1;     /* its endpoint, by this try */
    unsigned                    fell:1;       /* back on another, as one that
                                               * was asked failed */
    unsigned                    refused:1;    /* its body says why */
    unsigned                    too_long:1;   /* the prompt, it said */
    unsigned                    leaked:1;     /* with our key in it */
    unsigned                    sent:1;       /* this attempt's request */
    unsigned                    fresh:1;      /* no kept connection */
    unsigned                    stale:1;      /* closed unanswered */
    unsigned                    resent:1;     /* the provider may have begun
                                               * with it before */
    unsigned                    renew:1;      /* needs a hold of its own */
    unsigned                    timed_out:1;
    unsigned                    accepted:1;   /* a good head was read */
    unsigned                    streaming:1;  /* header went to the client */
    unsigned                    measured:1;   /* its first token came */
    unsigned                    cut:1;        /* we end it */
    unsigned                    abandoned:1;  /* the client gets no more */
    unsigned                    finished:1;   /* after finalize_request */
    unsigned                    guard_stopped:1;  /* the client had its error */
    unsigned                    guard_ended:1;
};


/* ctx->attempt, its candidates chosen; NGX_DECLINED when there is none. */
ngx_int_t ngx_http_asgard_candidate_create(ngx_http_asgard_ctx_t *ctx,
    ngx_http_upstream_conf_t *conf);

/* peer.init of the upstream. */
ngx_int_t ngx_http_asgard_candidate_init_peer(ngx_http_request_t *r,
    ngx_http_upstream_srv_conf_t *us);

/* How the key that was sent is found in what comes back; NULL: none was. */
const asg_leak_t *ngx_http_asgard_candidate_leak(ngx_http_asgard_attempt_t *a);

/* What a parked attempt waited for is there: it goes on, from the loop. */
void ngx_http_asgard_candidate_wake(ngx_http_asgard_attempt_t *a);

/* Its endpoint gave a whole answer: a head alone says nothing of it. */
void ngx_http_asgard_candidate_good(ngx_http_asgard_attempt_t *a);

/* What the end of an attempt, or its judged failure, says of the endpoint's
 * health. */
void ngx_http_asgard_candidate_note(ngx_http_asgard_attempt_t *a);

/* An endpoint that the call is to try: it learns nothing of it any more. */
void ngx_http_asgard_candidate_release(ngx_http_asgard_attempt_t *a);

/* What a failure means; called when the attempt is known to have failed. */
void ngx_http_asgard_candidate_judge(ngx_http_asgard_attempt_t *a,
    ngx_peer_connection_t *pc);


#endif /* _NGX_HTTP_ASGARD_CANDIDATE_H_INCLUDED_ */
