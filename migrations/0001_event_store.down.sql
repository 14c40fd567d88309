DROP TABLE projection_dead_letters, projection_checkpoints, running_numbers, command_log, unique_claims, snapshots, events;
DROP FUNCTION events_immutable();
-- The role stays: it belongs to the server, and other databases may use it.
