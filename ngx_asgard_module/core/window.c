/* Budget windows and the calendar that they need, in integers.  UTC, but for
 * the boundaries of zoned windows: those are read. */
#include "core/window.h"

#include <string.h>

#define MINUTE_S          60
#define HOUR_S            3600
#define DAY_S             86400
#define WEEK_S            604800
#define COUNT_MAX         3650
#define LENGTH_MAX_S      ((int64_t) 3650 * DAY_S)
#define MONTHS_AHEAD      16            /* boundaries of a month in UTC */
#define CLOCKS_APART_S    HOUR_S        /* at most, between two servers */
#define NAME_DIGITS_MAX   9             /* more cannot be in range */
#define DAYS_PER_ERA      146097        /* 400 years */
#define DAYS_TO_EPOCH     719468        /* 0000-03-01 to 1970-01-01 */
#define TIME_MIN_S        (-INT64_C(62167219200))       /* year 0 */
#define TIME_MAX_S        INT64_C(253402300799)         /* end of year 9999 */

typedef struct {
    int64_t year;
    int month;                  /* 1 to 12 */
    int day;
} date_t;

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Days since 1970-01-01.  Years are counted from March: the leap day is then
 * the last of its year, and five months always have 153 days. */
static int64_t days_of(date_t d)
{
    int64_t year = d.month > 2 ? d.year : d.year - 1;
    int64_t era = floor_div(year, 400);
    int64_t year_of_era = year - era * 400;
    int64_t month = d.month > 2 ? d.month - 3 : d.month + 9;
    int64_t day = (153 * month + 2) / 5 + d.day - 1;

    return era * DAYS_PER_ERA + year_of_era * 365 + year_of_era / 4
        - year_of_era / 100 + day - DAYS_TO_EPOCH;
}

/* The inverse of days_of(). */
static date_t date_of(int64_t days)
{
    int64_t since = days + DAYS_TO_EPOCH;
    int64_t era = floor_div(since, DAYS_PER_ERA);
    int64_t of_era = since - era * DAYS_PER_ERA;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096)
        / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153;
    date_t d;

    d.day = (int) (of_year - (153 * month + 2) / 5 + 1);
    d.month = (int) (month < 10 ? month + 3 : month - 9);
    d.year = era * 400 + year + (d.month <= 2);
    return d;
}

/* Start of the month that is `offset` months after the one of `now`. */
static int64_t month_start(int64_t now, int offset)
{
    date_t d = date_of(floor_div(now, DAY_S));
    int64_t months = d.year * 12 + d.month - 1 + offset;

    d.year = floor_div(months, 12);
    d.month = (int) (months - d.year * 12) + 1;
    d.day = 1;
    return days_of(d) * DAY_S;
}

/* --- windows --- */

static int64_t unit_seconds(char unit)
{
    switch (unit) {
    case 's':
        return 1;
    case 'm':
        return MINUTE_S;
    case 'h':
        return HOUR_S;
    case 'd':
        return DAY_S;
    case 'w':
        return WEEK_S;
    default:
        return 0;
    }
}

/* `N` and a unit; RANGE also for a number that does not fit anything. */
static asg_err_t parse_period(asg_str_t name, int64_t *length_s)
{
    asg_str_t digits = {name.data, name.len - (name.len > 0)};
    int64_t unit_s = name.len > 0 ? unit_seconds(name.data[name.len - 1]) : 0;
    uint64_t n = 0;

    for (size_t i = 0; i < digits.len; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '9') {
            return ASG_ERR_SYNTAX;
        }
    }
    if (unit_s == 0 || digits.len == 0
        || (digits.data[0] == '0' && digits.len > 1))
    {
        return ASG_ERR_SYNTAX;
    }
    if (digits.len > NAME_DIGITS_MAX || !asg_str_u64(digits, &n)
        || n < 1 || n > COUNT_MAX || (int64_t) n * unit_s > LENGTH_MAX_S)
    {
        return ASG_ERR_RANGE;
    }
    *length_s = (int64_t) n * unit_s;
    return ASG_OK;
}

static asg_window_t make(asg_window_kind_t kind, asg_str_t name)
{
    asg_window_t w = {.kind = kind};

    memcpy(w.name, name.data, name.len);
    return w;
}

asg_err_t asg_window_parse(asg_str_t name, asg_window_t *out)
{
    int64_t length_s;
    asg_err_t err;
    char unit;

    if (asg_str_eq_z(name, "total")) {
        *out = make(ASG_WINDOW_TOTAL, name);
        return ASG_OK;
    }
    if (asg_str_eq_z(name, "1mo") || asg_str_eq_z(name, "30d")) {
        *out = make(ASG_WINDOW_MONTH, ASG_STR("1mo"));
        return ASG_OK;
    }
    err = parse_period(name, &length_s);
    if (err != ASG_OK) {
        return err;
    }
    if (asg_str_eq_z(name, "1w")) {
        name = ASG_STR("7d");
    }
    unit = name.data[name.len - 1];
    *out = make(ASG_WINDOW_PERIOD, name);
    out->length_s = length_s;
    out->offset_s = unit == 'd' || unit == 'w' ? ASG_WINDOW_WEEK_OFFSET : 0;
    return ASG_OK;
}

/* --- zones --- */

/* The areas of the IANA names of places; `Etc`, `US`, `SystemV` and what has
 * no area are other names, offsets or abbreviations. */
static const char *const areas[] = {
    "Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic",
    "Australia", "Europe", "Indian", "Pacific"
};

static bool is_area(asg_str_t text)
{
    for (size_t i = 0; i < sizeof(areas) / sizeof(areas[0]); i++) {
        if (asg_str_eq_z(text, areas[i])) {
            return true;
        }
    }
    return false;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Letters, and `_` or `-` between them; a `/` begins another such part. */
static bool is_place(asg_str_t text)
{
    bool letter = false;

    for (size_t i = 0; i < text.len; i++) {
        if (!is_letter(text.data[i])
            && (!letter || memchr("_-/", text.data[i], 3) == NULL))
        {
            return false;
        }
        letter = is_letter(text.data[i]);
    }
    return letter;
}

bool asg_zone_is_name(asg_str_t zone)
{
    const char *slash = zone.len > 0 ? memchr(zone.data, '/', zone.len) : NULL;
    size_t area;

    if (asg_str_eq_z(zone, "UTC")) {
        return true;
    }
    if (slash == NULL || zone.len >= ASG_WINDOW_ZONE_MAX) {
        return false;
    }
    area = (size_t) (slash - zone.data);
    return is_area((asg_str_t) {zone.data, area})
        && is_place((asg_str_t) {slash + 1, zone.len - area - 1});
}

bool asg_window_is_of_days(const asg_window_t *w)
{
    return w->kind == ASG_WINDOW_MONTH || w->kind == ASG_WINDOW_ZONED
        || (w->kind == ASG_WINDOW_PERIOD && w->offset_s != 0);
}

/* The number before the next `/`, which `rest` loses. */
static bool boundary_take(asg_str_t *rest, int64_t *boundary)
{
    const char *slash = rest->len > 0 ? memchr(rest->data, '/', rest->len)
                                      : NULL;
    size_t len = slash != NULL ? (size_t) (slash - rest->data) : rest->len;
    size_t taken = len + (slash != NULL);
    uint64_t n;

    if (!asg_str_u64((asg_str_t) {rest->data, len}, &n)
        || n > (uint64_t) TIME_MAX_S)
    {
        return false;
    }
    *boundary = (int64_t) n;
    rest->data += taken;
    rest->len -= taken;
    return true;
}

static bool are_boundaries(asg_str_t text)
{
    asg_str_t rest = text;
    int64_t last = -1, at;
    size_t n = 0;

    while (rest.len > 0) {
        if (!boundary_take(&rest, &at) || at <= last
            || ++n > ASG_WINDOW_BOUNDARIES)
        {
            return false;
        }
        last = at;
    }
    return n >= 2 && text.data[text.len - 1] != '/';
}

asg_err_t asg_window_zoned(asg_window_t *w, asg_str_t zone,
    asg_str_t boundaries)
{
    if (!asg_window_is_of_days(w)) {
        return ASG_ERR_RANGE;
    }
    if (!asg_zone_is_name(zone) || !are_boundaries(boundaries)) {
        return ASG_ERR_SYNTAX;
    }
    w->kind = ASG_WINDOW_ZONED;
    w->zone = zone;
    w->boundaries = boundaries;
    return ASG_OK;
}

/* The period of `now` in the list, and what of the list begins with it. */
static asg_str_t boundaries_at(const asg_window_t *w, int64_t now,
    int64_t *start, int64_t *end)
{
    asg_str_t rest = w->boundaries, from = rest, before;

    *start = *end = ASG_WINDOW_NONE;
    for (before = rest; boundary_take(&rest, end) && *end <= now; before = rest)
    {
        *start = *end;
        from = before;
    }
    if (*start == ASG_WINDOW_NONE || *end <= now) {
        *start = *end = ASG_WINDOW_NONE;
    }
    return from;
}

/* --- periods --- */

int64_t asg_window_start(const asg_window_t *w, int64_t now)
{
    int64_t start, end;

    switch (w->kind) {
    case ASG_WINDOW_PERIOD:
        return floor_div(now - w->offset_s, w->length_s) * w->length_s
            + w->offset_s;
    case ASG_WINDOW_MONTH:
        return month_start(now, 0);
    case ASG_WINDOW_ZONED:
        (void) boundaries_at(w, now, &start, &end);
        return start;
    default:
        return 0;
    }
}

int64_t asg_window_end(const asg_window_t *w, int64_t now)
{
    int64_t start, end;

    switch (w->kind) {
    case ASG_WINDOW_PERIOD:
        return asg_window_start(w, now) + w->length_s;
    case ASG_WINDOW_MONTH:
        return month_start(now, 1);
    case ASG_WINDOW_ZONED:
        (void) boundaries_at(w, now, &start, &end);
        return end;
    default:
        return 0;
    }
}

static void put_period(asg_buf_t *b, const asg_window_t *w)
{
    asg_buf_z(b, ":p:");
    asg_buf_i64(b, w->length_s);
    asg_buf_z(b, ":");
    asg_buf_i64(b, w->offset_s);
}

static void put_months(asg_buf_t *b, int64_t now)
{
    asg_buf_z(b, ":c:");
    for (int i = 0; i < MONTHS_AHEAD; i++) {
        asg_buf_z(b, i == 0 ? "" : "/");
        asg_buf_i64(b, month_start(now, i));
    }
}

static void put_zoned(asg_buf_t *b, const asg_window_t *w, int64_t now)
{
    int64_t start, end;
    asg_str_t list = boundaries_at(w, now - CLOCKS_APART_S, &start, &end);

    asg_buf_z(b, ":c:");
    asg_buf_str(b, start != ASG_WINDOW_NONE ? list : w->boundaries);
    asg_buf_z(b, "@");
    asg_buf_str(b, w->zone);
}

asg_err_t asg_window_spec(const asg_window_t *w, int64_t now, asg_buf_t *out)
{
    char text[ASG_WINDOW_SPEC_MAX];
    asg_buf_t b;

    asg_buf_init(&b, text, sizeof(text));
    asg_buf_z(&b, w->name);
    switch (w->kind) {
    case ASG_WINDOW_PERIOD:
        put_period(&b, w);
        break;
    case ASG_WINDOW_MONTH:
        put_months(&b, now);
        break;
    case ASG_WINDOW_ZONED:
        put_zoned(&b, w, now);
        break;
    default:
        asg_buf_z(&b, ":t");
    }
    if (!asg_buf_ok(&b)) {
        return ASG_ERR_SPACE;
    }
    asg_buf_str(out, asg_buf_view(&b));     /* whole or not at all */
    return asg_buf_ok(out) ? ASG_OK : ASG_ERR_SPACE;
}

/* --- times --- */

static void put_padded(asg_buf_t *b, int64_t n, int width)
{
    char digits[4];

    for (int i = width; i > 0; i--) {
        digits[i - 1] = (char) ('0' + n % 10);
        n /= 10;
    }
    asg_buf_put(b, digits, (size_t) width);
}

/* "2026-11-21T10:00:00"; a year of more than four digits is not written. */
static void put_time(asg_buf_t *b, int64_t epoch_s)
{
    int64_t days = floor_div(epoch_s, DAY_S);
    int64_t of_day = epoch_s - days * DAY_S;
    date_t d = date_of(days);

    put_padded(b, d.year, 4);
    asg_buf_z(b, "-");
    put_padded(b, d.month, 2);
    asg_buf_z(b, "-");
    put_padded(b, d.day, 2);
    asg_buf_z(b, "T");
    put_padded(b, of_day / HOUR_S, 2);
    asg_buf_z(b, ":");
    put_padded(b, of_day / MINUTE_S % 60, 2);
    asg_buf_z(b, ":");
    put_padded(b, of_day % 60, 2);
}

static int64_t clamp(int64_t n, int64_t min, int64_t max)
{
    return n < min ? min : n > max ? max : n;
}

void asg_time_rfc3339(int64_t epoch_s, char out[24])
{
    asg_buf_t b;

    asg_buf_init(&b, out, 23);
    put_time(&b, clamp(epoch_s, TIME_MIN_S, TIME_MAX_S));
    asg_buf_z(&b, "Z");
    out[b.len] = '\0';
}

void asg_time_rfc3339_ms(int64_t epoch_ms, char out[28])
{
    int64_t ms = clamp(epoch_ms, TIME_MIN_S * 1000, TIME_MAX_S * 1000 + 999);
    int64_t epoch_s = floor_div(ms, 1000);
    asg_buf_t b;

    asg_buf_init(&b, out, 27);
    put_time(&b, epoch_s);
    asg_buf_z(&b, ".");
    put_padded(&b, ms - epoch_s * 1000, 3);
    asg_buf_z(&b, "Z");
    out[b.len] = '\0';
}

/* Cursor over a text of fixed shape; `ok` is false once something differs. */
typedef struct {
    asg_str_t text;
    size_t at;
    bool ok;
} cursor_t;

static bool take(cursor_t *c, char expected)
{
    if (c->at < c->text.len && c->text.data[c->at] == expected) {
        c->at++;
        return true;
    }
    return false;
}

static void must_take(cursor_t *c, char expected)
{
    c->ok = take(c, expected) && c->ok;
}

static bool at_digit(const cursor_t *c)
{
    return c->at < c->text.len && c->text.data[c->at] >= '0'
        && c->text.data[c->at] <= '9';
}

static int take_digits(cursor_t *c, int width)
{
    int n = 0;

    for (int i = 0; i < width; i++) {
        if (!at_digit(c)) {
            c->ok = false;
            return 0;
        }
        n = n * 10 + (c->text.data[c->at++] - '0');
    }
    return n;
}

/* A fraction of a second is read and dropped. */
static void take_fraction(cursor_t *c)
{
    if (take(c, '.')) {
        take_digits(c, 1);
        while (at_digit(c)) {
            c->at++;
        }
    }
}

typedef struct {
    int hour;
    int minute;
    int second;
} hms_t;

static bool is_clock(hms_t t)
{
    return t.hour <= 23 && t.minute <= 59 && t.second <= 59;
}

static int64_t clock_seconds(hms_t t)
{
    return t.hour * HOUR_S + t.minute * MINUTE_S + t.second;
}

/* `Z` or `+hh:mm`: what must be subtracted to get UTC. */
static int64_t take_zone(cursor_t *c)
{
    bool west;
    hms_t t = {0};

    if (take(c, 'Z') || take(c, 'z')) {
        return 0;
    }
    west = take(c, '-');
    if (!west) {
        must_take(c, '+');
    }
    t.hour = take_digits(c, 2);
    must_take(c, ':');
    t.minute = take_digits(c, 2);
    c->ok = c->ok && is_clock(t);
    return west ? -clock_seconds(t) : clock_seconds(t);
}

static date_t take_date(cursor_t *c)
{
    date_t d;

    d.year = take_digits(c, 4);
    must_take(c, '-');
    d.month = take_digits(c, 2);
    must_take(c, '-');
    d.day = take_digits(c, 2);
    return d;
}

static hms_t take_clock(cursor_t *c)
{
    hms_t t;

    t.hour = take_digits(c, 2);
    must_take(c, ':');
    t.minute = take_digits(c, 2);
    must_take(c, ':');
    t.second = take_digits(c, 2);
    return t;
}

/* A day that the month does not have comes back as another date. */
static bool is_date(date_t d)
{
    date_t same;

    if (d.month < 1 || d.month > 12 || d.day < 1 || d.day > 31) {
        return false;
    }
    same = date_of(days_of(d));
    return same.month == d.month && same.day == d.day;
}

asg_err_t asg_time_parse(asg_str_t text, int64_t *epoch_s)
{
    cursor_t c = {text, 0, true};
    date_t date = take_date(&c);
    hms_t time;
    int64_t zone_s;

    c.ok = (take(&c, 'T') || take(&c, 't')) && c.ok;
    time = take_clock(&c);
    take_fraction(&c);
    zone_s = take_zone(&c);
    if (!c.ok || c.at != text.len) {
        return ASG_ERR_SYNTAX;
    }
    if (!is_date(date) || !is_clock(time)) {
        return ASG_ERR_RANGE;
    }
    *epoch_s = days_of(date) * DAY_S + clock_seconds(time) - zone_s;
    return ASG_OK;
}
