DROP TABLE api_key_list;
