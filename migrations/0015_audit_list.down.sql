DROP TABLE log_identity, audit_spans, audit_streams, audit_kinds, audit_list;
