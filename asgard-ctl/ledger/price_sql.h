/*
 * Price times tokens in SQL, beside core/price.c: for those who look at what
 * was charged, never for those who charge.
 */
#ifndef CTL_PRICE_SQL_H
#define CTL_PRICE_SQL_H

/* A member of an event's detail that is a count; null of anything else, and of
 * none: an event may say what it likes, and must not end the statement. */
#define CTL_PRICE_NUMBER(detail, name) \
    "CASE WHEN jsonb_typeof(" detail "->'" name "') = 'number' THEN" \
    " CASE WHEN (" detail "->>'" name "')::numeric" \
    " BETWEEN 0 AND 9007199254740991" \
    " THEN (" detail "->>'" name "')::numeric END END"

/* The tokens of an event's detail as columns; pt is null when it has none, each
 * is when it is no count. */
#define CTL_PRICE_TOKENS(detail) \
    " " CTL_PRICE_NUMBER(detail, "pt") " AS pt," \
    CTL_PRICE_COUNT(detail, "ct") "," CTL_PRICE_COUNT(detail, "cat") "," \
    CTL_PRICE_COUNT(detail, "cwt") "," CTL_PRICE_COUNT(detail, "rt") "," \
    CTL_PRICE_COUNT(detail, "cwh") "," CTL_PRICE_COUNT(detail, "ait") "," \
    CTL_PRICE_COUNT(detail, "aot")

#define CTL_PRICE_COUNT(detail, name) \
    " CASE WHEN " detail "->>'" name "' IS NULL THEN 0 ELSE " \
    CTL_PRICE_NUMBER(detail, name) " END AS " name

/* From a table `t` of card and those tokens: a table `s` that has the prices
 * that hold and the parts that each token counts in once: of the prompt
 * written, audio (ai), cached (ca) and the rest, of the completion reasoning,
 * audio (ao) and the rest. */
#define CTL_PRICE_PARTS \
    " q AS (SELECT *, CASE WHEN pt > (card->'above'->>'tokens')::numeric" \
    " THEN card->'above' ELSE card END AS prices FROM t)," \
    " r AS (SELECT *," \
    " CASE WHEN audio_in_pusd > 0 THEN least(ait, pt - cwt) ELSE 0 END AS ai," \
    " CASE WHEN audio_out_pusd > 0 THEN least(aot, ct - rt) ELSE 0 END AS ao" \
    " FROM q LEFT JOIN LATERAL jsonb_to_record(prices) AS c(in_pusd numeric," \
    " out_pusd numeric, cached_pusd numeric, cache_write_pusd numeric," \
    " reasoning_pusd numeric, cache_write_1h_pusd numeric," \
    " audio_in_pusd numeric, audio_out_pusd numeric) ON true)," \
    " s AS (SELECT *, least(cat, pt - cwt - ai) AS ca FROM r)"

/* From a row of `s`: pico-USD by tokens, rounded up once, in nano-USD. */
#define CTL_PRICE_COST \
    "ceil(((cwt - cwh) * cache_write_pusd" \
    " + cwh * greatest(cache_write_pusd, cache_write_1h_pusd)" \
    " + ai * coalesce(audio_in_pusd, 0) + ca * cached_pusd" \
    " + (pt - cwt - ai - ca) * in_pusd + rt * reasoning_pusd" \
    " + ao * coalesce(audio_out_pusd, 0) + (ct - rt - ao) * out_pusd)" \
    " / 1000)"

#endif
