-- An operator may accept that commits are lost.

ALTER TABLE autoctl.operation DROP CONSTRAINT operation_kind_check;
ALTER TABLE autoctl.operation ADD CONSTRAINT operation_kind_check
    CHECK (kind IN ('switchover', 'promotion', 'forced_failover'));
