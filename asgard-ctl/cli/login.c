/*
 * Signing in and out: what is kept stands in the profile.
 */
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "cli/call.h"
#include "cli/flat.h"
#include "cli/own.h"
#include "cli/profile.h"

#define PASSWORD_BYTES 1024
#define BODY_BYTES     8192

/* One line of stdin, not shown where that is a terminal. */
static bool
line_read(const char *prompt, bool hidden, char *out, size_t size)
{
    bool terminal = isatty(STDIN_FILENO) == 1;
    struct termios shown, silent;
    bool ok;

    hidden = hidden && terminal && tcgetattr(STDIN_FILENO, &shown) == 0;
    if (hidden) {
        silent = shown;
        silent.c_lflag &= (tcflag_t) ~ECHO;
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    }
    if (terminal) {
        fputs(prompt, stderr);
    }
    ok = fgets(out, (int) size, stdin) != NULL;
    if (hidden) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
        fputc('\n', stderr);
    }
    if (ok) {
        out[strcspn(out, "\r\n")] = '\0';
    }
    if (!ok || out[0] == '\0') {
        cli_say("nothing was read");
        return false;
    }

    return true;
}


static bool
token_keep(struct cli *cli)
{
    const struct cli_setting words[] = {
        {"url", cli->settings.url, 0},
        {"token", cli->settings.pat, 0},
        {NULL, NULL, 0}
    };

    return cli_profile_write(cli->settings.profile, words);
}


static enum cli_exit
ask(struct cli *cli, const char *method, const char *path, asg_str_t body,
    struct cli_reply *reply)
{
    struct cli_call call = {.method = method, .path = path, .body = body,
                            .bearer = body.len > 0 ? NULL : cli->settings.pat};

    if (!cli_call(&cli->settings, &call, reply)) {
        cli_say("%s: %s", cli->settings.url, reply->why);
        return CLI_TRANSPORT;
    }

    return cli_reply_judge(reply);
}


/* The session's token out of the answer. */
static bool
token_take(struct cli *cli, const struct cli_reply *reply)
{
    asg_json_event_t kind;
    asg_str_t raw;
    asg_buf_t out;

    asg_buf_init(&out, cli->settings.pat, sizeof(cli->settings.pat) - 1);
    if (!cli_flat_find((asg_str_t) {reply->body, reply->len}, 0, "token",
                       &kind, &raw)
        || kind != ASG_JSON_STRING || !asg_json_unescape(raw, &out))
    {
        cli_say("the answer has no token");
        return false;
    }
    cli->settings.pat[out.len] = '\0';

    return true;
}


static void
body_make(asg_buf_t *out, const char *name, const char *password)
{
    asg_buf_z(out, "{\"username\":");
    asg_buf_json(out, asg_str_z(name));
    asg_buf_z(out, ",\"password\":");
    asg_buf_json(out, asg_str_z(password));
    asg_buf_z(out, "}");
}


static enum cli_exit
login_by_password(struct cli *cli, const char *name)
{
    char password[PASSWORD_BYTES];
    char text[BODY_BYTES];
    struct cli_reply reply = {0};
    enum cli_exit end = CLI_REFUSED;
    asg_buf_t body;

    asg_buf_init(&body, text, sizeof(text));
    if (line_read("Password: ", true, password, sizeof(password))) {
        body_make(&body, name, password);
        end = ask(cli, "POST", "/api/auth/login", asg_buf_view(&body), &reply);
    }
    OPENSSL_cleanse(password, sizeof(password));
    OPENSSL_cleanse(text, sizeof(text));
    if (end == CLI_OK && !token_take(cli, &reply)) {
        end = CLI_TRANSPORT;
    }
    cli_reply_release(&reply);

    return end;
}


/* A token is tried before it is kept. */
static enum cli_exit
login_by_token(struct cli *cli)
{
    struct cli_reply reply = {0};
    enum cli_exit end;

    if (!line_read("Access token: ", true, cli->settings.pat,
                   sizeof(cli->settings.pat)))
    {
        return CLI_REFUSED;
    }
    end = ask(cli, "GET", "/api/auth/me", ASG_STR_NULL, &reply);
    cli_reply_release(&reply);

    return end;
}


enum cli_exit
cli_login(struct cli *cli)
{
    const char *name = cli_argument(&cli->arguments, "username");
    char asked[CLI_NAME_BYTES * 4];
    enum cli_exit end;

    if (cli_argument(&cli->arguments, "token") != NULL) {
        end = login_by_token(cli);
    } else if (name != NULL
               || line_read("Name: ", false, asked, sizeof(asked)))
    {
        end = login_by_password(cli, name != NULL ? name : asked);
    } else {
        end = CLI_REFUSED;
    }
    if (end == CLI_OK && !token_keep(cli)) {
        end = CLI_REFUSED;
    }
    if (end == CLI_OK) {
        cli_say("signed in at %s, as profile `%s`", cli->settings.url,
                cli->settings.profile);
    }

    return end;
}


/* Also when the server does not know the session any more. */
enum cli_exit
cli_logout(struct cli *cli)
{
    struct cli_reply reply = {0};
    enum cli_exit end = CLI_OK;

    if (strncmp(cli->settings.pat, "asg_ses_", 8) == 0) {
        end = ask(cli, "POST", "/api/auth/logout", ASG_STR_NULL, &reply);
        cli_reply_release(&reply);
        end = end == CLI_AUTH ? CLI_OK : end;
    }
    OPENSSL_cleanse(cli->settings.pat, sizeof(cli->settings.pat));
    if (!token_keep(cli)) {
        return CLI_REFUSED;
    }

    return end;
}
