-- The ledger in months: partitions by `at`, calendar months of UTC.
--
-- A month is open, then closed (25 hours after its end, when every usage event
-- of it was read), exported, and perhaps pruned.  From its closing on it never
-- changes; what comes later is entered at the time that it came.

ALTER TABLE ledger RENAME TO ledger_whole;

CREATE TABLE ledger (
    id              bigint NOT NULL
        GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME ledger_ids),
    hold_id         text REFERENCES holds,
    seq             integer NOT NULL DEFAULT 1,
    kind            text NOT NULL REFERENCES ledger_kinds,
    delta_nano      bigint NOT NULL,
    rank            smallint NOT NULL,
    cause           text NOT NULL,
    at              timestamptz NOT NULL DEFAULT now(),
    partition       smallint NOT NULL,
    project_id      text NOT NULL,
    project_version bigint,
    key_id          uuid,
    detail          jsonb NOT NULL,             -- the event's, as of this entry
    hash            bytea NOT NULL,             -- chained per partition
    -- with one entry of a number, a hold has one first entry
    CONSTRAINT ledger_first_entry CHECK (hold_id IS NULL
        OR (seq >= 1 AND (kind = 'adjust') = (seq > 1)))
) PARTITION BY RANGE (at);

-- Every number that an entry of a hold ever had, over all months: what a
-- month's own index cannot keep unique.  `pruned_nano` is the amount of an
-- entry whose month was pruned: the sum of a hold's entries is known for ever.
CREATE TABLE ledger_seqs (
    hold_id     text NOT NULL,
    seq         integer NOT NULL,
    pruned_nano bigint,
    PRIMARY KEY (hold_id, seq)
);

-- The months there are or were; a closed one takes no entry any more.
CREATE TABLE ledger_months (
    month       date PRIMARY KEY CHECK (extract(day FROM month) = 1),
    closed_at   timestamptz,
    entries     bigint,                         -- these four when exported
    sum_nano    numeric,
    sha256      bytea CHECK (length(sha256) = 32),  -- of the exported lines
    exported_at timestamptz,
    pruned_at   timestamptz,
    CHECK (num_nulls(entries, sum_nano, sha256, exported_at) IN (0, 4)),
    CHECK (exported_at IS NULL OR closed_at IS NOT NULL),
    CHECK (pruned_at IS NULL OR exported_at IS NOT NULL)
);

-- Entries that were pruned, each run of them in a chain: the hash that they
-- followed and the one that they ended with.  `ledger.pruned` in the audit log
-- has the digest of a month's.
CREATE TABLE ledger_gaps (
    partition smallint NOT NULL,
    first_id  bigint NOT NULL,
    last_id   bigint NOT NULL,
    month     date NOT NULL REFERENCES ledger_months,
    before    bytea NOT NULL,
    after     bytea NOT NULL,
    PRIMARY KEY (partition, first_id)
);

CREATE FUNCTION ledger_gaps_text(which date) RETURNS text LANGUAGE sql STABLE
RETURN (SELECT coalesce(string_agg(concat_ws(' ', partition, first_id, last_id,
    encode(before, 'hex'), encode(after, 'hex')), E'\n'
    ORDER BY partition, first_id), '') FROM ledger_gaps WHERE month = which);

-- Partitions ------------------------------------------------------------------

CREATE FUNCTION ledger_month(at timestamptz) RETURNS date
LANGUAGE sql IMMUTABLE
RETURN date_trunc('month', at AT TIME ZONE 'UTC')::date;

-- Attached, not created in place: that keeps nobody from reading and writing.
CREATE FUNCTION ledger_month_create(month date) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    name text := 'ledger_' || to_char(month, 'YYYY_MM');
    ends date := month + interval '1 month';
BEGIN
    PERFORM pg_advisory_xact_lock(4706173);
    IF to_regclass('public.' || name) IS NOT NULL THEN
        RETURN;
    END IF;
    EXECUTE format('CREATE TABLE public.%I (LIKE public.ledger'
        ' INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', name);
    EXECUTE format('ALTER TABLE public.ledger ATTACH PARTITION public.%I'
        ' FOR VALUES FROM (%L) TO (%L)', name, month || ' 00:00:00+00',
        ends || ' 00:00:00+00');
    INSERT INTO public.ledger_months (month) VALUES (month)
        ON CONFLICT DO NOTHING;
END $$;

-- The entries that are there move with every value.
SELECT ledger_month_create(month) FROM (SELECT DISTINCT ledger_month(at)
    AS month FROM ledger_whole ORDER BY 1) m;
INSERT INTO ledger OVERRIDING SYSTEM VALUE
    SELECT * FROM ledger_whole ORDER BY id;
INSERT INTO ledger_seqs (hold_id, seq)
    SELECT hold_id, seq FROM ledger WHERE hold_id IS NOT NULL;
SELECT setval('ledger_ids', last_value, is_called) FROM ledger_id_seq;
DROP TABLE ledger_whole;

ALTER TABLE ledger ADD PRIMARY KEY (id, at);
CREATE INDEX ledger_by_hold ON ledger (hold_id, seq);
CREATE INDEX ledger_by_project ON ledger (project_id, id);
CREATE INDEX ledger_by_partition ON ledger (partition, id);

CREATE FUNCTION ledger_number() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO public.ledger_seqs (hold_id, seq)
        SELECT hold_id, seq FROM entered WHERE hold_id IS NOT NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_number AFTER INSERT ON ledger
    REFERENCING NEW TABLE AS entered
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_number();

-- Times -----------------------------------------------------------------------

-- What a clock that was not far wrong may have said.
CREATE FUNCTION ledger_takes(at timestamptz) RETURNS boolean LANGUAGE sql STABLE
RETURN at >= now() - interval '10 years' AND at < now() + interval '3 months';

-- The time of an entry whose own month takes it no more: now, or the first
-- month that is open when the clock was set back into a closed one.
CREATE FUNCTION ledger_now() RETURNS timestamptz LANGUAGE sql STABLE
RETURN greatest(now(), (SELECT (max(month) + interval '1 month')
    AT TIME ZONE 'UTC' FROM ledger_months WHERE closed_at IS NOT NULL));

-- All that the running role may do to the months: make one that entries need,
-- and close one that is over.

CREATE FUNCTION ledger_month_make(at timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF (public.ledger_takes(at) OR at BETWEEN public.ledger_now()
            AND public.ledger_now() + interval '70 days')
        AND NOT EXISTS (SELECT FROM public.ledger_months m
            WHERE m.month = public.ledger_month(at)
            AND m.closed_at IS NOT NULL)
    THEN
        PERFORM public.ledger_month_create(public.ledger_month(at));
    END IF;
END $$;

CREATE FUNCTION ledger_is_closed() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'the month of % is closed', TG_TABLE_NAME;
END $$;

-- True: the month is closed now.  The lock waits for the transactions that
-- write entries; the next ones see the month closed.
CREATE FUNCTION ledger_month_close(which date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF now() < (which + interval '1 month') AT TIME ZONE 'UTC'
        + interval '25 hours'
    THEN
        RETURN false;
    END IF;
    IF EXISTS (SELECT FROM public.ledger_months
        WHERE month = which AND closed_at IS NULL)
    THEN
        LOCK TABLE ONLY public.ledger IN SHARE MODE;
        UPDATE public.ledger_months SET closed_at = clock_timestamp()
            WHERE month = which AND closed_at IS NULL;
        EXECUTE format('CREATE OR REPLACE TRIGGER ledger_is_closed'
            ' BEFORE INSERT OR UPDATE OR DELETE ON public.%I FOR EACH ROW'
            ' EXECUTE FUNCTION public.ledger_is_closed()',
            'ledger_' || to_char(which, 'YYYY_MM'));
    END IF;
    RETURN EXISTS (SELECT FROM public.ledger_months
        WHERE month = which AND closed_at IS NOT NULL);
END $$;

SELECT ledger_month_make(now() + n * interval '1 month')
    FROM generate_series(0, 2) n;

-- Rights ----------------------------------------------------------------------

-- also of the trigger's: a temporary table could have it otherwise
REVOKE ALL ON FUNCTION ledger_month_create(date), ledger_number(),
    ledger_month_make(timestamptz), ledger_month_close(date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger_month_make(timestamptz),
    ledger_month_close(date) TO :"runtime";
GRANT SELECT ON ledger, ledger_seqs, ledger_months, ledger_gaps
    TO :"runtime";
GRANT INSERT ON ledger TO :"runtime";
