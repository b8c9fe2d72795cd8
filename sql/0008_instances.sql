-- Which keeper is a node: of two that hold copies of one directory only one is.

ALTER TABLE autoctl.node ADD COLUMN instance text NOT NULL DEFAULT '';
ALTER TABLE autoctl.node ADD COLUMN instance_number bigint NOT NULL DEFAULT 0;
ALTER TABLE autoctl.node ADD COLUMN instance_place text NOT NULL DEFAULT '';
COMMENT ON COLUMN autoctl.node.instance IS
    'A recent link of the chain by which the keeper that is this node is known; empty: it has not reported yet';
COMMENT ON COLUMN autoctl.node.instance_number IS 'The number of that link in its chain';
COMMENT ON COLUMN autoctl.node.instance_place IS 'The machine and the directory of that keeper';
