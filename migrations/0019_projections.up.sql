-- Read models under an operator's hand: built anew beside the serving ones, swapped, taken back.

-- Which tables are whose, and with it what may be built anew. Only migrations write it: what swaps
-- tables below swaps these and no others.
CREATE TABLE read_model_tables (
  table_name text COLLATE "C" PRIMARY KEY,
  model      text COLLATE "C" NOT NULL,
  -- Whether its rows are the same whenever it is built: not so where they depend on the batches.
  comparable boolean NOT NULL DEFAULT true
);
INSERT INTO read_model_tables (model, table_name, comparable)
  SELECT model, table_name, comparable FROM (VALUES
    ('todo_list.v1', 'todo_list', true), ('todo_changes.v1', 'todo_changes', true),
    ('tag_list.v1', 'tag_list', true), ('people.v1', 'people', true), ('people.v1', 'tenants', true),
    ('operator_list.v1', 'operator_list', true), ('referrals.v1', 'referrals', true),
    ('role_list.v1', 'role_list', true), ('api_key_list.v1', 'api_key_list', true),
    ('audit_list.v1', 'audit_list', true), ('audit_list.v1', 'audit_kinds', true),
    ('audit_list.v1', 'audit_streams', true), ('audit_list.v1', 'audit_spans', false),
    ('todo_versions.v1', 'todo_versions', true), ('people_versions.v1', 'people_versions', true)
  ) AS known (model, table_name, comparable) WHERE to_regclass('public.' || table_name) IS NOT NULL;
GRANT SELECT ON read_model_tables TO enterprise_todo_service;

-- Events a second, as of updated_at; it fades with the time since.
ALTER TABLE projection_checkpoints ADD COLUMN rate real NOT NULL DEFAULT 0;
-- What an operator said about a dead letter. One that is discarded stays, so that no later build
-- of the read model stumbles over the event again.
ALTER TABLE projection_dead_letters ADD COLUMN retry_at timestamptz, ADD COLUMN discarded_at timestamptz;

-- One row for each read model that has tables beside the serving ones.
CREATE TABLE projection_builds (
  name       text COLLATE "C" PRIMARY KEY,
  id         bigint GENERATED ALWAYS AS IDENTITY,
  phase      text NOT NULL DEFAULT 'building'
             CHECK (phase IN ('building', 'comparing', 'swapping', 'kept', 'returning', 'failed')),
  tx_id      xid8 NOT NULL DEFAULT '0',
  position   bigint NOT NULL DEFAULT 0,
  events     bigint NOT NULL DEFAULT 0,
  rate       real NOT NULL DEFAULT 0,       -- events a second
  pace       real NOT NULL DEFAULT 0,       -- positions a second
  differing  bigint,
  locked_ms  real,
  error      text,
  started_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  swapped_at timestamptz
) WITH (fillfactor = 50);
GRANT SELECT, INSERT, UPDATE, DELETE ON projection_builds TO enterprise_todo_service;

-- Tables are on their way through it for the length of a swap.
CREATE SCHEMA shadow_transit;

CREATE FUNCTION shadow_schema(of_model text) RETURNS name LANGUAGE sql IMMUTABLE AS
  $$ SELECT ('shadow_' || replace(of_model, '.', '_'))::name $$;

-- The columns of a read model's tables in a schema, to see whether two copies are of one shape.
CREATE FUNCTION shadow_shape(home name, of_model text) RETURNS text
  LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT string_agg(format('%s.%s %s %s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull), ','
                    ORDER BY c.relname, a.attnum)
  FROM public.read_model_tables m
  JOIN pg_namespace n ON n.nspname = home
  JOIN pg_class c ON c.relname = m.table_name AND c.relnamespace = n.oid
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  WHERE m.model = of_model
$$;

-- Empty copies of a read model's tables, alike in everything: columns, constraints and indexes under
-- the same names, storage, row-level security, rights, owner. They work as the schema's owner,
-- because services may not change a schema.
CREATE FUNCTION shadow_make(of_model text) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  home name := public.shadow_schema(of_model);
  own record;
  part record;
BEGIN
  IF NOT EXISTS (SELECT FROM public.read_model_tables WHERE model = of_model) THEN
    RAISE EXCEPTION '% has no tables to be built anew', of_model USING ERRCODE = 'undefined_table';
  END IF;
  EXECUTE format('DROP SCHEMA IF EXISTS %I CASCADE', home);
  EXECUTE format('CREATE SCHEMA %I', home);
  EXECUTE format('GRANT USAGE, CREATE ON SCHEMA %I TO enterprise_todo_service', home);
  FOR own IN
    SELECT c.oid, c.relname AS name, c.relowner, pg_get_userbyid(c.relowner) AS owner, c.reloptions,
           c.relrowsecurity AS walled, c.relacl
    FROM public.read_model_tables m JOIN pg_class c ON c.oid = format('public.%I', m.table_name)::regclass
    WHERE m.model = of_model ORDER BY m.table_name
  LOOP
    EXECUTE format('CREATE TABLE %I.%I (LIKE public.%I INCLUDING ALL EXCLUDING INDEXES)', home, own.name, own.name);
    IF own.reloptions IS NOT NULL THEN
      EXECUTE format('ALTER TABLE %I.%I SET (%s)', home, own.name, array_to_string(own.reloptions, ', '));
    END IF;
    FOR part IN SELECT conname, pg_get_constraintdef(oid) AS definition FROM pg_constraint
                WHERE conrelid = own.oid AND contype IN ('p', 'u', 'x') LOOP
      EXECUTE format('ALTER TABLE %I.%I ADD CONSTRAINT %I %s', home, own.name, part.conname, part.definition);
    END LOOP;
    FOR part IN SELECT pg_get_indexdef(i.indexrelid) AS definition FROM pg_index i
                WHERE i.indrelid = own.oid AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid) LOOP
      EXECUTE replace(part.definition, format(' ON public.%I USING ', own.name), format(' ON %I.%I USING ', home, own.name));
    END LOOP;
    IF own.walled THEN
      EXECUTE format('ALTER TABLE %I.%I ENABLE ROW LEVEL SECURITY', home, own.name);
    END IF;
    FOR part IN SELECT p.*, (SELECT string_agg(quote_ident(r), ', ') FROM unnest(p.roles) AS r) AS whom
                FROM pg_policies p WHERE p.schemaname = 'public' AND p.tablename = own.name LOOP
      EXECUTE format('CREATE POLICY %I ON %I.%I AS %s FOR %s TO %s', part.policyname, home, own.name, part.permissive,
                     part.cmd, part.whom)
        || COALESCE(' USING (' || part.qual || ')', '') || COALESCE(' WITH CHECK (' || part.with_check || ')', '');
    END LOOP;
    EXECUTE format('ALTER TABLE %I.%I OWNER TO %I', home, own.name, own.owner);
    FOR part IN SELECT pg_get_userbyid(a.grantee) AS whom, a.privilege_type AS may FROM aclexplode(own.relacl) AS a
                WHERE a.grantee <> own.relowner LOOP
      EXECUTE format('GRANT %s ON %I.%I TO %I', part.may, home, own.name, part.whom);
    END LOOP;
  END LOOP;
  EXECUTE format('REVOKE CREATE ON SCHEMA %I FROM enterprise_todo_service', home);
END $$;

-- The copies serve from now on, and what served is the copy. Whoever calls it says how long it may
-- wait for readers (lock_timeout) and how long it may take (statement_timeout).
CREATE FUNCTION shadow_swap(of_model text) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  home name := public.shadow_schema(of_model);
  own name;
BEGIN
  IF public.shadow_shape(home, of_model) IS DISTINCT FROM public.shadow_shape('public', of_model) THEN
    RAISE EXCEPTION 'the tables of % have changed their shape since the copies were made', of_model
      USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
  FOR own IN SELECT table_name FROM public.read_model_tables WHERE model = of_model ORDER BY table_name LOOP
    EXECUTE format('LOCK TABLE %I.%I, public.%I IN ACCESS EXCLUSIVE MODE', home, own, own);
  END LOOP;
  FOR own IN SELECT table_name FROM public.read_model_tables WHERE model = of_model ORDER BY table_name LOOP
    EXECUTE format('ALTER TABLE public.%I SET SCHEMA shadow_transit', own);
    EXECUTE format('ALTER TABLE %I.%I SET SCHEMA public', home, own);
    EXECUTE format('ALTER TABLE shadow_transit.%I SET SCHEMA %I', own, home);
  END LOOP;
END $$;

-- Statistics, before anybody plans a query with the copies.
CREATE FUNCTION shadow_analyze(of_model text) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  own name;
BEGIN
  FOR own IN SELECT table_name FROM public.read_model_tables WHERE model = of_model ORDER BY table_name LOOP
    EXECUTE format('ANALYZE %I.%I', public.shadow_schema(of_model), own);
  END LOOP;
END $$;

CREATE FUNCTION shadow_drop(of_model text) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM public.read_model_tables WHERE model = of_model) THEN
    EXECUTE format('DROP SCHEMA IF EXISTS %I CASCADE', public.shadow_schema(of_model));
  END IF;
END $$;

REVOKE EXECUTE ON FUNCTION shadow_make, shadow_swap, shadow_analyze, shadow_drop FROM PUBLIC;
GRANT EXECUTE ON FUNCTION shadow_make, shadow_swap, shadow_analyze, shadow_drop TO enterprise_todo_service;
