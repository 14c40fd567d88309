DROP TABLE people_versions, todo_versions;
