-- An erased person's key is overwritten, not removed: what is gone must not get a new key by chance.
GRANT UPDATE ON subject_keys TO enterprise_todo_service;
