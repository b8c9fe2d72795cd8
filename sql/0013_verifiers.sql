-- Each node replicates as a role of its own, with a password that nobody else has.

ALTER TABLE autoctl.node ADD COLUMN verifier text NOT NULL DEFAULT ''
    CHECK (verifier = '' OR verifier ~ '^SCRAM-SHA-256[$]4096:[A-Za-z0-9+/]{22}==[$][A-Za-z0-9+/]{43}=:[A-Za-z0-9+/]{43}=$');
COMMENT ON COLUMN autoctl.node.verifier IS
    'What a server keeps of the password of role autoctl_standby_<id>; empty: the node logs in as pgautofailover_replicator';
COMMENT ON COLUMN autoctl.formation.replication_password IS
    'A secret that the nodes share; the password of pgautofailover_replicator while a node has no role of its own';
