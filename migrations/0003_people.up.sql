-- Tenants and their people, as lists show them.
CREATE TABLE tenants (
  id         uuid PRIMARY KEY,
  name       text NOT NULL,
  named_after uuid,                         -- the person whose name it bears
  slug       text NOT NULL,
  created_at timestamptz NOT NULL
);
CREATE TABLE people (
  tenant_id     uuid NOT NULL,
  id            uuid NOT NULL,
  fullname      text NOT NULL,
  username      text NOT NULL,
  email         text NOT NULL,
  status        text NOT NULL,
  roles         text[] NOT NULL,
  referral_code text NOT NULL,
  created_at    timestamptz NOT NULL,
  version       bigint NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON tenants, people TO enterprise_todo_service;
