DO $$
DECLARE
  home name;
BEGIN
  FOR home IN SELECT nspname FROM pg_namespace WHERE nspname LIKE 'shadow\_%' LOOP
    EXECUTE format('DROP SCHEMA %I CASCADE', home);
  END LOOP;
END $$;
DROP FUNCTION shadow_drop, shadow_analyze, shadow_swap, shadow_make, shadow_shape, shadow_schema;
DROP TABLE projection_builds;
-- Dead letters that were discarded would come back as open ones.
DELETE FROM projection_dead_letters WHERE discarded_at IS NOT NULL;
ALTER TABLE projection_dead_letters DROP COLUMN retry_at, DROP COLUMN discarded_at;
ALTER TABLE projection_checkpoints DROP COLUMN rate;
DROP TABLE read_model_tables;
