-- autoctl_node, whose credential is in the URI of every node, asks one question and looks. It takes no lock that others
-- wait for, writes nothing, and what it can change of itself is put back.

CREATE TABLE autoctl.node_role (
    only_row  boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    password  text
);
COMMENT ON TABLE autoctl.node_role IS 'What autoctl_node is to be; one row';
COMMENT ON COLUMN autoctl.node_role.password IS 'pg_authid.rolpassword; NULL: the first one that it gets is kept';
INSERT INTO autoctl.node_role DEFAULT VALUES;

CREATE FUNCTION autoctl.set_node_password(password text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format('ALTER ROLE autoctl_node PASSWORD %L', $1);
    UPDATE autoctl.node_role SET password = (SELECT rolpassword FROM pg_authid WHERE rolname = 'autoctl_node');
END $$;
COMMENT ON FUNCTION autoctl.set_node_password IS 'Changes the password of autoctl_node for good';

-- A volatile function may have effects: advisory locks, large objects, messages in the WAL, files. None is for a node, and
-- none that a newer PostgreSQL brings.
CREATE FUNCTION autoctl.keep_node_rights() RETURNS boolean
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    too_much text;
    changed boolean := false;
BEGIN
    FOR too_much IN
        SELECT 'EXECUTE ON ROUTINE ' || oid::regprocedure FROM pg_proc
         WHERE pronamespace IN ('pg_catalog'::regnamespace, 'autoctl'::regnamespace)
           AND (provolatile = 'v' OR proname IN ('txid_current', 'pg_current_xact_id'))
           AND has_function_privilege('autoctl_node', oid, 'EXECUTE')
        UNION ALL
        SELECT 'USAGE ON LANGUAGE ' || quote_ident(lanname) FROM pg_language
         WHERE lanpltrusted AND has_language_privilege('autoctl_node', oid, 'USAGE')
        UNION ALL
        SELECT 'ALL ON SCHEMA public' FROM pg_namespace
         WHERE nspname = 'public' AND has_schema_privilege('autoctl_node', oid, 'CREATE, USAGE')
        UNION ALL
        SELECT 'CREATE, TEMPORARY ON DATABASE ' || quote_ident(datname) FROM pg_database
         WHERE datname = current_database() AND has_database_privilege('autoctl_node', oid, 'CREATE, TEMPORARY')
    LOOP
        EXECUTE format('REVOKE %s FROM PUBLIC, autoctl_node', too_much);
        changed := true;
    END LOOP;
    RETURN changed;
END $$;

-- CREATE RULE, for one, takes the strongest lock on a table before it looks at rights.
CREATE FUNCTION autoctl.refuse_node() RETURNS event_trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF session_user = 'autoctl_node' THEN
        RAISE insufficient_privilege USING MESSAGE = 'permission denied: autoctl_node may only look';
    END IF;
END $$;
CREATE EVENT TRIGGER autoctl_refuse_node ON ddl_command_start EXECUTE FUNCTION autoctl.refuse_node();
ALTER EVENT TRIGGER autoctl_refuse_node ENABLE ALWAYS;

-- A role may change its own settings. Those that only a superuser may set hold in its sessions, too.
CREATE FUNCTION autoctl.keep_node_settings() RETURNS boolean
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    role CONSTANT oid := 'autoctl_node'::regrole;
    wanted text[] := '{statement_timeout=10s,idle_in_transaction_session_timeout=10s,temp_file_limit=16MB,
                       log_min_messages=fatal,log_min_error_statement=panic}';
    setting text;
    place name;
BEGIN
    IF current_setting('server_version_num')::int >= 140000 THEN
        wanted := wanted || 'idle_session_timeout=30s'::text;
    END IF;
    IF EXISTS (SELECT FROM pg_db_role_setting WHERE setrole = role AND setdatabase = 0
                  AND setconfig @> wanted AND wanted @> setconfig)
       AND NOT EXISTS (SELECT FROM pg_db_role_setting WHERE setrole = role AND setdatabase <> 0) THEN
        RETURN false;
    END IF;
    FOR place IN SELECT datname FROM pg_db_role_setting JOIN pg_database d ON d.oid = setdatabase WHERE setrole = role LOOP
        EXECUTE format('ALTER ROLE autoctl_node IN DATABASE %I RESET ALL', place);
    END LOOP;
    ALTER ROLE autoctl_node RESET ALL;
    FOREACH setting IN ARRAY wanted LOOP
        EXECUTE format('ALTER ROLE autoctl_node SET %s TO %L', split_part(setting, '=', 1), split_part(setting, '=', 2));
    END LOOP;
    RETURN true;
END $$;

-- A role may change its own password, too.
CREATE FUNCTION autoctl.keep_node_password() RETURNS boolean
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    kept CONSTANT text := (SELECT password FROM autoctl.node_role);
    present CONSTANT text := (SELECT rolpassword FROM pg_authid WHERE rolname = 'autoctl_node');
BEGIN
    IF kept IS NULL AND present IS NOT NULL THEN
        UPDATE autoctl.node_role SET password = present;
    END IF;
    IF kept IS NULL OR kept IS NOT DISTINCT FROM present THEN
        RETURN false;
    END IF;
    EXECUTE format('ALTER ROLE autoctl_node PASSWORD %L', kept);
    RETURN true;
END $$;

CREATE FUNCTION autoctl.keep_node_role() RETURNS SETOF text
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- A restore of this database alone leaves roles out.
    IF to_regrole('autoctl_node') IS NULL THEN
        CREATE ROLE autoctl_node LOGIN;
        GRANT USAGE ON SCHEMA autoctl TO autoctl_node;
        GRANT EXECUTE ON FUNCTION autoctl.api_endpoint TO autoctl_node;
        GRANT SELECT ON autoctl.state, autoctl.history TO autoctl_node;
        RETURN NEXT 'it did not exist: made';
    END IF;
    -- Of two sessions one can hold a weak lock while the other waits for a strong one: then everybody waits. DROP DATABASE
    -- and others ask for their lock before they look at the role's rights. Another limit is an operator's.
    IF (SELECT rolconnlimit = -1 FROM pg_roles WHERE rolname = 'autoctl_node') THEN
        ALTER ROLE autoctl_node CONNECTION LIMIT 1;
    END IF;
    IF autoctl.keep_node_rights() THEN
        RETURN NEXT 'it had rights that no node needs: revoked';
    END IF;
    IF autoctl.keep_node_settings() THEN
        RETURN NEXT 'its settings were not those that it is to have: put back';
    END IF;
    IF autoctl.keep_node_password() THEN
        RETURN NEXT 'its password was changed: put back (autoctl.set_node_password() changes it for good)';
    END IF;
END $$;
COMMENT ON FUNCTION autoctl.keep_node_role IS 'Puts autoctl_node back to what it is to be, and says what it was not';

SELECT FROM autoctl.keep_node_role();
