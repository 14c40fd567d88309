-- What audits search by, one row an event: who, in which tenant, in which request, what kind. What
-- happened stays in the events alone, and is read from there. The events get no index for it.
CREATE TABLE audit_list (
  of_tenant   uuid NOT NULL,          -- nil: of no tenant
  tx_id       xid8 NOT NULL,
  position    bigint NOT NULL,
  actor_id    uuid,                   -- none: the system
  correlation bigint NOT NULL,        -- the first half of a hash: the text is in the event
  kind        bigint NOT NULL,        -- of audit_kinds
  PRIMARY KEY (of_tenant, tx_id, position)
);
CREATE INDEX audit_list_actor ON audit_list (actor_id, tx_id, position);
CREATE INDEX audit_list_correlation ON audit_list (correlation, tx_id, position);
CREATE INDEX audit_list_kind ON audit_list (kind, tx_id, position);

-- The kinds of events there are. There are a few hundred, so that one index serves three filters.
CREATE TABLE audit_kinds (
  kind           bigint PRIMARY KEY,  -- the first half of a hash of the three
  aggregate_type text COLLATE "C" NOT NULL,
  event_type     text COLLATE "C" NOT NULL,
  platform       text COLLATE "C" NOT NULL
);

-- Where the stream of a thing is, by the thing's own id.
CREATE TABLE audit_streams (
  aggregate_id   uuid NOT NULL,
  aggregate_type text COLLATE "C" NOT NULL,
  stream         text COLLATE "C" NOT NULL,
  PRIMARY KEY (aggregate_id, aggregate_type, stream)
);

-- Stretches of the log, in its order: where in it a moment is, and where a position. Times and
-- positions do not rise with the order, but nearly: `latest` is the latest time up to the end of the
-- stretch, `earliest` the earliest one from its beginning on.
CREATE TABLE audit_spans (
  from_tx       xid8 NOT NULL,
  from_position bigint NOT NULL,
  to_tx         xid8 NOT NULL,
  to_position   bigint NOT NULL,
  low_position  bigint NOT NULL,
  high_position bigint NOT NULL,
  earliest      timestamptz NOT NULL,
  latest        timestamptz NOT NULL,
  events        int NOT NULL,
  PRIMARY KEY (from_tx, from_position)
);
CREATE INDEX audit_spans_earliest ON audit_spans (earliest);
CREATE INDEX audit_spans_latest ON audit_spans (latest);

GRANT SELECT, INSERT, UPDATE, DELETE ON audit_list, audit_kinds, audit_streams, audit_spans
  TO enterprise_todo_service;
-- There is no wall of tenants here, because readers of tenants see none of it.

-- Which log this is. Whoever lets a log go on from a copy of itself on the same server gives it
-- another epoch, so that positions from before lead nowhere instead of to other events:
-- UPDATE log_identity SET epoch = gen_random_uuid().
CREATE TABLE log_identity (
  one   boolean PRIMARY KEY DEFAULT true CHECK (one),
  epoch uuid NOT NULL DEFAULT gen_random_uuid()
);
INSERT INTO log_identity DEFAULT VALUES;
GRANT SELECT ON log_identity TO enterprise_todo_service;
