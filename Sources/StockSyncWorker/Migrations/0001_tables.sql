-- The tables of the pair. Times are UTC; slots and seqs are what Redis issued.

CREATE TABLE deployment (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    epoch bigint NOT NULL DEFAULT 1 CHECK (epoch >= 1)  -- grows each time Redis is rebuilt
);
INSERT INTO deployment DEFAULT VALUES;

-- One hot row per activity: half of each page stays free, and no index covers the changing column, so
-- that its updates stay on their page.
CREATE TABLE activity (
    id bigint PRIMARY KEY CHECK (id BETWEEN 1 AND 9007199254740991),
    name text NOT NULL,
    stock_total integer NOT NULL CHECK (stock_total BETWEEN 1 AND 10000000),
    stock_surplus integer NOT NULL,
    per_user_limit integer NOT NULL CHECK (per_user_limit BETWEEN 1 AND 100),
    opens_at timestamptz NOT NULL,
    closes_at timestamptz NOT NULL,
    state text NOT NULL CHECK (state IN ('preparing', 'open')),
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT activity_window CHECK (opens_at < closes_at),
    CONSTRAINT activity_surplus CHECK (stock_surplus BETWEEN 0 AND stock_total)
) WITH (fillfactor = 50);

CREATE TABLE claim (
    activity bigint NOT NULL,
    slot integer NOT NULL CHECK (slot >= 1),
    seq bigint NOT NULL,
    state text NOT NULL CHECK (state IN ('claimed', 'released')),
    usr text NOT NULL,
    request text NOT NULL,
    epoch bigint NOT NULL,
    event_at timestamptz NOT NULL,                    -- when Redis claimed or released it
    applied_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT claim_key PRIMARY KEY (activity, slot),
    CONSTRAINT claim_request UNIQUE (activity, usr, request)
);

-- So that a released request is never claimed again, whatever Redis forgot.
CREATE TABLE released_request (
    activity bigint NOT NULL,
    usr text NOT NULL,
    request text NOT NULL,
    slot integer NOT NULL,
    seq bigint NOT NULL,
    epoch bigint NOT NULL,
    event_at timestamptz NOT NULL,
    CONSTRAINT released_request_key PRIMARY KEY (activity, usr, request)
);

-- Postgres is the position in Kafka. An event of a lower epoch than its partition's barrier is void.
CREATE TABLE consumer_offset (
    topic text NOT NULL,
    partition integer NOT NULL CHECK (partition >= 0),
    next bigint NOT NULL DEFAULT 0 CHECK (next >= 0),
    barrier_epoch bigint NOT NULL DEFAULT 0,
    CONSTRAINT consumer_offset_key PRIMARY KEY (topic, partition)
) WITH (fillfactor = 50);

CREATE TABLE dead_letter (
    topic text NOT NULL,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    key bytea,
    payload bytea,
    reason text NOT NULL,
    detail text NOT NULL,
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    replayed_at timestamptz,
    CONSTRAINT dead_letter_key PRIMARY KEY (topic, partition, "offset")
);
