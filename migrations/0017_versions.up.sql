-- Every version of the todos and people that lists show, with its place in the log: a list as it was
-- at any place is the newest version of each up to there. Rows are only added. What a list is sorted
-- by never changes: first versions alone are its order.
CREATE TABLE todo_versions (
  tenant_id    uuid NOT NULL,
  owner_id     uuid NOT NULL,
  id           uuid NOT NULL,
  number       bigint NOT NULL,
  text         text COLLATE "C" NOT NULL,
  archived     boolean NOT NULL,
  priority     smallint NOT NULL,
  due_at       timestamptz,
  assignee_id  uuid,
  tags         uuid[] NOT NULL,
  completed_at timestamptz,
  created_at   timestamptz NOT NULL,
  updated_at   timestamptz NOT NULL,
  version      bigint NOT NULL,
  position     bigint NOT NULL,
  tx_id        xid8 NOT NULL,
  deleted      boolean NOT NULL,
  PRIMARY KEY (tenant_id, id, version)
);
CREATE INDEX todo_versions_newest ON todo_versions (tenant_id, created_at, id, tx_id, position)
  WHERE version = 1;

-- Personal data stays sealed, as it is in the events: it goes with the person's key.
CREATE TABLE people_versions (
  tenant_id     uuid NOT NULL,
  id            uuid NOT NULL,
  fullname      text NOT NULL,
  username      text,               -- none: an invitation that nobody followed yet
  email         text NOT NULL,
  status        text NOT NULL,
  verified      boolean NOT NULL,
  roles         text[] NOT NULL,
  referral_code text NOT NULL,
  created_at    timestamptz NOT NULL,
  version       bigint NOT NULL,
  position      bigint NOT NULL,
  tx_id         xid8 NOT NULL,
  erased        boolean NOT NULL,
  PRIMARY KEY (tenant_id, id, version)
);
CREATE INDEX people_versions_newest ON people_versions (tenant_id, created_at, id, tx_id, position)
  WHERE version = 1;

GRANT SELECT, INSERT, UPDATE, DELETE ON todo_versions, people_versions TO enterprise_todo_service;
CALL tenant_wall('todo_versions');
CALL tenant_wall('people_versions');
-- Rows are copied in: see 0009.
GRANT CREATE ON SCHEMA public TO enterprise_todo_service;
ALTER TABLE todo_versions OWNER TO enterprise_todo_service;
REVOKE CREATE ON SCHEMA public FROM enterprise_todo_service;
