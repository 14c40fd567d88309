-- What suspension and reinstating need to know, lists of people, and who brought whom.
ALTER TABLE tenants ADD COLUMN active boolean NOT NULL DEFAULT true;
ALTER TABLE people ADD COLUMN verified boolean NOT NULL DEFAULT false;
UPDATE people SET verified = true WHERE status = 'ACTIVE';
CREATE INDEX people_newest ON people (tenant_id, created_at, id);

-- One row for each person and each one above, the person included (level 0). It belongs to the
-- tenant of the one above, who is the one who may read it.
CREATE TABLE referrals (
  tenant_id         uuid NOT NULL,
  ancestor_id       uuid NOT NULL,
  level             int NOT NULL,
  descendant_tenant uuid NOT NULL,
  id                uuid NOT NULL,
  depth             int NOT NULL,           -- of the descendant, from its root
  referral_code     text NOT NULL,
  joined_at         timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, ancestor_id, id)
);
CREATE INDEX referrals_newest ON referrals (tenant_id, ancestor_id, joined_at, id);
CREATE INDEX referrals_above ON referrals (id);
GRANT SELECT, INSERT, UPDATE, DELETE ON referrals TO enterprise_todo_service;
CALL tenant_wall('referrals');
