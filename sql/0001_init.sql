-- The monitor's memory. Everything a decision changes is written in one transaction before any keeper hears of it; what
-- only describes the moment (LSNs, health) stays in the daemon. Written by the daemon alone: read the views.

CREATE TABLE autoctl.monitor (
    only_row            boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    id                  text NOT NULL,
    api_url             text NOT NULL DEFAULT '',
    ca_pem              text NOT NULL DEFAULT '',
    registration_token  text,
    last_node_id        bigint NOT NULL DEFAULT 0,
    created_at          timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE autoctl.monitor IS 'Who this monitor is and where its API listens; one row';
COMMENT ON COLUMN autoctl.monitor.registration_token IS 'What operators and new nodes present; NULL with --auth trust';
COMMENT ON COLUMN autoctl.monitor.last_node_id IS 'Node ids are never reused, also after a drop';

CREATE TABLE autoctl.formation (
    name                  text PRIMARY KEY,
    kind                  text NOT NULL CHECK (kind IN ('pgsql', 'citus')),
    dbname                text NOT NULL,
    settings              jsonb NOT NULL DEFAULT '{}',
    replication_password  text NOT NULL,
    created_at            timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE autoctl."group" (
    formation         text NOT NULL REFERENCES autoctl.formation,
    number            integer NOT NULL CHECK (number >= 0),
    term              numeric(20, 0) NOT NULL,
    quorum_confirmed  jsonb NOT NULL,
    quorum_assigned   jsonb NOT NULL,
    system_id         numeric(20, 0) NOT NULL DEFAULT 0,
    PRIMARY KEY (formation, number)
);
COMMENT ON COLUMN autoctl."group".term IS 'Grows with each decision; a keeper obeys no lower one';
COMMENT ON COLUMN autoctl."group".quorum_confirmed IS 'What the primary has proved to demand of every commit';
COMMENT ON COLUMN autoctl."group".quorum_assigned IS 'What the primary was last told to demand';
COMMENT ON COLUMN autoctl."group".system_id IS 'pg_control''s system identifier of its nodes; 0 = not known yet';

CREATE TABLE autoctl.node (
    id                  bigint PRIMARY KEY CHECK (id > 0),
    formation           text NOT NULL,
    "group"             integer NOT NULL,
    name                text NOT NULL,
    host                text NOT NULL,
    port                integer NOT NULL,
    api_port            integer NOT NULL,
    role                text NOT NULL,
    region              text NOT NULL,
    ssl_mode            text NOT NULL,
    candidate_priority  integer NOT NULL,
    replication_quorum  boolean NOT NULL,
    assigned            text GENERATED ALWAYS AS (goal ->> 'state') STORED,
    goal                jsonb NOT NULL,
    reported            text NOT NULL,
    reported_term       numeric(20, 0) NOT NULL,
    pg_version          text NOT NULL,
    epoch               numeric(20, 0) NOT NULL,
    token_sha256        text NOT NULL,
    registered_at       timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (formation, "group") REFERENCES autoctl."group",
    UNIQUE (formation, name),
    UNIQUE (host, port)
);
COMMENT ON COLUMN autoctl.node.epoch IS 'Grows with each start of the keeper: older reports are refused';
COMMENT ON COLUMN autoctl.node.token_sha256 IS 'Hash of the node''s credential, which only the node has';

CREATE TABLE autoctl.operation (
    id            bigint PRIMARY KEY,
    kind          text NOT NULL CHECK (kind IN ('switchover', 'promotion')),
    formation     text NOT NULL,
    "group"       integer NOT NULL,
    target        bigint NOT NULL,
    status        text NOT NULL CHECK (status IN ('running', 'done', 'failed')),
    message       text NOT NULL,
    first_event   bigint NOT NULL,
    requested_at  timestamptz NOT NULL
);
CREATE UNIQUE INDEX one_operation_at_a_time ON autoctl.operation (formation, "group") WHERE status = 'running';

CREATE TABLE autoctl.event (
    id           bigint PRIMARY KEY,
    at           timestamptz NOT NULL,
    formation    text NOT NULL,
    "group"      integer NOT NULL,
    node         bigint NOT NULL,
    node_name    text NOT NULL,
    host         text NOT NULL,
    port         integer NOT NULL,
    reported     text NOT NULL,
    assigned     text NOT NULL,
    term         numeric(20, 0) NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('goal', 'report', 'operator', 'monitor')),
    rule         text NOT NULL,
    description  text NOT NULL
);
CREATE INDEX event_by_group ON autoctl.event (formation, "group", id);

CREATE VIEW autoctl.state AS
    SELECT n.formation, n."group", n.id AS node, n.name, n.host || ':' || n.port AS "host:port",
           n.reported, n.assigned,
           n.reported = n.assigned AND n.reported_term >= (n.goal ->> 'term')::numeric AS settled,
           CASE WHEN (g.quorum_confirmed ->> 'acks')::integer = 0 THEN 'asynchronous'
                WHEN g.quorum_confirmed -> 'voters' @> to_jsonb(n.id) THEN 'commits wait for it'
                ELSE '' END AS quorum,
           n.candidate_priority AS priority, n.pg_version, g.term,
           (SELECT max(e.at)::timestamptz(0) FROM autoctl.event e WHERE e.node = n.id) AS last_change
      FROM autoctl.node n JOIN autoctl."group" g ON (g.formation, g.number) = (n.formation, n."group")
     ORDER BY n.formation, n."group", n.id;
COMMENT ON VIEW autoctl.state IS 'One row for each node: what it is, and what it is to become';

CREATE VIEW autoctl.history AS
    SELECT id, at::timestamptz(3) AS at, formation, "group", node_name AS node,
           CASE kind WHEN 'goal' THEN reported || ' -> ' || assigned
                     WHEN 'report' THEN 'is ' || reported
                     ELSE kind END AS what,
           description AS why, rule, term
      FROM autoctl.event
     ORDER BY id DESC;
COMMENT ON VIEW autoctl.history IS 'What happened and why, the latest first';

-- The role that pg_auto_failover users put into --monitor: it may ask where the API is, and look.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'autoctl_node') THEN
        CREATE ROLE autoctl_node LOGIN;
    END IF;
END $$;

CREATE FUNCTION autoctl.api_endpoint(OUT url text, OUT ca_pem text, OUT monitor_id text, OUT registration_token text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'SELECT m.api_url, m.ca_pem, m.id, m.registration_token FROM autoctl.monitor m';
COMMENT ON FUNCTION autoctl.api_endpoint IS 'Where the API listens and which certificate to trust, for a joining node';

REVOKE ALL ON FUNCTION autoctl.api_endpoint FROM PUBLIC;
GRANT USAGE ON SCHEMA autoctl TO autoctl_node;
GRANT EXECUTE ON FUNCTION autoctl.api_endpoint TO autoctl_node;
GRANT SELECT ON autoctl.state, autoctl.history TO autoctl_node;
