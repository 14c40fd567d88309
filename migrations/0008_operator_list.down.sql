DROP TABLE operator_list;
