/*
 * Mail over libcurl.
 */
#include "proc/mail.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cjson/cJSON.h>
#include <curl/curl.h>

#include "base/config_check.h"
#include "proc/outward.h"
#include "proc/values.h"

#define DATE_BYTES 48

/* What is still to be sent of a message. */
struct reading {
    const char *text;
    size_t left;
};


bool
ctl_mail_open(struct ctl_mail *m, const struct ctl_config *config,
    struct ctl_error *e)
{
    asg_str_t text;
    bool ok;

    memset(m, 0, sizeof(*m));
    m->config = config;
    m->stop_fd = -1;
    if (config->mail_password_file == NULL) {
        return true;
    }
    if (!ctl_values_read_file(config->mail_password_file, &text, e)) {
        return false;
    }
    if (text.len > 0 && text.data[text.len - 1] == '\n') {
        text.len--;
    }
    ok = (text.len > 0 && memchr(text.data, '\n', text.len) == NULL
          && memchr(text.data, '\0', text.len) == NULL
          && ctl_secret_set(&m->password, text))
         || ctl_error_field(e, "invalid_value", "mail_password_file",
                            "%s: expects a password, one line",
                            config->mail_password_file);
    ctl_values_release(&text);

    return ok;
}


void
ctl_mail_close(struct ctl_mail *m)
{
    ctl_secret_wipe(&m->password);
}


/* --- the message --- */

/* A text of what is told, on one line whatever is in it. */
static const char *
line_of(const cJSON *data, const char *name, struct ctl_arena *arena)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(data, name));
    char *line = ctl_arena_text(arena, text != NULL ? text : "-",
                                text != NULL ? strlen(text) : 1);
    char *p;

    for (p = line; p != NULL && *p != '\0'; p++) {
        if ((unsigned char) *p < ' ' || *p == 0x7f) {
            *p = ' ';
        }
    }

    return line != NULL ? line : "";
}


static bool
date_write(const char *seconds, char out[DATE_BYTES])
{
    time_t at = (time_t) strtoll(seconds, NULL, 10);
    struct tm tm;

    return gmtime_r(&at, &tm) != NULL
           && strftime(out, DATE_BYTES, "%a, %d %b %Y %H:%M:%S +0000", &tm)
              > 0;
}


/* "" without a link; NULL: no memory. */
static const char *
link_text(const struct ctl_notice *n, struct ctl_arena *arena)
{
    return n->links.n == 0 ? ""
           : ctl_arena_printf(arena, "\r\nApprove or reject it here, once, "
                "until %s. The link is\r\nfor you alone: who has it decides "
                "in your name.\r\n%s\r\n", n->links.items[0].expires_at,
                n->links.items[0].url);
}


/* Kind, project and state are words of our own: they may stand in a header. */
static const char *
message_make(const struct ctl_mail *m, const struct ctl_notice *n,
    const cJSON *data, struct ctl_arena *arena)
{
    const char *from = m->config->mail_from, *kind, *project, *state;
    const char *link = link_text(n, arena);
    char date[DATE_BYTES];

    if (link == NULL || !date_write(n->at, date)) {
        return NULL;
    }
    kind = line_of(data, "kind", arena);
    project = line_of(data, "project", arena);
    state = line_of(data, "state", arena);

    return ctl_arena_printf(arena,
        "Date: %s\r\nFrom: <%s>\r\nTo: <%s>\r\nMessage-ID: <%s@%s>\r\n"
        "Subject: [Asgard] %s of %s: %s\r\nAuto-Submitted: auto-generated\r\n"
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
        "Content-Transfer-Encoding: 8bit\r\n\r\n"
        "Request:      %s\r\nKind:         %s\r\nProject:      %s\r\n"
        "State:        %s\r\nRequested by: %s\r\nWaits for:    %s\r\n\r\n"
        "%s\r\n%s", date, from, n->address, n->id, strrchr(from, '@') + 1, kind,
        project, state, line_of(data, "request_id", arena), kind, project,
        state, line_of(data, "requested_by", arena),
        line_of(data, "waits_for", arena), line_of(data, "url", arena),
        link);
}


static size_t
give(char *to, size_t size, size_t n, void *of)
{
    struct reading *r = of;
    size_t len = size * n < r->left ? size * n : r->left;

    memcpy(to, r->text, len);
    r->text += len;
    r->left -= len;

    return len;
}


/* --- the call --- */

static void
options_set(const struct ctl_mail *m, CURL *curl, const char *from,
    struct curl_slist *to, struct reading *r)
{
    const struct ctl_config *c = m->config;
    bool local = ctl_config_mail_is_local(c);

    curl_easy_setopt(curl, CURLOPT_URL, c->mail_url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(curl, CURLOPT_USE_SSL,
                     (long) (local ? CURLUSESSL_TRY : CURLUSESSL_ALL));
    if (m->password.bytes != NULL) {
        curl_easy_setopt(curl, CURLOPT_USERNAME, c->mail_user);
        curl_easy_setopt(curl, CURLOPT_PASSWORD, m->password.bytes);
    }
    curl_easy_setopt(curl, CURLOPT_MAIL_FROM, from);
    curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, to);
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, give);
    curl_easy_setopt(curl, CURLOPT_READDATA, r);
}


static const char *
perform(struct ctl_outward *o, CURL *curl, struct ctl_arena *arena)
{
    CURLcode rc = curl_easy_perform(curl);
    long status = 0;

    if (rc == CURLE_OK) {
        return NULL;
    }
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);

    return status >= 400 && status < 600
           ? ctl_arena_printf(arena, "answered %ld", status)
           : ctl_outward_why(o, rc);
}


static const char *
message_send(const struct ctl_mail *m, const struct ctl_notice *n,
    const char *message, struct ctl_arena *arena)
{
    struct ctl_outward o = {m->config, m->stop_fd, false};
    struct reading r = {message, strlen(message)};
    const char *from = ctl_arena_printf(arena, "<%s>", m->config->mail_from);
    const char *path = ctl_arena_printf(arena, "<%s>", n->address);
    struct curl_slist *to = path != NULL ? curl_slist_append(NULL, path)
                                         : NULL;
    const char *why = "out of memory";
    CURL *curl = curl_easy_init();

    if (curl != NULL && to != NULL && from != NULL) {
        ctl_outward_set(&o, curl);
        options_set(m, curl, from, to, &r);
        why = perform(&o, curl, arena);
    }
    curl_slist_free_all(to);
    curl_easy_cleanup(curl);

    return why;
}


const char *
ctl_mail_send(const struct ctl_mail *m, const struct ctl_notice *n,
    struct ctl_arena *arena)
{
    cJSON *said = cJSON_Parse(n->body);
    const char *message = message_make(m, n, cJSON_GetObjectItem(said, "data"),
                                       arena);

    cJSON_Delete(said);

    return message != NULL ? message_send(m, n, message, arena)
                           : "out of memory";
}
