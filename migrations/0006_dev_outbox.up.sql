-- Mails of development and test systems, to be read back. Production never writes here.
CREATE TABLE dev_outbox (
  id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  recipient text NOT NULL,
  subject   text NOT NULL,
  body      text NOT NULL,
  links     text[] NOT NULL,
  sent_at   timestamptz NOT NULL
);
CREATE INDEX dev_outbox_recipient ON dev_outbox (recipient, id);
GRANT SELECT, INSERT, DELETE ON dev_outbox TO enterprise_todo_service;
