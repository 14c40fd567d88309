-- The log, its snapshots, unique values, idempotency keys, running numbers, and how far readers are.

-- The role the services work under. It can append and read events, never change them.
DO $$ BEGIN
  CREATE ROLE enterprise_todo_service NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;
DO $$ BEGIN
  -- USAGE, not MEMBER: from PostgreSQL 16 on, who makes a role is its member without its rights.
  IF NOT pg_has_role(current_user, 'enterprise_todo_service', 'USAGE') THEN
    EXECUTE format('GRANT enterprise_todo_service TO %I', current_user);
  END IF;
END $$;

CREATE TABLE events (
  position       bigint GENERATED ALWAYS AS IDENTITY,
  tx_id          xid8        NOT NULL DEFAULT pg_current_xact_id(),
  recorded_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  aggregate_type text COLLATE "C" NOT NULL,
  aggregate_id   text COLLATE "C" NOT NULL,
  sequence       bigint NOT NULL CHECK (sequence > 0),
  event_type     text NOT NULL,
  event_version  text NOT NULL,
  payload        jsonb NOT NULL,
  metadata       jsonb NOT NULL,
  CONSTRAINT events_pkey PRIMARY KEY (aggregate_type, aggregate_id, sequence)
);
-- The only other index: each further one costs every command. Reports belong to projections.
CREATE UNIQUE INDEX events_tail ON events (tx_id, position);
ALTER TABLE events SET (
  autovacuum_vacuum_insert_scale_factor = 0.02,
  autovacuum_analyze_scale_factor = 0.02,
  autovacuum_freeze_min_age = 0
);
CREATE FUNCTION events_immutable() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN RAISE EXCEPTION 'events are append-only'; END $$;
CREATE TRIGGER events_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON events
  FOR EACH STATEMENT EXECUTE FUNCTION events_immutable();

CREATE TABLE snapshots (
  aggregate_type   text COLLATE "C" NOT NULL,
  aggregate_id     text COLLATE "C" NOT NULL,
  last_sequence    bigint NOT NULL,
  current_snapshot bigint NOT NULL DEFAULT 1,
  schema_version   int NOT NULL DEFAULT 1,
  payload          jsonb NOT NULL,
  taken_at         timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (aggregate_type, aggregate_id)
) WITH (fillfactor = 80);

CREATE TABLE unique_claims (
  scope        text COLLATE "C" NOT NULL,
  value        bytea NOT NULL,              -- SHA-256: no personal data, and no index row too large
  aggregate_id text COLLATE "C" NOT NULL,
  PRIMARY KEY (scope, value)
);

CREATE TABLE command_log (
  key            text COLLATE "C" PRIMARY KEY,
  request_hash   bytea NOT NULL,
  aggregate_type text NOT NULL,
  aggregate_id   text COLLATE "C" NOT NULL,
  last_sequence  bigint NOT NULL,
  created_at     timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE running_numbers (
  series text COLLATE "C" PRIMARY KEY,
  last   bigint NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE projection_checkpoints (
  name           text NOT NULL,
  part           int NOT NULL DEFAULT 0,
  tx_id          xid8 NOT NULL DEFAULT '0',
  position       bigint NOT NULL DEFAULT 0,
  schema_version int NOT NULL DEFAULT 1,
  status         text NOT NULL DEFAULT 'running' CHECK (status IN ('running', 'paused', 'halted')),
  last_error     text,
  updated_at     timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (name, part)
) WITH (fillfactor = 50);

CREATE TABLE projection_dead_letters (
  name           text NOT NULL,
  tx_id          xid8 NOT NULL,
  position       bigint NOT NULL,
  aggregate_type text NOT NULL,
  aggregate_id   text NOT NULL,
  error          text NOT NULL,
  attempts       int NOT NULL,
  created_at     timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (name, tx_id, position)
);

GRANT USAGE ON SCHEMA public TO enterprise_todo_service;
GRANT SELECT, INSERT ON events TO enterprise_todo_service;
GRANT SELECT, INSERT, UPDATE, DELETE
  ON snapshots, unique_claims, command_log, running_numbers, projection_checkpoints, projection_dead_letters
  TO enterprise_todo_service;
-- Services read how new the schema is; only the migrator writes it.
GRANT SELECT ON _sqlx_migrations TO enterprise_todo_service;
