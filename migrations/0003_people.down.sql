DROP TABLE people, tenants;
