
/*
 * The witness file.
 */

#include "ngx_http_asgard_shm.h"
#include "ngx_http_asgard_spool.h"


#define NGX_HTTP_ASGARD_SPOOL_SAY  60      /* s between two alerts */


void
ngx_http_asgard_spool_guard(ngx_open_file_t *file, ngx_log_t *log)
{
    ngx_fd_t  fd;

    /* the core, which opens it next, would give a new file to all readers;
     * what goes wrong here it says there */

    fd = ngx_open_file(file->name.data, NGX_FILE_APPEND,
                       NGX_FILE_CREATE_OR_OPEN, NGX_FILE_OWNER_ACCESS);

    if (fd != NGX_INVALID_FILE && ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_errno,
                      "asgard: the spool cannot be closed");
    }
}


static ngx_fd_t
ngx_http_asgard_spool_fd(void)
{
    ngx_http_asgard_main_conf_t  *amcf;

    amcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                               ngx_http_asgard_module);

    return amcf->spool ? amcf->spool->fd : NGX_INVALID_FILE;
}


/* `text` begins with a newline, for the case that the file ends within a line
 * which somebody could not write. */
static void
ngx_http_asgard_spool_put(ngx_fd_t fd, const char *text, size_t len)
{
    static time_t  said;

    ssize_t                  n;
    ngx_uint_t               whole;
    ngx_http_asgard_zone_t  *zone;

    zone = ngx_http_asgard_zone();
    whole = !zone->spool_torn;

    n = ngx_write_fd(fd, (void *) (text + whole), len - whole);

    if (n == (ssize_t) (len - whole)) {
        if (!whole) {
            zone->spool_torn = 0;
        }
        return;
    }

    if (n > 0) {
        zone->spool_torn = 1;
    }

    ngx_http_asgard_count(NGX_HTTP_ASGARD_COUNT_SPOOL_ERRORS, 1);

    if (said == 0 || ngx_time() - said >= NGX_HTTP_ASGARD_SPOOL_SAY) {
        said = ngx_time();
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, n < 0 ? ngx_errno : 0,
                      "asgard: the spool cannot be written");
    }
}


void
ngx_http_asgard_spool_call(ngx_http_asgard_slot_t *slot,
    const asg_event_t *event, u_char verb, asg_nusd_t amount_nusd,
    asg_str_t verdict)
{
    char              text[1 + ASG_EVENT_LINE];
    ngx_fd_t          fd;
    asg_buf_t         out;
    ngx_time_t       *now;
    asg_spool_line_t  line;

    fd = ngx_http_asgard_spool_fd();
    if (fd == NGX_INVALID_FILE) {
        return;
    }

    now = ngx_timeofday();
    ngx_memzero(&line, sizeof(asg_spool_line_t));
    line.event = *event;
    line.hold = (asg_str_t) { (const char *) slot->hold, slot->hold_len };
    line.pins = (asg_str_t) { (const char *) slot->pins, slot->pins_len };
    line.detail = (asg_str_t) { (const char *) slot->detail, slot->detail_len };
    line.verb = (asg_str_t) { (const char *) &verb, 1 };
    line.verdict = verdict;
    line.epoch = slot->untold ? ngx_http_asgard_zone_epoch(slot->part)
                              : slot->epoch;
    line.partition = (unsigned) slot->part;
    line.amount_nusd = amount_nusd;
    line.held_nusd = slot->held_nusd;
    line.at_ms = (int64_t) now->sec * 1000 + now->msec;

    text[0] = '\n';
    asg_buf_init(&out, text + 1, ASG_EVENT_LINE - 1);

    if (asg_spool_write(&out, &line) != ASG_OK) {
        line.event.upstream_id = ASG_STR_NULL;
        line.detail = ASG_STR_NULL;
        asg_buf_init(&out, text + 1, ASG_EVENT_LINE - 1);
        if (asg_spool_write(&out, &line) != ASG_OK) {
            ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                          "asgard: a line of the spool is too long");
            return;
        }
    }

    ngx_http_asgard_spool_put(fd, text, 1 + out.len);
}


void
ngx_http_asgard_spool_slot(ngx_http_asgard_slot_t *slot, u_char verb,
    asg_nusd_t amount_nusd, asg_str_t verdict)
{
    static asg_json_t  json;

    char               scratch[ASG_EVENT_DETAIL];
    asg_buf_t          buf;
    asg_str_t          text;
    asg_event_t        event;

    asg_buf_init(&buf, scratch, sizeof(scratch));
    text = (asg_str_t) { (const char *) slot->detail, slot->detail_len };

    if (asg_event_read(&json, text, &buf, &event) != ASG_OK) {
        return;
    }

    ngx_http_asgard_spool_call(slot, &event, verb, amount_nusd, verdict);
}
