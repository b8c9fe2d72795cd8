-- An operator may settle which of several histories is a group's.

ALTER TABLE autoctl.operation DROP CONSTRAINT operation_kind_check;
ALTER TABLE autoctl.operation ADD CONSTRAINT operation_kind_check
    CHECK (kind IN ('switchover', 'promotion', 'forced_failover', 'maintenance', 'end_maintenance', 'accept_timeline'));
