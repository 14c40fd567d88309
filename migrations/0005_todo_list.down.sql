DROP TABLE todo_changes, todo_list;
