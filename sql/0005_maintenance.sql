-- Nodes that an operator takes out of service, and back.

ALTER TABLE autoctl.operation DROP CONSTRAINT operation_kind_check;
ALTER TABLE autoctl.operation ADD CONSTRAINT operation_kind_check
    CHECK (kind IN ('switchover', 'promotion', 'forced_failover', 'maintenance', 'end_maintenance'));
ALTER TABLE autoctl.operation ADD COLUMN then_maintenance bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN autoctl.operation.then_maintenance IS
    'Of a switchover: the old primary, when it hands over for its maintenance; 0 = it just hands over';
