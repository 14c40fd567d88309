-- Todos, as lists show them, and what happened to them, by the person whose they are.
CREATE TABLE todo_list (
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
  PRIMARY KEY (tenant_id, id)
) WITH (fillfactor = 85);
CREATE INDEX todo_list_own ON todo_list (tenant_id, owner_id, created_at, id);
CREATE INDEX todo_list_tenant ON todo_list (tenant_id, created_at, id);

CREATE TABLE todo_changes (
  tenant_id         uuid NOT NULL,
  owner_id          uuid NOT NULL,
  tx_id             xid8 NOT NULL,
  position          bigint NOT NULL,
  previous_tx_id    xid8 NOT NULL,
  previous_position bigint NOT NULL,
  todo_id           uuid NOT NULL,
  version           bigint NOT NULL,
  event_type        text NOT NULL,
  actor_kind        text NOT NULL,
  actor_id          uuid,
  at                timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, owner_id, tx_id, position)
);
CREATE INDEX todo_changes_history ON todo_changes (tenant_id, todo_id, version);
GRANT SELECT, INSERT, UPDATE, DELETE ON todo_list, todo_changes TO enterprise_todo_service;
