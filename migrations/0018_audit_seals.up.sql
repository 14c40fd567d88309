-- Seals over the log: a leaf an event, complete subtrees of the Merkle tree over them, signed roots.
-- The log itself gets no column and no index.

-- Which log this is. A copy of it goes on under the same name: two different checkpoints of one size
-- show that there were two.
CREATE TABLE audit_log (
  only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
  name     text NOT NULL
);
INSERT INTO audit_log (name) VALUES (left(replace(gen_random_uuid()::text, '-', ''), 12));

CREATE TABLE audit_leaves (
  leaf_index bigint PRIMARY KEY CHECK (leaf_index >= 0),
  position   bigint NOT NULL UNIQUE,        -- an event is sealed once
  tx_id      xid8   NOT NULL,               -- where to find it; not part of the seal
  hash       bytea  NOT NULL CHECK (octet_length(hash) = 32)
);
-- Every eighth level: what is between is computed from at most 128 of these.
CREATE TABLE audit_nodes (
  level      smallint NOT NULL,
  node_index bigint   NOT NULL,
  hash       bytea    NOT NULL CHECK (octet_length(hash) = 32),
  PRIMARY KEY (level, node_index)
);
CREATE TABLE audit_checkpoints (
  tree_size     bigint PRIMARY KEY,
  previous_size bigint NOT NULL UNIQUE CHECK (previous_size < tree_size),  -- each follows one other
  made_at       timestamptz NOT NULL,
  note          text NOT NULL
);

CREATE FUNCTION seals_immutable() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN RAISE EXCEPTION 'seals are append-only'; END $$;
CREATE TRIGGER audit_log_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
  FOR EACH STATEMENT EXECUTE FUNCTION seals_immutable();
CREATE TRIGGER audit_leaves_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_leaves
  FOR EACH STATEMENT EXECUTE FUNCTION seals_immutable();
CREATE TRIGGER audit_nodes_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_nodes
  FOR EACH STATEMENT EXECUTE FUNCTION seals_immutable();
CREATE TRIGGER audit_checkpoints_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_checkpoints
  FOR EACH STATEMENT EXECUTE FUNCTION seals_immutable();

GRANT SELECT ON audit_log TO enterprise_todo_service;
GRANT SELECT, INSERT ON audit_leaves, audit_nodes, audit_checkpoints TO enterprise_todo_service;

-- What is sealed stays sealed: the consumer is never rebuilt, and begins here, with all there is.
INSERT INTO projection_checkpoints (name) VALUES ('audit_seal.v1');
