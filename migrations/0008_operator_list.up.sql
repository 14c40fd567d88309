-- Operators, as the portal lists them.
CREATE TABLE operator_list (
  id         uuid PRIMARY KEY,
  fullname   text NOT NULL,
  email      text NOT NULL,
  role       text NOT NULL,
  active     boolean NOT NULL,
  two_factor boolean NOT NULL,
  created_at timestamptz NOT NULL,
  version    bigint NOT NULL
);
CREATE INDEX operator_list_newest ON operator_list (created_at, id);
GRANT SELECT, INSERT, UPDATE, DELETE ON operator_list TO enterprise_todo_service;
