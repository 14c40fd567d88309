-- Keys for machines, as their owners see them. The keys themselves are nowhere; their hashes are in
-- the log alone.
CREATE TABLE api_key_list (
  tenant_id    uuid NOT NULL,
  id           uuid NOT NULL,
  owner_id     uuid NOT NULL,
  name         text NOT NULL,
  prefix       text NOT NULL,
  permissions  text[] NOT NULL,
  -- Which of its owner's places it takes while it is not revoked.
  slot         smallint NOT NULL,
  expires_at   timestamptz,
  last_used_at timestamptz,
  revoked_at   timestamptz,
  created_at   timestamptz NOT NULL,
  version      bigint NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX api_key_list_of_owner ON api_key_list (tenant_id, owner_id, created_at DESC);
GRANT SELECT, INSERT, UPDATE, DELETE ON api_key_list TO enterprise_todo_service;
CALL tenant_wall('api_key_list');
