-- The second wall between tenants: queries run under a role that may only read, and of tables with
-- a tenant sees no row but those of the tenant that its connection names. Without one it sees none.
DO $$ BEGIN
  CREATE ROLE enterprise_todo_reader NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;
DO $$ BEGIN
  -- Whoever may work as the services may work as their reader: no deployment has to change.
  IF NOT pg_has_role('enterprise_todo_service', 'enterprise_todo_reader', 'MEMBER') THEN
    GRANT enterprise_todo_reader TO enterprise_todo_service;
  END IF;
END $$;
GRANT USAGE ON SCHEMA public TO enterprise_todo_reader;

-- Puts the wall around a table. Every read model with a tenant calls it in its migration.
CREATE PROCEDURE tenant_wall(walled regclass, tenant name DEFAULT 'tenant_id') LANGUAGE plpgsql AS $$ BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', walled);
  EXECUTE format('CREATE POLICY one_tenant ON %s FOR SELECT TO enterprise_todo_reader '
    'USING (%I = NULLIF(current_setting(''app.tenant'', true), '''')::uuid)', walled, tenant);
  -- Projections write for all tenants, and say so.
  EXECUTE format('CREATE POLICY services ON %s TO enterprise_todo_service USING (true) WITH CHECK (true)',
    walled);
  EXECUTE format('GRANT SELECT ON %s TO enterprise_todo_reader', walled);
END $$;
REVOKE EXECUTE ON PROCEDURE tenant_wall FROM PUBLIC;

CALL tenant_wall('tenants', 'id');
CALL tenant_wall('people');
CALL tenant_wall('tag_list');
CALL tenant_wall('todo_list');
CALL tenant_wall('todo_changes');
