/*
 * The naive ledger: what really happened to each call, and what follows.
 *
 * It knows nothing of counters, cursors, epochs or corrections.  For each hold
 * it keeps what was asked and granted, which outcomes the gateways decided on,
 * and who remembers them: a gateway's journal, Redis, the ledger.  From that
 * follows the balance: the greatest outcome that anybody remembers (measured
 * usage before void before estimate), else the whole hold.  What both memories
 * lost before the meter read it is excluded, and counted.
 *
 * By pin (budget, window, period) two sums are kept.  `low`: what the calls
 * that named it surely owe; no admission may take it above the limit.  `high`:
 * what Redis may at most count; a refusal below the limit by it was wrong.
 * What a window opens with is beside both (windows.h).
 */
#ifndef SIM_MODEL_H
#define SIM_MODEL_H

#include "catalog.h"
#include "limiter.h"
#include "world.h"

#define SIM_HOLDS       8192
#define SIM_PINS        65536           /* a power of two */
#define SIM_PINS_HOLD   16
#define SIM_EVIDENCE    8
#define SIM_ATTEMPTS    3               /* holds of a call after the first */
#define SIM_BUDGETS     24
#define SIM_SETS        24
#define SIM_WINDOWS     6
#define SIM_VERSIONS    4096
#define SIM_UNLIMITED   INT64_MAX
#define SIM_TTL_S       120             /* of a hold, each time */
#define SIM_LIFE_S      400             /* ... at most in all */
#define SIM_CLOCKS_S    9               /* Redis' clock may have gone back */
#define SIM_ABSENT      INT64_MIN       /* the version has no such window */
#define SIM_ROOM_MUCH   20000           /* nano-USD: many calls */

/* As the specification ranks them. */
enum sim_rank {
    SIM_EXPIRY, SIM_ESTIMATE, SIM_VOID, SIM_MEASURED, SIM_PROVIDER
};

/* Who remembers something. */
struct sim_witness {
    bool slot;                          /* a journal */
    bool redis;                         /* the data that Redis has */
    bool dump;                          /* the data that was dumped */
    bool ledger;
    bool saved;                         /* the older database */
};

/* Where an event stands: the stream of an epoch, and the id in it. */
struct sim_place {
    uint64_t epoch, ms, seq;
};

struct sim_evidence {
    enum sim_rank rank;
    int64_t amount;
    struct sim_witness by;
    struct sim_place at, dumped;        /* its first event in those data */
    unsigned card;                      /* of the candidate that served */
    int64_t in, out;                    /* measured tokens */
    bool pinned;                        /* who told it knew the pins */
};

struct sim_hold {
    char id[28];                        /* `<call>`, or `<call>.<n>` */
    unsigned call, attempt;             /* the first one's place; n */
    unsigned last;                      /* of a call: its latest attempt */
    unsigned further[SIM_ATTEMPTS];     /* of a call: places of the others */
    unsigned version;                   /* of the cards, pinned at reserve */
    unsigned card;                      /* of the dearest candidate */
    unsigned serves;                    /* of the one at work */
    unsigned set;                       /* which budgets it asks */
    unsigned part;
    int64_t amount;
    int64_t expires;                    /* the last that Redis said */
    int64_t created;                    /* by the first grant */
    unsigned grants;                    /* reserves that Redis granted */
    struct sim_witness by;
    struct sim_evidence evidence[SIM_EVIDENCE];
    unsigned nevidence;
    unsigned pins[SIM_PINS_HOLD];       /* of the first grant */
    unsigned npins;
    char text[640];                     /* those pins, as Redis wrote them */
    char other[640];                    /* of a later grant, if they differ */
    int64_t low, high;
    bool plain;                         /* granted once, nothing lost since */
    bool unheard;                       /* its gateway was not waited for */
    bool lost;                          /* counted as lost */
    bool lent;                          /* its room may be another's since */
    bool doubt;                         /* nobody need know of it */
    bool live;                          /* a call that still runs */
    int64_t begun_us;                   /* granted, by the ledger's clock */
    uint64_t ended;                     /* when, of m->serial; 0: who knows */
};

struct sim_pin {
    char text[96];                      /* "" : free */
    int64_t low, high;
    unsigned budget, window;
    int64_t opening;                    /* as the ledger has it */
    int64_t opening_low, opening_high;  /* as Redis may have it */
    char opened[40];                    /* when; "": it has none */
    bool bare;                          /* Redis lost its counter alone */
    uint64_t met;                       /* changed[] at the last grant */
};

struct sim_budget {
    char id[48];
    char project[20];
    unsigned part;
    unsigned nwindows;
    char windows[SIM_WINDOWS][8];       /* that it may have */
    unsigned newest;                    /* version in Postgres */
    unsigned sent;                      /* Redis has this one or a later */
    unsigned saved;                     /* version in the older database */
    bool gone;                          /* the database does not know it */
    int64_t limits[SIM_VERSIONS][SIM_WINDOWS];
    uint8_t zones[SIM_VERSIONS][SIM_WINDOWS];
    int64_t undone[SIM_WINDOWS];        /* highest limit that a restore took
                                         * back; SIM_ABSENT: none */
    uint64_t changed[SIM_WINDOWS];      /* added, or another zone: m->serial */
    unsigned since[SIM_WINDOWS];        /* ... and in which version */
};

/* The budgets of one kind of call. */
struct sim_set {
    unsigned budgets[4];
    unsigned n;
    const char *project;                /* of the budgets */
    char key[40];                       /* "" : none */
    bool gone;                          /* no call is made of it any more */
    bool saved;                         /* of the older database: it is not */
    unsigned part;
    unsigned scopes[SIM_SCOPES_CALL];   /* of the project, of the key */
    unsigned nscopes;
};

/* What has limits: a project, a key. */
struct sim_scope {
    char id[48];                        /* p.<project>, k.<key> */
    char record[ASG_RKEY_MAX];          /* its key in Redis; "": it has none */
    unsigned part;
    struct sim_record {
        bool there;                     /* the database knows it */
        bool shut;                      /* killed, or revoked */
        asg_limits_t limits;
    } now, saved;                       /* of the older database */
    bool coarse;                        /* had a limit that is not exact */
};

enum sim_count {
    SIM_N_HOLDS, SIM_N_ADMITTED, SIM_N_OVER, SIM_N_TIGHT, SIM_N_AWAY,
    SIM_N_LATE, SIM_N_EXPIRED, SIM_N_LOST, SIM_N_LOST_OUTCOMES,
    SIM_N_UNHEARD, SIM_N_EPOCHS, SIM_N_FLUSHES, SIM_N_RESTARTS,
    SIM_N_FAILOVERS, SIM_N_COPIES, SIM_N_DELETED, SIM_N_WORKER_DEATHS,
    SIM_N_GATEWAY_DEATHS, SIM_N_METER_DEATHS, SIM_N_COMMITS_CUT,
    SIM_N_APPLIED, SIM_N_STRAYS, SIM_N_REPLAYS, SIM_N_LIMITS, SIM_N_PRICES,
    SIM_N_QUIET, SIM_N_AUDITS, SIM_N_AUDITS_ALL, SIM_N_TAKEOVERS,
    SIM_N_ROLLOVERS, SIM_N_RECOVERED, SIM_N_BACKLOG,
    SIM_N_CLOCK, SIM_N_NO_MEMORY, SIM_N_RESTORES,
    SIM_N_DOUBT, SIM_N_WINDOWS, SIM_N_OPENINGS, SIM_N_ODD_DAYS,
    SIM_N_EXTENDED, SIM_N_OUTLIVED, SIM_N_FOUND, SIM_N_PASSED, SIM_N_FURTHER,
    SIM_N_FURTHER_OVER, SIM_N_OTHER_CARD, SIM_N_PROVIDER,
    SIM_N_PROVIDER_ABOVE, SIM_N_PROVIDER_REFUSED, SIM_N_PROJECTS, SIM_N_KEYS,
    SIM_N_REVOKED, SIM_N_EMPTIED, SIM_N_LIMITED, SIM_N_RATE,
    SIM_N_RATE_REQUESTS, SIM_N_RATE_TOKENS, SIM_N_RATE_PARALLEL,
    SIM_N_RELEASED, SIM_N_RELIMITED, SIM_N_KILLS, SIM_N_UNKILLS, SIM_N_CUT,
    SIM_N_RECORDS, SIM_N_LINES, SIM_N_LINES_LOST, SIM_N_OWN_PRICES,
    SIM_N_OWN_PAID,
    SIM_N
};

struct sim_model {
    struct sim_world *world;
    struct sim_hold holds[SIM_HOLDS];
    unsigned nholds;
    struct sim_pin pins[SIM_PINS];
    unsigned npins;
    struct sim_budget budgets[SIM_BUDGETS];
    unsigned nbudgets;
    struct sim_set sets[SIM_SETS];
    unsigned nsets;
    struct sim_scope scopes[SIM_SCOPES];
    unsigned nscopes;
    struct sim_limiter limiter, limiter_dumped;
    unsigned parts[SIM_SETS];           /* partitions of the sets, each once */
    unsigned nparts;
    unsigned nprojects, nprojects_saved;
    struct sim_price prices[SIM_CARDS][SIM_VERSIONS];
    struct sim_own owns[SIM_OWNS];
    unsigned nowns;
    unsigned nprices;                   /* versions, of all cards at once */
    unsigned nprices_saved;             /* ... of the older database */
    struct sim_catalog catalog;         /* the newest */
    uint64_t serial;                    /* of ends and of changes */
    unsigned turned;                    /* the last window that was changed */
    bool dumped, saved;                 /* Redis' data, the database */
    bool restored[ASG_PARTITIONS];      /* and not seeded since */
    bool undone, undone_dumped;         /* Redis, its dump: has what a restore
                                         * took back, and nobody looked */
    int64_t unread[ASG_PARTITIONS];     /* events that restores took back */
    bool narrow[ASG_PARTITIONS];        /* the stream may be full */
    uint64_t counts[SIM_N];
};

const char *sim_count_name(enum sim_count n);

/* Projects, budgets, sets and the first prices, also in Postgres. */
bool sim_model_begin(struct sim_model *m, struct sim_world *w);

/* The next hold: an id and an amount, nothing asked yet. */
struct sim_hold *sim_hold_new(struct sim_model *m, unsigned set,
    int64_t amount);
/* A hold of its own for a further attempt of the call of `h`; NULL: there were
 * enough. */
struct sim_hold *sim_hold_further(struct sim_model *m,
    const struct sim_hold *h, int64_t amount);
/* NULL: none of ours. */
struct sim_hold *sim_hold_find(struct sim_model *m, const char *id);
/* A gateway decided how the call ended, by the candidate that is at work; its
 * journal has it. */
struct sim_evidence *sim_decide(struct sim_model *m, struct sim_hold *h,
    char verb, int64_t amount);

/* Redis executed a command of this hold: what it said. */
void sim_saw_grant(struct sim_model *m, struct sim_hold *h, asg_str_t pins,
    asg_str_t expires);
void sim_saw_over(struct sim_model *m, struct sim_hold *h,
    const asg_str_t *words);
/* It lives until then now; or Redis says that it is gone. */
void sim_saw_extend(struct sim_model *m, struct sim_hold *h,
    asg_str_t expires);
void sim_saw_gone(struct sim_model *m, const struct sim_hold *h);
void sim_saw_adopt(struct sim_model *m, struct sim_hold *h,
    asg_str_t expires);
void sim_saw_end(struct sim_model *m, struct sim_hold *h,
    struct sim_evidence *ev, bool late, uint64_t epoch, asg_str_t id);

/* A journal no longer has the hold: the ledger must, or it was lost. */
void sim_slot_gone(struct sim_model *m, struct sim_hold *h, bool in_ledger);
/* Redis has lost everything, or what came after the dump. */
bool sim_redis_lost(struct sim_model *m, bool back_to_dump);
void sim_redis_dumped(struct sim_model *m);
/* One key of Redis is lost: an open hold, the stream of an epoch. */
bool sim_hold_deleted(struct sim_model *m, struct sim_hold *h);
bool sim_stream_deleted(struct sim_model *m, unsigned part, uint64_t epoch);
/* The ledger is kept as it is, and goes back to that. */
bool sim_ledger_saved(struct sim_model *m);
bool sim_ledger_restored(struct sim_model *m);
/* Who leads has looked, and has taken it out of Redis where it was noticed. */
void sim_ledger_looked(struct sim_model *m);
/* Streams of older epochs end after a while: what an older ledger had still to
 * read of them is lost. */
bool sim_time_jumped(struct sim_model *m);
/* An older dump of Redis after an older database. */
bool sim_redis_looked(struct sim_model *m);
/* A reseed has opened holds of silent gateways again, as the database had
 * copied them before. */
bool sim_copies_opened(struct sim_model *m, unsigned part);
/* Does Redis have it? */
bool sim_hold_is_open(struct sim_world *w, unsigned part, const char *id);
void sim_stream_id(asg_str_t id, uint64_t *ms, uint64_t *seq);

/* The balance that the ledger must have.  False: none has to be there. */
bool sim_expects(const struct sim_hold *h, enum sim_rank *rank,
    int64_t *amount);
bool sim_is_lost(const struct sim_hold *h);
bool sim_is_remembered(const struct sim_evidence *ev);
void sim_low_set(struct sim_model *m, struct sim_hold *h, int64_t low);
void sim_high_set(struct sim_model *m, struct sim_hold *h, int64_t high);

/* The pins of a text, as places in m->pins; how many. */
unsigned sim_pins_find(struct sim_model *m, const char *text,
    unsigned out[SIM_PINS_HOLD]);

/* A version like the newest; false: there are enough of them. */
bool sim_version_add(struct sim_model *m, struct sim_budget *b);
/* Near to what is owed in the window by now. */
int64_t sim_limit_draw(struct sim_model *m, const struct sim_budget *b,
    unsigned window);
/* A new version of a budget with other limits, by the dice. */
bool sim_limits_change(struct sim_model *m);
/* ... of each budget, with room for many calls in all its windows. */
bool sim_limits_lift(struct sim_model *m);
/* Limits and windows are those of the older database again. */
bool sim_limits_restored(struct sim_model *m);

#endif
