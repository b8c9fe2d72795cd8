-- An operator may give up a group's last primary, which does not come to this monitor.

ALTER TABLE autoctl."group" ADD COLUMN primary_given_up boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN autoctl."group".primary_given_up IS
    'Of an incomplete formation: when its nodes are here they elect, although they may lack acknowledged commits';
