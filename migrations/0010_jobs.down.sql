DELETE FROM projection_checkpoints WHERE name = 'mails.v1';
DROP INDEX command_log_created_at;
ALTER TABLE dev_outbox DROP COLUMN message_id, DROP COLUMN html;
DROP TABLE sent_mails;
DROP SCHEMA graphile_worker CASCADE;
