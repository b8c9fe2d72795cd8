-- An operator ends a node's maintenance with a fresh copy of the data.
ALTER TABLE autoctl.operation
    DROP CONSTRAINT operation_kind_check,
    ADD CONSTRAINT operation_kind_check
    CHECK (kind IN ('switchover', 'promotion', 'forced_failover', 'maintenance', 'end_maintenance', 'accept_timeline',
                    'reinit'));
