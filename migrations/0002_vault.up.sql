-- A key per person, wrapped by DATA_KEY. Destroying a row erases the person everywhere at once.
CREATE TABLE subject_keys (
  subject_id  uuid PRIMARY KEY,
  wrapped_key bytea NOT NULL,               -- first byte: 0 = plain, 1 = wrapped by DATA_KEY
  created_at  timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT, INSERT, DELETE ON subject_keys TO enterprise_todo_service;
