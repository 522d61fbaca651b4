/*
 * The commands of `asgard`.
 */
#include "cli/command.h"

#include <stddef.h>

#include "cli/own.h"

#define PROJECT "/api/projects/{project}"
#define REQUEST "/api/requests/{request}"
#define SECRET  PROJECT "/secrets/{secret}"
#define END     {NULL, CLI_OWN, NULL, NULL, NULL, false}
#define PAGE \
    {"limit", CLI_TEXT, "limit", "N", "entries of a page", false}, \
    {"cursor", CLI_TEXT, "cursor", "CURSOR", "the page behind another", false}
#define OF_PROJECT \
    {"description", CLI_TEXT, "description", "TEXT", NULL, false}, \
    {"owner", CLI_TEXT, "owner_email", "EMAIL", "who answers for it", false}, \
    {"manager", CLI_TEXT, "manager_email", "EMAIL", \
        "who decides what it asks for", false}, \
    {"data-class", CLI_TEXT, "data_class", "CLASS", \
        "public, internal, confidential or restricted", false}, \
    {"budget-usd", CLI_NUMBER, "budget_usd", "USD", \
        "its total budget; null: unlimited", false}

static const struct cli_option paging[] = {PAGE, END};

static const struct cli_option reason[] = {
    {"reason", CLI_TEXT, "reason", "TEXT", "why, for the record", false}, END
};

static const struct cli_option reason_needed[] = {
    {"reason", CLI_TEXT, "reason", "TEXT", "why, for the record", true}, END
};

static const struct cli_option login[] = {
    {"username", CLI_OWN, NULL, "NAME", "whose password is asked for", false},
    {"token", CLI_FLAG, NULL, NULL,
        "read an access token from standard input instead", false}, END
};

static const struct cli_option project_create[] = {
    {"name", CLI_TEXT, "name", "NAME", NULL, true},
    {"group", CLI_TEXT, "group", "GROUP", NULL, false},
    {"classification", CLI_TEXT, "classification", "CLASS",
        "poc, light-operational, wide-operational or critical-path", false},
    OF_PROJECT, END
};

static const struct cli_option project_update[] = {
    {"name", CLI_TEXT, "name", "NAME", NULL, false},
    {"cost-center", CLI_TEXT, "cost_center", "NAME", NULL, false},
    {"default-backend", CLI_TEXT, "default_backend", "REF",
        "what stands behind `default`", false},
    OF_PROJECT, END
};

static const struct cli_option budget_set[] = {
    {"budget", CLI_WINDOWS, "budgets", "WINDOW=USD[@ZONE]",
        "as total=100, 1mo=20, 1d=5@Europe/Berlin; all of them anew", true},
    END
};

static const struct cli_option key_create[] = {
    {"name", CLI_TEXT, "name", "NAME", NULL, true},
    {"budget", CLI_WINDOWS, "budgets", "WINDOW=USD[@ZONE]",
        "a budget of its own", false},
    {"model", CLI_LIST, "models", "NAME,...", "may use these alone", false},
    {"expires-at", CLI_TEXT, "expires_at", "TIME", NULL, false},
    {"rpm-limit", CLI_NUMBER, "rpm_limit", "N", "requests a minute", false},
    {"tpm-limit", CLI_NUMBER, "tpm_limit", "N", "tokens a minute", false},
    {"max-parallel", CLI_NUMBER, "max_parallel_requests", "N", NULL, false},
    END
};

static const struct cli_option request_create[] = {
    {"type", CLI_TEXT, "resource_type", "SERVICE",
        "one of `asgard services list`", true},
    {"name", CLI_TEXT, "name", "NAME", "small letters, digits, -", true},
    {"spec", CLI_PAIRS, "spec", "FIELD=VALUE",
        "what the service asks for; JSON where it is, else text", false},
    {"reason", CLI_TEXT, "reason", "TEXT", "why, for the record", false},
    END
};

static const struct cli_option resource_link[] = {
    {"type", CLI_TEXT, "resource_type", "TYPE",
        "what it is; of a service, its estimate counts", true},
    {"name", CLI_TEXT, "name", "NAME", "small letters, digits, -", true},
    {"reference", CLI_TEXT, "reference", "TEXT",
        "where it is: an address, an ARN", true},
    {"value", CLI_PAIRS, "outputs", "NAME=VALUE",
        "one of its outputs; no secrets", false},
    {"tag", CLI_PAIRS, "tags", "NAME=VALUE", NULL, false},
    {"est-monthly-usd", CLI_NUMBER, "est_monthly_usd", "USD",
        "what it costs a month, as far as you know", false},
    {"cost-source", CLI_TEXT, "cost_source", "TEXT", "who bills it", false},
    {"note", CLI_TEXT, "note", "TEXT", NULL, false},
    END
};

static const struct cli_option request_list[] = {
    {"state", CLI_TEXT, "state", "STATE", "as requested or approved", false},
    {"requester", CLI_TEXT, "requester", "WHO", NULL, false},
    {"subject", CLI_TEXT, "subject", "PROJECT", NULL, false},
    PAGE, END
};

static const struct cli_option request_watch[] = {
    {"timeout-s", CLI_OWN, NULL, "SECONDS", "at most (3600)", false}, END
};

static const struct cli_option secret_version[] = {
    {"version", CLI_NUMBER, "version", "N", "the one that was read", false},
    END
};

static const struct cli_option approvers_add[] = {
    {"username", CLI_TEXT, "username", "NAME", "who", true}, END
};

static const struct cli_option audit_list[] = {
    {"trace", CLI_TEXT, "trace", "ID", "of one call", false},
    {"entity", CLI_TEXT, "entity", "ID", "as a project's", false},
    {"actor", CLI_TEXT, "actor", "WHO", NULL, false},
    {"action", CLI_TEXT, "action", "WHAT", "as project.kill", false},
    {"since", CLI_TEXT, "since", "TIME", NULL, false},
    {"until", CLI_TEXT, "until", "TIME", "before it", false},
    PAGE, END
};

static const struct cli_option chat[] = {
    {"model", CLI_OWN, NULL, "NAME", NULL, true},
    {"message", CLI_OWN, NULL, "TEXT",
        "the prompt; without it, standard input", false},
    {"system", CLI_OWN, NULL, "TEXT", "instructions before it", false},
    {"max-tokens", CLI_OWN, NULL, "N", "at most, of the answer", false},
    END
};

const struct cli_command cli_commands[] = {
    {"login", "POST", "/api/auth/login", login, NULL, NULL, cli_login,
        "Sign in and keep the credential in the profile, mode 0600.  Asks for\n"
        "the password; without a terminal it is the first line of standard\n"
        "input.  With --token an access token is kept instead."},
    {"logout", "POST", "/api/auth/logout", NULL, NULL, NULL, cli_logout,
        "End the session and take the credential out of the profile."},
    {"whoami", "GET", "/api/auth/me", NULL, NULL, NULL, NULL,
        "Who asks, and what the credential may."},

    {"projects list", "GET", "/api/projects", paging, "projects",
        "project_id,name,owner,classification,lifecycle,budget_usd,"
        "killed", NULL, "The projects that you see."},
    {"projects show", "GET", PROJECT, NULL, NULL, NULL, NULL,
        "One project."},
    {"projects create", "POST", "/api/projects", project_create, NULL, NULL,
        NULL, "Register a project."},
    {"projects update", "PATCH", PROJECT, project_update, NULL, NULL, NULL,
        "Change a project."},
    {"projects budget", "PUT", PROJECT "/budgets", budget_set, NULL, NULL,
        NULL, "Set a project's budgets, all of them anew."},
    {"projects usage", "GET", PROJECT "/usage", NULL, NULL, NULL, NULL,
        "What each window has spent, holds, and has free."},
    {"projects kill", "POST", PROJECT "/kill", reason, NULL, NULL, NULL,
        "Refuse every call of a project from now on."},
    {"projects unkill", "POST", PROJECT "/unkill", reason, NULL, NULL, NULL,
        "Let its calls in again."},

    {"keys list", "GET", PROJECT "/keys", paging, "keys",
        "id,name,prefix,created_at,expires_at,revoked_at,last_used_at", NULL,
        "A project's keys."},
    {"keys create", "POST", PROJECT "/keys", key_create, NULL, NULL, NULL,
        "Mint a key.  It is shown this once."},
    {"keys revoke", "DELETE", PROJECT "/keys/{key}", NULL, NULL, NULL, NULL,
        "Refuse every call of a key from now on."},

    {"services list", "GET", "/api/services", paging, "services",
        "id,name,category,status,auto_approvable,"
        "cost.estimated_monthly_usd", NULL,
        "What can be asked for."},
    {"services show", "GET", "/api/services/{service}", NULL, NULL, NULL,
        NULL, "One service: its fields, tiers and cost."},

    {"request create", "POST", PROJECT "/resources", request_create, NULL,
        NULL, NULL,
        "Ask for a resource.  It is made at once, or waits for an approver."},
    {"request list", "GET", "/api/requests", request_list, "requests",
        "id,kind,state,requester,subject,created_at,sla_due_at", NULL,
        "Requests that you see."},
    {"request show", "GET", REQUEST, NULL, NULL, NULL, NULL,
        "One request: what it waits for, who may decide, its history."},
    {"request watch", "GET", REQUEST "/events", request_watch, NULL, NULL,
        cli_watch,
        "Follow a request until it is done.  Exit status 2 when it was\n"
        "rejected, cancelled or failed."},
    {"approve", "POST", REQUEST "/approve", reason, NULL, NULL, NULL,
        "Approve a request."},
    {"reject", "POST", REQUEST "/reject", reason_needed, NULL, NULL, NULL,
        "Reject a request."},
    {"fulfill", "POST", REQUEST "/fulfill", reason, NULL, NULL, NULL,
        "Say that what was approved is done, where people do it."},
    {"escalate", "POST", REQUEST "/escalate", reason, NULL, NULL, NULL,
        "Send a request to the next approver."},
    {"cancel", "POST", REQUEST "/cancel", reason, NULL, NULL, NULL,
        "Take back a request of yours."},

    {"resources list", "GET", PROJECT "/resources", paging, "resources",
        "id,name,rtype,state,dry_run,est_monthly_usd,request_id,error", NULL,
        "A project's resources."},
    {"resources delete", "DELETE", PROJECT "/resources/{resource}", NULL,
        NULL, NULL, NULL, "Destroy a resource, or ask for it."},
    {"resources show", "GET", PROJECT "/resources/{resource}", NULL, NULL,
        NULL, NULL, "One resource: its state, outputs, what went wrong."},
    {"resources retry", "POST", PROJECT "/resources/{resource}/retry", reason,
        NULL, NULL, NULL, "Try again now what failed with a resource."},

    {"resources link", "POST", PROJECT "/resources/link", resource_link, NULL,
        NULL, NULL,
        "Note a resource that was made elsewhere.  Asgard never touches it;\n"
        "`resources delete` forgets it."},

    {"secrets list", "GET", PROJECT "/secrets", paging, "secrets",
        "name,version,state,resource_id,created_at,readable_until,"
        "acknowledged_at", NULL, "A project's secrets, without their values."},
    {"secrets read", "POST", SECRET "/read", NULL, NULL, NULL, NULL,
        "Print a secret's value.  It can be read again for ten minutes, or\n"
        "until it is acknowledged."},
    {"secrets acknowledge", "POST", SECRET "/acknowledge", secret_version,
        NULL, NULL, NULL,
        "Say that a secret has arrived: it is not read again."},
    {"secrets rotate", "POST", SECRET "/rotate", reason, NULL, NULL, NULL,
        "Replace a secret by a new value; the answer is the resource that\n"
        "does it."},

    {"approvers list", "GET", "/api/approver-groups", NULL, "groups",
        "group,members", NULL,
        "Whose agreement some requests need, by group."},
    {"approvers add", "POST", "/api/approver-groups/{group}/members",
        approvers_add, NULL, NULL, NULL,
        "Put somebody into a group: platform or security."},
    {"approvers remove", "DELETE",
        "/api/approver-groups/{group}/members/{member}", NULL, NULL, NULL,
        NULL, "Take somebody out of a group, by username or id."},

    {"audit", "GET", "/api/audit", audit_list, "events",
        "ts,action,actor,entity_ref,outcome,trace_id", NULL,
        "The audit log, of all that you see."},
    {"chat", "POST", "/v1/chat/completions", chat, NULL, NULL, cli_chat,
        "Send one prompt with a project's key (ASGARD_KEY, or `key` of the\n"
        "profile) and print the answer as it comes."},
    {"completion", "GET", "{shell}", NULL, NULL, NULL, cli_completion,
        "Print completion for bash, zsh or fish."},
    {"manual", "GET", "", NULL, NULL, NULL, cli_manual,
        "Print the manual page, as roff."},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL}
};
