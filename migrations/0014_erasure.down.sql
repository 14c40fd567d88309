REVOKE UPDATE ON subject_keys FROM enterprise_todo_service;
