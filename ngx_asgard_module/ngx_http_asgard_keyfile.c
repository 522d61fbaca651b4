
/*
 * Reading of secret files at configuration time, and no dump of what holds
 * them.
 */

#include "ngx_http_asgard_keyfile.h"

#include <openssl/crypto.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "core/weak.h"


#define NGX_HTTP_ASGARD_PASSWORD_MAX  512


/* All secrets of one configuration. */
typedef struct {
    asg_keyfile_t   keys;
    asg_key_pads_t  pads[ASG_KEYFILE_KEYS_MAX];
    u_char          password[NGX_HTTP_ASGARD_PASSWORD_MAX];
    u_char          hook[NGX_HTTP_ASGARD_PASSWORD_MAX];
    u_char          text[ASG_KEYFILE_BYTES_MAX + 1];
} ngx_http_asgard_secrets_t;


static ngx_http_asgard_secrets_t *ngx_http_asgard_secrets(ngx_conf_t *cf,
    ngx_http_asgard_main_conf_t *amcf);
static void ngx_http_asgard_secrets_cleanup(void *data);
static ngx_int_t ngx_http_asgard_secret_file(ngx_conf_t *cf, ngx_str_t *path,
    u_char *out, size_t max, size_t *len);


void *
ngx_http_asgard_secret_map(size_t size)
{
    void  *p;

    p = mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS,
             -1, 0);

    if (p == MAP_FAILED) {
        return NULL;
    }

    if (madvise(p, size, MADV_DONTDUMP) == -1) {
        munmap(p, size);
        return NULL;
    }

    return p;
}


void
ngx_http_asgard_secret_unmap(void *memory, size_t size)
{
    if (memory) {
        OPENSSL_cleanse(memory, size);
        munmap(memory, size);
    }
}


char *
ngx_http_asgard_keyfile_load(ngx_conf_t *cf, ngx_http_asgard_main_conf_t *amcf)
{
    size_t                      i, len;
    asg_err_t                   err;
    asg_str_t                   text;
    asg_keyfile_error_t         why;
    ngx_http_asgard_secrets_t  *s;

    s = ngx_http_asgard_secrets(cf, amcf);

    if (s == NULL
        || ngx_http_asgard_secret_file(cf, &amcf->key_file, s->text,
                                       sizeof(s->text), &len)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    text = (asg_str_t) { (const char *) s->text, len };

    err = asg_keyfile_parse(text, false, &s->keys, &why);
    OPENSSL_cleanse(s->text, sizeof(s->text));

    if (err != ASG_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "asgard: key file \"%V\", line %ui: %s",
                           &amcf->key_file, (ngx_uint_t) why.line, why.text);
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < s->keys.npeppers; i++) {
        asg_key_pads_init(&s->pads[i], s->keys.peppers[i].secret,
                          ASG_SECRET_BYTES);
    }

    amcf->keys = &s->keys;
    amcf->pads = s->pads;

    return NGX_CONF_OK;
}


char *
ngx_http_asgard_keyfile_password(ngx_conf_t *cf,
    ngx_http_asgard_main_conf_t *amcf, ngx_str_t *path)
{
    size_t                      len, n;
    const char                 *weak;
    ngx_http_asgard_secrets_t  *s;

    s = ngx_http_asgard_secrets(cf, amcf);

    if (s == NULL
        || ngx_http_asgard_secret_file(cf, path, s->password,
                                       sizeof(s->password), &len)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    for (n = 0; n < len && s->password[n] > 0x20; n++) { /* void */ }

    if (n == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "asgard: \"%V\" does not begin with a password",
                           path);
        return NGX_CONF_ERROR;
    }

    weak = asg_weak_password((asg_str_t) { (const char *) s->password, n });
    if (weak) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "asgard: the password in \"%V\" %s; make one with "
                           "openssl rand -hex 16", path, weak);
        return NGX_CONF_ERROR;
    }

    amcf->redis_password.data = s->password;
    amcf->redis_password.len = n;

    return NGX_CONF_OK;
}


char *
ngx_http_asgard_keyfile_hook(ngx_conf_t *cf, ngx_http_asgard_main_conf_t *amcf,
    ngx_str_t *path, ngx_str_t *out)
{
    size_t                      len, n;
    ngx_http_asgard_secrets_t  *s;

    s = ngx_http_asgard_secrets(cf, amcf);

    if (s == NULL
        || ngx_http_asgard_secret_file(cf, path, s->hook, sizeof(s->hook),
                                       &len)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    for (n = 0; n < len && s->hook[n] > 0x20 && s->hook[n] < 0x7f; n++) {
        /* void */
    }

    if (n == 0 || (n < len && s->hook[n] != '\n' && s->hook[n] != '\r')) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "asgard: \"%V\" does not begin with a line that is "
                           "a secret of printable ASCII", path);
        return NGX_CONF_ERROR;
    }

    out->data = s->hook;
    out->len = n;

    return NGX_CONF_OK;
}


static ngx_http_asgard_secrets_t *
ngx_http_asgard_secrets(ngx_conf_t *cf, ngx_http_asgard_main_conf_t *amcf)
{
    ngx_pool_cleanup_t  *cln;

    if (amcf->secrets) {
        return amcf->secrets;
    }

    cln = ngx_pool_cleanup_add(cf->cycle->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    amcf->secrets =
                 ngx_http_asgard_secret_map(sizeof(ngx_http_asgard_secrets_t));

    if (amcf->secrets == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "asgard: no memory that stays out of core dumps");
        return NULL;
    }

    cln->handler = ngx_http_asgard_secrets_cleanup;
    cln->data = amcf->secrets;

    return amcf->secrets;
}


static void
ngx_http_asgard_secrets_cleanup(void *data)
{
    ngx_http_asgard_secret_unmap(data, sizeof(ngx_http_asgard_secrets_t));
}


/* A regular file that nobody but its owner may touch. */

static ngx_int_t
ngx_http_asgard_secret_check(ngx_conf_t *cf, ngx_str_t *path, ngx_fd_t fd,
    size_t max)
{
    ngx_file_info_t  fi;

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_fd_info_n " \"%V\" failed", path);
        return NGX_ERROR;
    }

    if (!ngx_is_file(&fi) || ngx_file_size(&fi) >= (off_t) max) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "asgard: \"%V\" is not a file of less than %uz "
                           "bytes", path, max);
        return NGX_ERROR;
    }

    /* a group may read it: asgard-ctl runs as another user than nginx */
    if (ngx_file_access(&fi) & 037) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "asgard: \"%V\" has mode 0%ui%ui%ui: others than "
                           "its owner and group may use it; chmod 0400 or "
                           "0440 it", path,
                           (ngx_uint_t) (ngx_file_access(&fi) >> 6 & 7),
                           (ngx_uint_t) (ngx_file_access(&fi) >> 3 & 7),
                           (ngx_uint_t) (ngx_file_access(&fi) & 7));
        return NGX_ERROR;
    }

    if ((ngx_file_access(&fi) & 040) && fi.st_uid != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "asgard: \"%V\" may be read by a group and is not "
                           "root's; chmod 0400 it", path);
        return NGX_ERROR;
    }

    if (fi.st_uid != 0 && fi.st_uid != geteuid()) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "asgard: \"%V\" belongs to uid %d; it must belong "
                           "to root, or to the user who starts nginx", path,
                           (int) fi.st_uid);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_asgard_secret_file(ngx_conf_t *cf, ngx_str_t *path, u_char *out,
    size_t max, size_t *len)
{
    ssize_t   n;
    ngx_fd_t  fd;

    if (ngx_conf_full_name(cf->cycle, path, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    fd = ngx_open_file(path->data, NGX_FILE_RDONLY|O_CLOEXEC, NGX_FILE_OPEN,
                       0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "asgard: cannot read \"%V\"; it is read by the "
                           "user who starts nginx (root), once per start or "
                           "reload", path);
        return NGX_ERROR;
    }

    n = -1;

    if (ngx_http_asgard_secret_check(cf, path, fd, max) == NGX_OK) {
        n = read(fd, out, max - 1);

        if (n == -1) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                               ngx_read_fd_n " \"%V\" failed", path);
        }
    }

    (void) ngx_close_file(fd);

    if (n == -1) {
        return NGX_ERROR;
    }

    *len = (size_t) n;

    return NGX_OK;
}


/* A worker's memory holds keys and prompts: neither dump nor debugger. */

void
ngx_http_asgard_keyfile_shut(ngx_cycle_t *cycle)
{
    struct rlimit  none = { 0, 0 };

    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1
        || setrlimit(RLIMIT_CORE, &none) == -1)
    {
        ngx_log_error(NGX_LOG_ALERT, cycle->log, ngx_errno,
                      "asgard: core dumps cannot be switched off");
    }
}
