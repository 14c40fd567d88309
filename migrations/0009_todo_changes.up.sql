-- A todo's history is read from its own stream of events: the changes keep what live updates need.
DROP INDEX todo_changes_history;
ALTER TABLE todo_changes DROP COLUMN version, DROP COLUMN actor_kind, DROP COLUMN actor_id;

-- Rows are copied in, and COPY works on a table with row-level security for its owner only. These
-- tables can be made again from the log, so they may be the services' own; events never are.
GRANT CREATE ON SCHEMA public TO enterprise_todo_service;
ALTER TABLE todo_list OWNER TO enterprise_todo_service;
ALTER TABLE todo_changes OWNER TO enterprise_todo_service;
REVOKE CREATE ON SCHEMA public FROM enterprise_todo_service;
