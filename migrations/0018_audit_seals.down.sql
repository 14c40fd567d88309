DELETE FROM projection_checkpoints WHERE name = 'audit_seal.v1';
DROP TABLE audit_checkpoints, audit_nodes, audit_leaves, audit_log;
DROP FUNCTION seals_immutable();
