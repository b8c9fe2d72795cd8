-- Nodes that come from another monitor, or left this one for a while.

ALTER TABLE autoctl.formation ADD COLUMN incomplete boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN autoctl.formation.incomplete IS 'Some of its nodes are awaited: nothing is decided until they are here';
ALTER TABLE autoctl.node ADD COLUMN awaited boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN autoctl.node.awaited IS 'Others know it, or it has registered, but it has not told yet what it is';
