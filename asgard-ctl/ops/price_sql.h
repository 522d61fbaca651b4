/*
 * Price times tokens in SQL, beside core/price.c: for those who look at what
 * was charged, never for those who charge.
 */
#ifndef CTL_PRICE_SQL_H
#define CTL_PRICE_SQL_H

/* From a table `t` of card, pt, ct, cat, cwt, rt, cwh, ait, aot: a table `s`
 * that has the prices that hold and the parts that each token counts in once:
 * of the prompt written, audio (ai), cached (ca) and the rest, of the
 * completion reasoning, audio (ao) and the rest. */
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

#endif
