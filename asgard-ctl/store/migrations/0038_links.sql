-- Links by which who was told of a request decides over it.  A link is of one
-- person and of the plan that they were shown; its token is kept as a digest
-- alone.  It is used once: no program can take that back.
CREATE TABLE request_links (
    link_id     uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    sha256      bytea NOT NULL UNIQUE CHECK (length(sha256) = 32),
    request_id  uuid NOT NULL REFERENCES requests,
    plan_sha256 bytea NOT NULL,         -- what was shown
    user_id     uuid NOT NULL REFERENCES users,
    notice_id   uuid NOT NULL,          -- that it was sent with
    created_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz NOT NULL,
    used_at     timestamptz
);
CREATE INDEX request_links_by_person ON request_links (request_id, user_id);
CREATE INDEX request_links_by_end ON request_links (expires_at);

CREATE FUNCTION request_link_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.used_at IS NOT NULL OR NEW.used_at IS NULL
       OR (OLD.link_id, OLD.sha256, OLD.request_id, OLD.plan_sha256,
           OLD.user_id, OLD.notice_id, OLD.created_at, OLD.expires_at)
       IS DISTINCT FROM
       (NEW.link_id, NEW.sha256, NEW.request_id, NEW.plan_sha256,
        NEW.user_id, NEW.notice_id, NEW.created_at, NEW.expires_at)
    THEN
        RAISE 'a link is used once, and is else as it was made';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER request_link_change BEFORE UPDATE ON request_links
    FOR EACH ROW EXECUTE FUNCTION request_link_change();

GRANT SELECT, INSERT, UPDATE, DELETE ON request_links TO :"runtime";
