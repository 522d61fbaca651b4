/*
 * One request to Asgard over libcurl, and its answer.
 *
 * Redirects are not followed: a credential goes where it was meant to.  An
 * answer is read up to 16 MB.  A request that may have arrived is not sent
 * again.
 */
#ifndef CTL_CLI_CALL_H
#define CTL_CLI_CALL_H

#include "cli/cli.h"

#define CLI_ANSWER_MAX ((size_t) 16 * 1024 * 1024)

struct cli_reply {
    long status;                        /* 0: no answer */
    char *body;                         /* NUL behind it; the caller frees */
    size_t len;
    char why[256];                      /* no answer, or not a whole one */
};

/* A part of an answer with status 200 as it comes; false ends the call. */
typedef bool cli_part_fn(void *data, const char *bytes, size_t len);

struct cli_call {
    const char *method;
    const char *path;                   /* with its query */
    asg_str_t body;                     /* data NULL: none */
    const char *bearer;                 /* NULL or empty: none */
    cli_part_fn *part;                  /* NULL: all goes into the reply */
    void *data;
    long timeout_s;                     /* for the whole; 0: 60 */
};

/* False when no whole answer came: reply->why says why.  `reply` is always to
 * be released. */
bool cli_call(const struct cli_settings *settings, const struct cli_call *call,
    struct cli_reply *reply);
void cli_reply_release(struct cli_reply *reply);

/* What an answer means for how the program ends; prints the refusal. */
enum cli_exit cli_reply_judge(const struct cli_reply *reply);

/* The request that a command line describes: path and body, in memory that
 * `made` owns.  False, and a message, when it cannot be made. */
struct cli_made {
    char *path;
    char *body;
    size_t len;                         /* of the body; 0: none */
};

bool cli_call_make(const struct cli *cli, struct cli_made *made);
void cli_made_release(struct cli_made *made);

#endif
