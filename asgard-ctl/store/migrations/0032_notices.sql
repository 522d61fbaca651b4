-- What people are told of requests, outside of the API: one row for each event,
-- channel and address, written with the event.  The role notify keeps the list
-- of the channels that are on; of one that is off nothing is written.

CREATE TABLE notice_channels (
    channel    text PRIMARY KEY CHECK (channel IN ('webhook', 'mail')),
    public_url text                     -- links begin with it; NULL: a path
);

CREATE TABLE notices (
    notice_id    uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    event_id     bigint NOT NULL REFERENCES request_events,
    channel      text NOT NULL CHECK (channel IN ('webhook', 'mail')),
    address      text NOT NULL,         -- of mail; '' of a webhook
    body         text NOT NULL CHECK (length(body) <= 65536),
    state        text NOT NULL DEFAULT 'waiting'
        CHECK (state IN ('waiting', 'delivered', 'dead')),
    attempts     integer NOT NULL DEFAULT 0,
    last_error   text,
    created_at   timestamptz NOT NULL DEFAULT now(),
    due_at       timestamptz NOT NULL DEFAULT now(),
    ended_at     timestamptz,
    CONSTRAINT notices_once UNIQUE (event_id, channel, address),
    CONSTRAINT notices_end CHECK ((state = 'waiting') = (ended_at IS NULL))
);
CREATE INDEX notices_due ON notices (channel, due_at) WHERE state = 'waiting';
CREATE INDEX notices_ended ON notices (ended_at) WHERE state <> 'waiting';

GRANT SELECT, INSERT, UPDATE, DELETE ON notice_channels, notices
    TO :"runtime";
