-- A node may connect to the others from more addresses than its host name leads to.

ALTER TABLE autoctl.node ADD COLUMN addresses text NOT NULL DEFAULT '';
COMMENT ON COLUMN autoctl.node.addresses IS 'From which it connects to the other nodes, as its keeper says; separated by blanks';
