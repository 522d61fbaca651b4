-- What a key spent before it had a budget of its own: its first budget opens
-- with it.
CREATE INDEX holds_by_key ON holds (key_id, first_seen);
