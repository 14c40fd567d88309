DO $$ DECLARE walled regclass; BEGIN
  FOR walled IN SELECT DISTINCT polrelid::regclass FROM pg_policy WHERE polname = 'one_tenant' LOOP
    EXECUTE format('DROP POLICY one_tenant ON %s', walled);
    EXECUTE format('DROP POLICY services ON %s', walled);
    EXECUTE format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY', walled);
    EXECUTE format('REVOKE SELECT ON %s FROM enterprise_todo_reader', walled);
  END LOOP;
END $$;
DROP PROCEDURE tenant_wall;
REVOKE USAGE ON SCHEMA public FROM enterprise_todo_reader;
-- The role stays: it belongs to the server, and other databases may use it.
