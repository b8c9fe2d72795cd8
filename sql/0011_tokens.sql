-- Operators make join tokens, and nodes use them. The database has only hashes of them.

CREATE TABLE autoctl.token (
    id          bigint PRIMARY KEY CHECK (id > 0),
    role        text NOT NULL CHECK (role IN ('join')),
    formation   text NOT NULL,
    "group"     integer CHECK ("group" >= 0),
    sha256      text NOT NULL UNIQUE,
    nodes_left  integer NOT NULL CHECK (nodes_left >= 0),
    revoked     boolean NOT NULL DEFAULT false,
    made_by     text NOT NULL,
    made_at     timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL
);
COMMENT ON TABLE autoctl.token IS 'Credentials that operators have made for others (autoctl token)';
COMMENT ON COLUMN autoctl.token.role IS 'What its holder may do; join: register nodes';
COMMENT ON COLUMN autoctl.token."group" IS 'NULL: any group of the formation';
COMMENT ON COLUMN autoctl.token.sha256 IS 'Hash of 256 random bits, which only its holder has';
COMMENT ON COLUMN autoctl.token.nodes_left IS 'How many nodes may still register with it';

-- Until now it was the operator's credential. Old versions of the row, WAL and backups still have that one:
-- docs/security.md says how to replace it.
UPDATE autoctl.monitor SET registration_token = NULL;
COMMENT ON COLUMN autoctl.monitor.registration_token IS
    'What autoctl.api_endpoint() hands out: it registers nodes and looks, and is another one every few minutes; NULL with --auth trust';
