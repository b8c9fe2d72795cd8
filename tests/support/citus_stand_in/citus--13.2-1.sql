-- A stand-in for the extension citus where it cannot be had: pg_dist_node, and the functions that autoctl changes it by,
-- with the refusals that matter. It shards nothing. Other nodes are told at once and not in one transaction with us.

CREATE SCHEMA citus;
CREATE TYPE pg_catalog.noderole AS ENUM ('primary', 'secondary', 'unavailable');

CREATE SEQUENCE citus.pg_dist_node_nodeid_seq;
CREATE TABLE citus.pg_dist_node (
  nodeid int PRIMARY KEY DEFAULT nextval('citus.pg_dist_node_nodeid_seq'),
  groupid int NOT NULL,
  nodename text NOT NULL,
  nodeport int NOT NULL,
  noderack text NOT NULL DEFAULT 'default',
  hasmetadata bool NOT NULL DEFAULT true,
  isactive bool NOT NULL DEFAULT true,
  noderole pg_catalog.noderole NOT NULL DEFAULT 'primary',
  nodecluster name NOT NULL DEFAULT 'default',
  metadatasynced bool NOT NULL DEFAULT false,
  shouldhaveshards bool NOT NULL DEFAULT true,
  UNIQUE (nodename, nodeport),
  CONSTRAINT primaries_are_only_allowed_in_the_default_cluster
    CHECK (NOT (nodecluster <> 'default' AND noderole = 'primary'))
);
CREATE TABLE citus.pg_dist_local_group (groupid int PRIMARY KEY);
INSERT INTO citus.pg_dist_local_group VALUES (0);
CREATE TABLE citus.pg_dist_authinfo (nodeid int NOT NULL, rolename name NOT NULL, authinfo text NOT NULL,
                                     UNIQUE (rolename, nodeid));
CREATE TABLE citus.pg_dist_transaction (groupid int NOT NULL, gid text NOT NULL, UNIQUE (groupid, gid));
CREATE TABLE citus.pg_dist_partition (logicalrelid regclass PRIMARY KEY, partmethod "char" NOT NULL);
CREATE TABLE citus.pg_dist_shard (logicalrelid regclass NOT NULL, shardid bigint PRIMARY KEY);
CREATE TABLE citus.pg_dist_placement (placementid bigint PRIMARY KEY, shardid bigint NOT NULL,
                                      shardstate int NOT NULL DEFAULT 1, shardlength bigint NOT NULL DEFAULT 0,
                                      groupid int NOT NULL);

-- Nothing may be created in pg_catalog, but things may move there.
DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['node', 'local_group', 'authinfo', 'transaction', 'partition', 'shard', 'placement'] LOOP
    EXECUTE format('ALTER TABLE citus.pg_dist_%s SET SCHEMA pg_catalog', name);
    EXECUTE format('GRANT SELECT ON pg_catalog.pg_dist_%s TO PUBLIC', name);
  END LOOP;
  REVOKE ALL ON pg_catalog.pg_dist_authinfo FROM PUBLIC;
END $$;

CREATE FUNCTION citus.remote_exec(conninfo text, command text) RETURNS text
  LANGUAGE c STRICT AS '$libdir/dblink', 'dblink_exec';
CREATE FUNCTION citus.remote_query(conninfo text, command text) RETURNS SETOF record
  LANGUAGE c STRICT AS '$libdir/dblink', 'dblink_record';

CREATE FUNCTION citus.conninfo_of(node pg_catalog.pg_dist_node) RETURNS text LANGUAGE sql AS $$
  SELECT format('host=%s port=%s dbname=%s user=%s connect_timeout=5 %s %s', node.nodename, node.nodeport,
                current_database(), current_user, current_setting('citus.node_conninfo', true),
                (SELECT authinfo FROM pg_dist_authinfo a WHERE rolename = current_user AND a.nodeid IN (0, node.nodeid)
                 ORDER BY a.nodeid DESC LIMIT 1))
$$;

CREATE FUNCTION citus.ensure_coordinator() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF (SELECT groupid FROM pg_dist_local_group) <> 0 THEN
    RAISE 'operation is not allowed on this node' USING HINT = 'Connect to the coordinator and run it again.';
  END IF;
  LOCK TABLE pg_dist_node IN EXCLUSIVE MODE;
END $$;

-- Gives `node` our pg_dist_node, and its place in it.
CREATE FUNCTION citus.push_metadata(node pg_catalog.pg_dist_node) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  rows text := (SELECT string_agg(quote_literal(n::text) || '::pg_catalog.pg_dist_node', ', ') FROM pg_dist_node n);
BEGIN
  PERFORM citus.remote_exec(citus.conninfo_of(node), format(
    'BEGIN; UPDATE pg_catalog.pg_dist_local_group SET groupid = %s; DELETE FROM pg_catalog.pg_dist_node; '
    'INSERT INTO pg_catalog.pg_dist_node SELECT (n).* FROM unnest(ARRAY[%s]) n; COMMIT', node.groupid, rows));
END $$;

CREATE FUNCTION citus.push_metadata_to_synced_workers() RETURNS void LANGUAGE sql AS $$
  SELECT citus.push_metadata(n) FROM pg_dist_node n
  WHERE groupid <> 0 AND noderole = 'primary' AND isactive AND metadatasynced
$$;

CREATE FUNCTION pg_catalog.start_metadata_sync_to_all_nodes() RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
  PERFORM citus.ensure_coordinator();
  UPDATE pg_dist_node SET hasmetadata = true, metadatasynced = true WHERE isactive AND noderole = 'primary';
  PERFORM citus.push_metadata_to_synced_workers();
  RETURN true;
END $$;

CREATE FUNCTION pg_catalog.start_metadata_sync_to_node(nodename text, nodeport int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  node pg_dist_node;
BEGIN
  PERFORM citus.ensure_coordinator();
  UPDATE pg_dist_node n SET hasmetadata = true, metadatasynced = true
    WHERE n.nodename = $1 AND n.nodeport = $2 RETURNING * INTO node;
  IF NOT found THEN RAISE 'node at "%:%" does not exist', $1, $2; END IF;
  -- Not only to the node itself: the others learn that it is synced.
  PERFORM citus.push_metadata_to_synced_workers();
END $$;

CREATE FUNCTION pg_catalog.citus_activate_node(nodename text, nodeport int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  id int;
BEGIN
  PERFORM citus.ensure_coordinator();
  UPDATE pg_dist_node n SET isactive = true WHERE n.nodename = $1 AND n.nodeport = $2 RETURNING nodeid INTO id;
  IF NOT found THEN RAISE 'node at "%:%" does not exist', $1, $2; END IF;
  PERFORM start_metadata_sync_to_node($1, $2);
  RETURN id;
END $$;

CREATE FUNCTION pg_catalog.citus_add_inactive_node(nodename text, nodeport int, groupid int DEFAULT -1,
                                                   noderole noderole DEFAULT 'primary',
                                                   nodecluster name DEFAULT 'default')
RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  id int;
BEGIN
  PERFORM citus.ensure_coordinator();
  SELECT nodeid INTO id FROM pg_dist_node n WHERE n.nodename = $1 AND n.nodeport = $2;
  IF found THEN RETURN id; END IF;
  IF $4 = 'primary' AND $5 <> 'default' THEN RAISE 'primaries must be added to the default cluster'; END IF;
  IF $4 = 'primary' AND EXISTS (SELECT FROM pg_dist_node n WHERE n.groupid = $3 AND n.noderole = 'primary') THEN
    RAISE 'group % already has a primary node', $3;
  END IF;
  IF $4 = 'secondary' AND NOT EXISTS (SELECT FROM pg_dist_node n WHERE n.groupid = $3) THEN
    RAISE 'node group % does not have a primary node', $3;
  END IF;
  IF $3 = -1 THEN
    SELECT greatest(max(n.groupid), 0) + 1 INTO groupid FROM pg_dist_node n;
  END IF;
  INSERT INTO pg_dist_node (groupid, nodename, nodeport, noderole, nodecluster, isactive, shouldhaveshards)
    VALUES (groupid, $1, $2, $4, $5, false, groupid <> 0) RETURNING nodeid INTO id;
  RETURN id;
END $$;

CREATE FUNCTION pg_catalog.citus_add_node(nodename text, nodeport int, groupid int DEFAULT -1,
                                          noderole noderole DEFAULT 'primary', nodecluster name DEFAULT 'default')
RETURNS int LANGUAGE sql AS $$
  SELECT citus_add_inactive_node($1, $2, $3, $4, $5);
  SELECT citus_activate_node($1, $2);
$$;

CREATE FUNCTION pg_catalog.citus_add_secondary_node(nodename text, nodeport int, primaryname text, primaryport int,
                                                    nodecluster name DEFAULT 'default')
RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  groupid int := (SELECT n.groupid FROM pg_dist_node n WHERE n.nodename = $3 AND n.nodeport = $4);
BEGIN
  IF groupid IS NULL THEN RAISE 'node at "%:%" does not exist', $3, $4; END IF;
  RETURN citus_add_node($1, $2, groupid, 'secondary', $5);
END $$;

CREATE FUNCTION pg_catalog.citus_update_node(node_id int, new_node_name text, new_node_port int,
                                             force bool DEFAULT false, lock_cooldown int DEFAULT 10000)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  same int := (SELECT nodeid FROM pg_dist_node WHERE nodename = $2 AND nodeport = $3);
BEGIN
  IF same = $1 THEN RETURN; END IF;
  IF same IS NOT NULL THEN
    RAISE object_not_in_prerequisite_state
      USING MESSAGE = 'there is already another node with the specified hostname and port';
  END IF;
  UPDATE pg_dist_node SET nodename = $2, nodeport = $3 WHERE nodeid = $1;
  IF NOT found THEN RAISE no_data_found USING MESSAGE = format('node %s not found', $1); END IF;
  UPDATE pg_dist_node SET metadatasynced = false WHERE groupid <> 0 AND noderole = 'primary';
END $$;

CREATE FUNCTION pg_catalog.citus_set_coordinator_host(host text, port int DEFAULT current_setting('port')::int,
                                                      node_role noderole DEFAULT 'primary',
                                                      node_cluster name DEFAULT 'default')
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM citus.ensure_coordinator();
  UPDATE pg_dist_node SET nodename = $1, nodeport = $2
    WHERE groupid = 0 AND noderole = $3 AND nodecluster = $4;
  IF NOT found THEN
    INSERT INTO pg_dist_node (groupid, nodename, nodeport, noderole, nodecluster, metadatasynced, shouldhaveshards)
      VALUES (0, $1, $2, $3, $4, true, false);
  END IF;
  PERFORM citus.push_metadata_to_synced_workers();
END $$;

CREATE FUNCTION pg_catalog.citus_remove_node(nodename text, nodeport int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  node pg_dist_node;
BEGIN
  PERFORM citus.ensure_coordinator();
  SELECT * INTO node FROM pg_dist_node n WHERE n.nodename = $1 AND n.nodeport = $2;
  IF NOT found THEN RAISE 'node at "%:%" does not exist', $1, $2; END IF;
  IF node.noderole = 'primary' AND EXISTS (SELECT FROM pg_dist_placement p WHERE p.groupid = node.groupid) THEN
    RAISE 'cannot remove or disable the node %:% because because it contains the only shard placement for shard %', $1, $2,
      (SELECT min(shardid) FROM pg_dist_placement p WHERE p.groupid = node.groupid)
      USING HINT = 'To proceed, either drop the tables or use undistribute_table() function to convert them to local tables';
  END IF;
  IF node.noderole = 'primary' THEN DELETE FROM pg_dist_transaction t WHERE t.groupid = node.groupid; END IF;
  DELETE FROM pg_dist_node WHERE nodeid = node.nodeid;
  PERFORM citus.push_metadata_to_synced_workers();
END $$;

CREATE FUNCTION pg_catalog.citus_disable_node(nodename text, nodeport int, synchronous bool DEFAULT false)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM citus.ensure_coordinator();
  UPDATE pg_dist_node n SET isactive = false, metadatasynced = false WHERE n.nodename = $1 AND n.nodeport = $2;
  IF NOT found THEN RAISE 'node at "%:%" does not exist', $1, $2; END IF;
  PERFORM citus.push_metadata_to_synced_workers();
END $$;

CREATE FUNCTION pg_catalog.citus_set_node_property(nodename text, nodeport int, property text, value bool)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM citus.ensure_coordinator();
  IF property <> 'shouldhaveshards' THEN
    RAISE 'only the ''shouldhaveshards'' property can be set using this function';
  END IF;
  UPDATE pg_dist_node n SET shouldhaveshards = value WHERE n.nodename = $1 AND n.nodeport = $2;
  IF NOT found THEN RAISE 'node at "%:%" does not exist', $1, $2; END IF;
  PERFORM citus.push_metadata_to_synced_workers();
END $$;

CREATE FUNCTION pg_catalog.citus_get_active_worker_nodes(OUT node_name text, OUT node_port bigint)
RETURNS SETOF record LANGUAGE sql AS $$
  SELECT nodename, nodeport FROM pg_dist_node
  WHERE isactive AND shouldhaveshards AND noderole = 'primary' AND groupid <> 0
$$;
CREATE FUNCTION pg_catalog.master_get_active_worker_nodes(OUT node_name text, OUT node_port bigint)
RETURNS SETOF record LANGUAGE sql AS 'SELECT * FROM citus_get_active_worker_nodes()';

CREATE FUNCTION pg_catalog.citus_is_coordinator() RETURNS bool LANGUAGE sql AS $$
  SELECT groupid = 0 AND EXISTS (SELECT FROM pg_dist_node) FROM pg_dist_local_group
$$;
CREATE FUNCTION pg_catalog.citus_coordinator_nodeid() RETURNS int LANGUAGE sql AS $$
  SELECT nodeid FROM pg_dist_node WHERE groupid = 0 AND noderole = 'primary'
$$;
CREATE FUNCTION pg_catalog.citus_version() RETURNS text LANGUAGE sql AS $$
  SELECT 'Citus 13.2.2 (a stand-in for autoctl''s tests)'
$$;

CREATE FUNCTION pg_catalog.run_command_on_workers(command text, parallel bool DEFAULT true, OUT nodename text,
                                                  OUT nodeport int, OUT success bool, OUT result text)
RETURNS SETOF record LANGUAGE plpgsql AS $$
DECLARE
  node pg_dist_node;
BEGIN
  FOR node IN SELECT * FROM pg_dist_node WHERE isactive AND noderole = 'primary' AND groupid <> 0 ORDER BY nodeid LOOP
    nodename := node.nodename;
    nodeport := node.nodeport;
    BEGIN
      SELECT value INTO result FROM citus.remote_query(citus.conninfo_of(node),
        format('SELECT (%s)::text', rtrim(command, '; '))) AS remote(value text);
      success := true;
    EXCEPTION WHEN OTHERS THEN
      result := sqlerrm;
      success := false;
    END;
    RETURN NEXT;
  END LOOP;
END $$;

-- A prepared transaction of ours is committed if we have noted it, and else rolled back.
CREATE FUNCTION pg_catalog.recover_prepared_transactions() RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  node pg_dist_node;
  found_gid text;
  verb text;
  finished int := 0;
BEGIN
  FOR node IN SELECT * FROM pg_dist_node n
              WHERE isactive AND noderole = 'primary' AND n.groupid <> (SELECT groupid FROM pg_dist_local_group) LOOP
    FOR found_gid IN SELECT gid FROM citus.remote_query(citus.conninfo_of(node), format(
        'SELECT gid FROM pg_prepared_xacts WHERE database = current_database() AND gid LIKE ''citus\_%s\_%%''',
        (SELECT groupid FROM pg_dist_local_group))) AS remote(gid text) LOOP
      verb := CASE WHEN EXISTS (SELECT FROM pg_dist_transaction t WHERE t.groupid = node.groupid AND t.gid = found_gid)
                   THEN 'COMMIT' ELSE 'ROLLBACK' END;
      PERFORM citus.remote_exec(citus.conninfo_of(node), format('%s PREPARED %L', verb, found_gid));
      DELETE FROM pg_dist_transaction t WHERE t.groupid = node.groupid AND t.gid = found_gid;
      finished := finished + 1;
    END LOOP;
  END LOOP;
  RETURN finished;
END $$;

CREATE FUNCTION pg_catalog.create_distributed_table(table_name regclass, distribution_column text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  RAISE 'this is a stand-in for Citus, which distributes nothing';
END $$;
