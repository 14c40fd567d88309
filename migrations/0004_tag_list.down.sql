DROP TABLE tag_list;
