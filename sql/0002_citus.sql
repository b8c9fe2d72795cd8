-- What pg_dist_node shall know of a node of a Citus formation.

ALTER TABLE autoctl.node
    ADD COLUMN citus_secondary  boolean NOT NULL DEFAULT false,
    ADD COLUMN citus_cluster    text NOT NULL DEFAULT 'default',
    ADD COLUMN proxy_port       integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN autoctl.node.citus_secondary IS 'Registered as a secondary in pg_dist_node while it is a standby';
COMMENT ON COLUMN autoctl.node.citus_cluster IS 'pg_dist_node.nodecluster';
COMMENT ON COLUMN autoctl.node.proxy_port IS 'In pg_dist_node instead of port; 0 = none';
