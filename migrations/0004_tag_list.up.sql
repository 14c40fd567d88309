-- Tags, as lists show them.
CREATE TABLE tag_list (
  tenant_id  uuid NOT NULL,
  id         uuid NOT NULL,
  name       text COLLATE "C" NOT NULL,
  slug       text COLLATE "C" NOT NULL,
  colour     text NOT NULL,
  created_at timestamptz NOT NULL,
  version    bigint NOT NULL,
  position   bigint NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX tag_list_newest ON tag_list (tenant_id, created_at, id);
GRANT SELECT, INSERT, UPDATE, DELETE ON tag_list TO enterprise_todo_service;
