-- Roles of a tenant's own, as lists show them. The seeded ones are part of the program.
CREATE TABLE role_list (
  tenant_id   uuid NOT NULL,
  id          uuid NOT NULL,
  name        text NOT NULL,
  permissions text[] NOT NULL,
  created_at  timestamptz NOT NULL,
  version     bigint NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON role_list TO enterprise_todo_service;
CALL tenant_wall('role_list');
