-- What is approved is begun in the same transaction: at its end a request to
-- make or end a resource that still says approved has its job.

CREATE INDEX jobs_by_request ON jobs (request_id)
    WHERE request_id IS NOT NULL;

CREATE FUNCTION request_begun() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM requests WHERE request_id = NEW.request_id
            AND state = 'approved')
        AND NOT EXISTS (SELECT 1 FROM jobs WHERE request_id = NEW.request_id)
    THEN
        RAISE 'an approved request without its job';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER request_begun
    AFTER INSERT OR UPDATE OF state ON requests
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.state = 'approved' AND (NEW.kind LIKE 'provision:%'
        OR NEW.kind LIKE 'destroy:%'))
    EXECUTE FUNCTION request_begun();
