DROP TABLE role_list;
