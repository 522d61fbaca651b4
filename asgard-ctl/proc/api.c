/*
 * The api role.
 */
#include "proc/api.h"

#include <poll.h>
#include <stdlib.h>

#include "base/log.h"
#include "core/keyfile.h"
#include "http/server.h"
#include "proc/values.h"


static bool
read_peppers(int fd, asg_keyfile_t *keys, struct ctl_error *e)
{
    asg_keyfile_error_t why = {0, ""};
    asg_str_t text;
    bool ok;

    if (!ctl_values_read(fd, &text, e)) {
        return false;
    }
    ok = asg_keyfile_parse(text, true, keys, &why) == ASG_OK
         || ctl_error_internal(e, "peppers, line %u: %s", why.line, why.text);
    ctl_values_release(&text);

    return ok;
}


int
ctl_api_run(const struct ctl_config *config, int peppers_fd, int stop_fd)
{
    struct pollfd stop = {.fd = stop_fd, .events = POLLIN};
    struct ctl_server *server;
    asg_keyfile_t *keys = calloc(1, sizeof(*keys));
    struct ctl_error e;

    if (keys == NULL) {
        return EXIT_FAILURE;
    }
    server = read_peppers(peppers_fd, keys, &e)
             ? ctl_server_start(config, keys, &e) : NULL;
    if (server == NULL) {
        ctl_log_error(&e, "starting");
        asg_keyfile_wipe(keys);
        free(keys);
        return EXIT_FAILURE;
    }
    ctl_log(CTL_LOG_INFO, "serving at %s with %u threads", config->listen,
            config->api_threads);
    while (poll(&stop, 1, -1) <= 0) { /* interrupted */ }

    ctl_server_stop(server);
    asg_keyfile_wipe(keys);
    free(keys);

    return EXIT_SUCCESS;
}
