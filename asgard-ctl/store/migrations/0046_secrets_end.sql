-- A secret ends with its resource, whoever ends that: nothing opens it then.

CREATE FUNCTION resource_secrets_end() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE secrets SET state = 'destroyed', envelope = NULL, kek = NULL,
        ended_at = now() WHERE resource_id = NEW.resource_id
        AND state IN ('pending', 'active');
    RETURN NULL;
END $$;
CREATE TRIGGER resource_secrets_end AFTER UPDATE OF state ON resources
    FOR EACH ROW WHEN (NEW.state = 'destroyed' AND OLD.state <> 'destroyed')
    EXECUTE FUNCTION resource_secrets_end();
