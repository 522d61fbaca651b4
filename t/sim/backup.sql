-- Copies of the whole database inside of it, for the simulator: the fresh one
-- that each run begins with, and the older point that a run may go back to.  A
-- copy or a template of a database would cost more than a thousand steps.
--
--     SELECT sim.save('older');  SELECT sim.restore('older');

CREATE SCHEMA sim;

CREATE TABLE sim.sequences (
    copy       text,
    name       text,
    last_value bigint,
    is_called  boolean
);

-- The months of the ledger are made and dropped with it.
CREATE FUNCTION sim.tables() RETURNS SETOF text LANGUAGE sql STABLE AS $$
    SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace
        AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY 1
$$;

-- What is computed cannot be put back, and is computed again.
CREATE FUNCTION sim.columns(name text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum)
        FROM pg_attribute WHERE attrelid = format('public.%I', name)::regclass
        AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
$$;

-- Most tables are empty before and after: these are left alone.  The rows of an
-- earlier copy are deleted; files are made anew only when a run begins.
CREATE FUNCTION sim.save(copy text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    name text;
    used boolean;
BEGIN
    FOR name IN SELECT sim.tables() LOOP
        IF to_regclass(format('sim.%I', copy || '_' || name)) IS NULL THEN
            EXECUTE format('CREATE TABLE sim.%I (LIKE public.%I)',
                copy || '_' || name, name);
        END IF;
        EXECUTE format('SELECT EXISTS (SELECT FROM sim.%I)'
            ' OR EXISTS (SELECT FROM public.%I)', copy || '_' || name, name)
            INTO used;
        CONTINUE WHEN NOT used;
        EXECUTE format('DELETE FROM sim.%I', copy || '_' || name);
        EXECUTE format('INSERT INTO sim.%I SELECT * FROM public.%I',
            copy || '_' || name, name);
    END LOOP;
    DELETE FROM sim.sequences s WHERE s.copy = save.copy;
    FOR name IN SELECT sequencename FROM pg_sequences
        WHERE schemaname = 'public' LOOP
        EXECUTE format('INSERT INTO sim.sequences SELECT %L, %L, last_value,'
            ' is_called FROM public.%I', copy, name, name);
    END LOOP;
END $$;

CREATE FUNCTION sim.restore(copy text) RETURNS void LANGUAGE plpgsql
SET session_replication_role = replica SET client_min_messages = warning AS $$
DECLARE
    name text;
    known text[];
BEGIN
    EXECUTE format('SELECT array_agg(to_char(month, ''"ledger_"YYYY_MM''))'
        ' FROM sim.%I', copy || '_ledger_months') INTO known;
    FOR name IN SELECT inhrelid::regclass FROM pg_inherits
        WHERE inhparent = 'public.ledger'::regclass LOOP
        IF name <> ALL (coalesce(known, '{}')) THEN
            EXECUTE format('DROP TABLE public.%I', name);
        END IF;
    END LOOP;
    EXECUTE 'TRUNCATE ' || (SELECT string_agg(oid::regclass::text, ', ')
        FROM pg_class WHERE relnamespace = 'public'::regnamespace
        AND (relkind = 'p' OR relkind = 'r' AND NOT relispartition
            AND pg_relation_size(oid) > 0)
        OR copy = 'fresh' AND relnamespace = 'sim'::regnamespace
        AND relkind = 'r' AND relname LIKE 'older%'
        AND pg_relation_size(oid) > 0) || ' CASCADE';
    FOR name IN SELECT sim.tables() LOOP
        EXECUTE format('INSERT INTO public.%I (%s) OVERRIDING SYSTEM VALUE'
            ' SELECT %2$s FROM sim.%3$I', name, sim.columns(name),
            copy || '_' || name);
    END LOOP;
    PERFORM setval(format('public.%I', s.name), coalesce(s.last_value, 1),
        s.is_called) FROM sim.sequences s WHERE s.copy = restore.copy;
    PERFORM setval('sim.keys', 1, false) WHERE copy = 'fresh';
END $$;

-- The names of the time zones are read once: the view reads six hundred files
-- each time, which would be a tenth of a run.
CREATE TABLE sim.pg_timezone_names AS SELECT * FROM pg_timezone_names;
GRANT USAGE ON SCHEMA sim TO asgard;
GRANT SELECT ON sim.pg_timezone_names TO asgard;
ALTER DATABASE asgard SET search_path = public, sim, pg_catalog;

-- Keys have the same ids each time that a run is done again, and none twice.
CREATE SEQUENCE sim.keys;
CREATE FUNCTION sim.key_next() RETURNS uuid LANGUAGE sql AS $$
    SELECT lpad(to_hex(nextval('sim.keys')), 32, '0')::uuid
$$;
ALTER TABLE public.keys ALTER key_id SET DEFAULT sim.key_next();

SELECT sim.save('fresh');
