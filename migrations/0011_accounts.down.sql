DROP TABLE referrals;
DROP INDEX people_newest;
ALTER TABLE people DROP COLUMN verified;
ALTER TABLE tenants DROP COLUMN active;
