-- Budget windows whose periods follow the local days of a time zone.

-- Where the periods of a window begin in a zone, in epoch seconds, ascending:
-- from the one before the one in use to one that is weeks ahead.  What has
-- begun is never rewritten, since counters and pins bear these starts.
CREATE TABLE zone_windows (
    zone        text NOT NULL,
    window_name text NOT NULL,
    boundaries  bigint[] NOT NULL
        CHECK (cardinality(boundaries) BETWEEN 2 AND 64),
    made_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (zone, window_name)
);

ALTER TABLE budget_windows
    ADD COLUMN zone text,                       -- null: UTC
    ADD FOREIGN KEY (zone, window_name) REFERENCES zone_windows;
CREATE INDEX budget_windows_by_zone ON budget_windows (zone, window_name)
    WHERE zone IS NOT NULL;

-- The first second whose local date is `day` or later.  A search, since the
-- local midnight may not exist (the clock goes forward over it, or a whole day
-- is left out) or come twice (the first one counts).  No zone is further than
-- 15 hours from UTC.
CREATE FUNCTION local_day_start(day date, zone text) RETURNS bigint
LANGUAGE plpgsql STABLE STRICT AS $$
DECLARE
    before bigint := extract(epoch FROM day::timestamp) - 57600;
    after  bigint := before + 115200;
    middle bigint;
BEGIN
    WHILE after - before > 1 LOOP
        middle := (before + after) / 2;
        IF to_timestamp(middle) AT TIME ZONE zone >= day::timestamp THEN
            after := middle;
        ELSE
            before := middle;
        END IF;
    END LOOP;
    RETURN after;
END
$$;

-- The boundaries of a window (N d, N w, 1mo) in a zone as of `at`: the period
-- before the one in use, that one, and every further one up to the first that
-- begins 56 days ahead or later.
--
-- `old` is the list of before, or null.  Its boundaries up to an hour ahead
-- stay, whatever the time zone data say by now: Redis has begun those periods
-- or is about to.  The next boundary then is at least half a period after the
-- last that stays, so that a midnight which moved does not begin twice.
CREATE FUNCTION window_boundaries(name text, zone text, at timestamptz,
    old bigint[]) RETURNS bigint[]
LANGUAGE plpgsql STABLE AS $$
DECLARE
    monday constant date := '1970-01-05';
    now_s  bigint := floor(extract(epoch FROM at));
    today  date := (at AT TIME ZONE zone)::date;
    days   integer := CASE right(name, 1) WHEN 'd' THEN 1 WHEN 'w' THEN 7 END
                      * substring(name FROM '^[0-9]+')::integer;  -- null: 1mo
    origin date := coalesce(
        monday + floor((today - monday)::numeric / days)::integer * days,
        date_trunc('month', today)::date);
    kept   bigint[] := ARRAY(
        SELECT s FROM unnest(old) s WHERE s <= now_s + 3600 AND s >= coalesce(
            (SELECT max(p) FROM unnest(old) p WHERE p <= now_s - 3600), 0)
        ORDER BY s);
    above  bigint := kept[cardinality(kept)] + coalesce(days, 30) * 43200;
BEGIN
    RETURN kept || ARRAY(
        SELECT DISTINCT local_day_start(day, zone) AS s
        FROM generate_series(-1, 60) i, LATERAL (SELECT coalesce(
            origin + i * days, (origin + i * interval '1 month')::date)) d(day)
        WHERE day <= today + 56 + coalesce(days, 31)
        AND (above IS NULL OR local_day_start(day, zone) > above)
        ORDER BY s);
END
$$;

GRANT SELECT, INSERT, UPDATE ON zone_windows TO :"runtime";
