ALTER TABLE todo_list OWNER TO CURRENT_USER;
ALTER TABLE todo_changes OWNER TO CURRENT_USER;
GRANT SELECT, INSERT, UPDATE, DELETE ON todo_list, todo_changes TO enterprise_todo_service;

-- What happened and by whom is in the events: this is what the release before wrote here.
ALTER TABLE todo_changes ADD COLUMN version bigint, ADD COLUMN actor_kind text, ADD COLUMN actor_id uuid;
UPDATE todo_changes c
SET version = e.sequence, actor_kind = e.metadata->>'actor_kind',
    actor_id = nullif(e.metadata->>'actor_id', '')::uuid
FROM events e WHERE (e.tx_id, e.position) = (c.tx_id, c.position);
ALTER TABLE todo_changes ALTER COLUMN version SET NOT NULL, ALTER COLUMN actor_kind SET NOT NULL;
CREATE INDEX todo_changes_history ON todo_changes (tenant_id, todo_id, version);
