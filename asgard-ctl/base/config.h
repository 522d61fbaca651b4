/*
 * asgard-ctl.conf: one `name value` a line, `#` comments, quotes not needed.
 *
 * Unknown names, repeated names (but for `services`), missing ones and bad
 * values are refused with file and line, and so is a file with a password that
 * others may read.  The environment may override a name as ASGARD_CTL_<NAME>;
 * an unknown <NAME> is refused.  ASGARD_AUTO_APPROVE_CEILINGS is known without
 * CTL, too.  Everything is owned by the struct.
 */
#ifndef CTL_CONFIG_H
#define CTL_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/self_service.h"

#define CTL_CONFIG_SERVICES_MAX         16
#define CTL_CONFIG_NOTIFY_TIMEOUT_MAX_S 8

/* What begins so is a setting; see CTL_CONFIG_ENV_CEILINGS, too. */
#define CTL_CONFIG_ENV          "ASGARD_CTL_"
#define CTL_CONFIG_ENV_CEILINGS "ASGARD_AUTO_APPROVE_CEILINGS"

struct ctl_config {
    char *file;                         /* where it was read from */
    int64_t read_ms;                    /* ctl_clock_ms() before that */
    char *listen;                       /* path of the SCGI socket */
    char *socket_group;                 /* NULL: unchanged */
    mode_t socket_mode;
    char *postgres;                     /* URI of the runtime role */
    char *postgres_owner;               /* URI of the owner; NULL: none told */
    char *redis;                        /* address, see redis/client.h */
    char *key_file;
    char *pepper_file;                  /* what api reads; NULL: key_file */
    char *kek_file;                     /* NULL: no secrets are kept */
    char *keeper_socket;                /* path; where api asks the keeper */
    char *keeper_peer;                  /* user of api; NULL: the keeper's */
    char *services[CTL_CONFIG_SERVICES_MAX];    /* later overlays earlier */
    unsigned nservices;
    char *routing;                      /* NULL: none */
    char *prices;                       /* the operator's own table */
    char *backends_env;                 /* NULL: the environment */
    char *pid_file;
    char *log;                          /* NULL: stderr */
    char *public_url;
    char *targets;                      /* cloud:account,…; NULL: any */
    struct ctl_self_service self_service;
    unsigned api_threads;               /* 8 */
    unsigned bad_tokens;                /* a second and address: 10; 0: any */
    int64_t snapshot_max_age_s;         /* 86400 */
    int64_t session_idle_s;             /* 3600 */
    int64_t session_max_age_s;          /* 28800 */
    char *webhook_url;                  /* NULL: no webhook */
    char *webhook_secret_file;
    char *mail_url;                     /* of the server; NULL: no mail */
    char *mail_from;
    char *mail_user;                    /* NULL: nobody signs in */
    char *mail_password_file;
    bool notify_internal;               /* receivers may be internal */
    bool links_in_mail, links_in_webhook;       /* to decide by; both */
    int64_t notify_timeout_s;           /* 5; of one attempt */
    unsigned notify_attempts;           /* 20 */
};

bool ctl_config_read(struct ctl_config *c, const char *path,
    struct ctl_error *e);
void ctl_config_finish(struct ctl_config *c);

#endif
