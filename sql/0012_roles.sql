-- Operators' tokens have roles, and the event of what somebody did says who it was, from where, and why.

ALTER TABLE autoctl.token DROP CONSTRAINT token_role_check;
ALTER TABLE autoctl.token ADD CONSTRAINT token_role_check CHECK (role IN ('join', 'viewer', 'operator', 'admin'));
COMMENT ON COLUMN autoctl.token.role IS
    'What its holder may do; join: register nodes; viewer: look; operator: operate its formations; admin: everything';
ALTER TABLE autoctl.token ADD COLUMN label text NOT NULL DEFAULT '';
COMMENT ON COLUMN autoctl.token.label IS 'Whose it is, as the operator says who made it';
ALTER TABLE autoctl.token ADD COLUMN formations jsonb NOT NULL DEFAULT '[]';
COMMENT ON COLUMN autoctl.token.formations IS 'Where it holds; []: in all';
UPDATE autoctl.token SET formations = jsonb_build_array(formation);
ALTER TABLE autoctl.token DROP COLUMN formation;

ALTER TABLE autoctl.event ADD COLUMN who text NOT NULL DEFAULT '';
ALTER TABLE autoctl.event ADD COLUMN origin text NOT NULL DEFAULT '';
ALTER TABLE autoctl.event ADD COLUMN reason text NOT NULL DEFAULT '';
COMMENT ON COLUMN autoctl.event.who IS 'Whose credential it was done with; empty: nobody did it';
COMMENT ON COLUMN autoctl.event.origin IS 'From which address';

CREATE OR REPLACE VIEW autoctl.history AS
    SELECT id, at::timestamptz(3) AS at, formation, "group", node_name AS node,
           CASE kind WHEN 'goal' THEN reported || ' -> ' || assigned
                     WHEN 'report' THEN 'is ' || reported
                     ELSE kind END AS what,
           description AS why, rule, term, who, origin, reason
      FROM autoctl.event
     ORDER BY id DESC;
