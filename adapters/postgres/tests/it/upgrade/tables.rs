//! The tables that grow with use: how each is filled, read and written.

/// One of them.
pub(super) struct Table {
    pub(super) name: &'static str,
    /// Rows of the numbers `n`, from 1 on.
    fill: &'static str,
    /// What a release that serves does all the time. The row is the first one that was filled.
    pub(super) read: &'static str,
    pub(super) write: &'static str,
}

impl Table {
    /// The statement that fills it.
    pub(super) fn filled(&self, rows: u64) -> String {
        format!("INSERT INTO {} {} FROM generate_series(1, {rows}) AS n", self.name, self.fill)
    }
}

/// In schemas of the previous release.
pub(super) const TABLES: &[Table] = &[
    Table {
        name: "events",
        fill: "(aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata) \
               SELECT 'todo', 'filled/' || n, 1, 'todo.created', '1', '{}', '{}'",
        read: "SELECT payload FROM events WHERE aggregate_type = 'todo' AND aggregate_id = 'filled/1'",
        write: "INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata) \
                SELECT 'todo', 'live/' || gen_random_uuid(), 1, 'todo.created', '1', '{}', '{}'",
    },
    Table {
        name: "todo_list",
        fill: "(tenant_id, owner_id, id, number, text, archived, priority, tags, created_at, updated_at, version, position) \
               SELECT lpad(to_hex(n % 1000), 32, '0')::uuid, lpad(to_hex(n % 5000), 32, '0')::uuid, \
               lpad(to_hex(n), 32, '0')::uuid, n, 'todo ' || n, false, 1, '{}', now(), now(), 1, n",
        read: "SELECT text FROM todo_list WHERE tenant_id = lpad('1', 32, '0')::uuid AND id = lpad('1', 32, '0')::uuid",
        write: "UPDATE todo_list SET version = version + 1 \
                WHERE tenant_id = lpad('1', 32, '0')::uuid AND id = lpad('1', 32, '0')::uuid",
    },
    Table {
        name: "todo_changes",
        fill: "(tenant_id, owner_id, tx_id, position, previous_tx_id, previous_position, todo_id, event_type, at) \
               SELECT lpad(to_hex(n % 1000), 32, '0')::uuid, lpad(to_hex(n % 5000), 32, '0')::uuid, n::text::xid8, n, \
               '0', 0, lpad(to_hex(n), 32, '0')::uuid, 'todo.created', now()",
        read: "SELECT event_type FROM todo_changes WHERE tenant_id = lpad('1', 32, '0')::uuid \
               AND owner_id = lpad('1', 32, '0')::uuid AND tx_id = '1' AND position = 1",
        write: "UPDATE todo_changes SET event_type = event_type WHERE tenant_id = lpad('1', 32, '0')::uuid \
                AND owner_id = lpad('1', 32, '0')::uuid AND tx_id = '1' AND position = 1",
    },
    Table {
        name: "todo_versions",
        fill: "(tenant_id, owner_id, id, number, text, archived, priority, tags, created_at, updated_at, version, position, \
               tx_id, deleted) SELECT lpad(to_hex(n % 1000), 32, '0')::uuid, lpad(to_hex(n % 5000), 32, '0')::uuid, \
               lpad(to_hex(n), 32, '0')::uuid, n, 'todo ' || n, false, 1, '{}', now(), now(), 1, n, n::text::xid8, false",
        read: "SELECT text FROM todo_versions WHERE tenant_id = lpad('1', 32, '0')::uuid AND id = lpad('1', 32, '0')::uuid",
        write: "UPDATE todo_versions SET number = number \
                WHERE tenant_id = lpad('1', 32, '0')::uuid AND id = lpad('1', 32, '0')::uuid",
    },
    Table {
        name: "audit_list",
        fill: "(of_tenant, tx_id, position, correlation, kind) \
               SELECT lpad(to_hex(n % 1000), 32, '0')::uuid, n::text::xid8, n, n, n % 100",
        read: "SELECT kind FROM audit_list WHERE of_tenant = lpad('1', 32, '0')::uuid ORDER BY tx_id LIMIT 1",
        write: "UPDATE audit_list SET kind = kind \
                WHERE of_tenant = lpad('1', 32, '0')::uuid AND tx_id = '1' AND position = 1",
    },
    Table {
        name: "audit_leaves",
        fill: "(leaf_index, position, tx_id, hash) SELECT n, n, n::text::xid8, sha256(n::text::bytea)",
        read: "SELECT hash FROM audit_leaves WHERE leaf_index = 1",
        write: "INSERT INTO audit_leaves (leaf_index, position, tx_id, hash) SELECT top + 1, -(top + 1), '1', sha256('live') \
                FROM (SELECT COALESCE(max(leaf_index), 0) AS top FROM audit_leaves) AS t",
    },
    Table {
        name: "command_log",
        fill: "(key, request_hash, aggregate_type, aggregate_id, last_sequence) SELECT 'filled/' || n, '\\x00', 'todo', n, 1",
        read: "SELECT last_sequence FROM command_log WHERE key = 'filled/1'",
        write: "UPDATE command_log SET last_sequence = last_sequence + 1 WHERE key = 'filled/1'",
    },
    Table {
        name: "unique_claims",
        fill: "(scope, value, aggregate_id) SELECT 'filled', sha256(n::text::bytea), n",
        read: "SELECT aggregate_id FROM unique_claims WHERE scope = 'filled' AND value = sha256('1')",
        write: "UPDATE unique_claims SET aggregate_id = '1' WHERE scope = 'filled' AND value = sha256('1')",
    },
    Table {
        name: "people",
        fill: "(tenant_id, id, fullname, username, email, status, roles, referral_code, created_at, version) \
               SELECT lpad(to_hex(n % 1000), 32, '0')::uuid, lpad(to_hex(n), 32, '0')::uuid, 'sealed', 'sealed', 'sealed', \
               'ACTIVE', '{}', n, now(), 1",
        read: "SELECT status FROM people WHERE tenant_id = lpad('1', 32, '0')::uuid AND id = lpad('1', 32, '0')::uuid",
        write: "UPDATE people SET version = version + 1 \
                WHERE tenant_id = lpad('1', 32, '0')::uuid AND id = lpad('1', 32, '0')::uuid",
    },
    Table {
        name: "people_versions",
        fill: "(tenant_id, id, fullname, email, status, verified, roles, referral_code, created_at, version, position, \
               tx_id, erased) SELECT lpad(to_hex(n % 1000), 32, '0')::uuid, lpad(to_hex(n), 32, '0')::uuid, 'sealed', \
               'sealed', 'ACTIVE', true, '{}', n, now(), 1, n, n::text::xid8, false",
        read: "SELECT status FROM people_versions \
               WHERE tenant_id = lpad('1', 32, '0')::uuid AND id = lpad('1', 32, '0')::uuid",
        write: "UPDATE people_versions SET erased = erased \
                WHERE tenant_id = lpad('1', 32, '0')::uuid AND id = lpad('1', 32, '0')::uuid",
    },
    Table {
        name: "referrals",
        fill: "(tenant_id, ancestor_id, level, descendant_tenant, id, depth, referral_code, joined_at) \
               SELECT lpad(to_hex(n % 1000), 32, '0')::uuid, lpad(to_hex(n % 1000), 32, '0')::uuid, 1, lpad(to_hex(n % 1000), 32, '0')::uuid, \
               lpad(to_hex(n), 32, '0')::uuid, 1, n, now()",
        read: "SELECT depth FROM referrals WHERE id = lpad('1', 32, '0')::uuid",
        write: "UPDATE referrals SET depth = depth WHERE id = lpad('1', 32, '0')::uuid",
    },
    Table {
        name: "subject_keys",
        fill: "(subject_id, wrapped_key) SELECT lpad(to_hex(n), 32, '0')::uuid, sha256(n::text::bytea)",
        read: "SELECT wrapped_key FROM subject_keys WHERE subject_id = lpad('1', 32, '0')::uuid",
        write: "UPDATE subject_keys SET wrapped_key = wrapped_key WHERE subject_id = lpad('1', 32, '0')::uuid",
    },
    Table {
        name: "snapshots",
        fill: "(aggregate_type, aggregate_id, last_sequence, payload) SELECT 'todo', 'filled/' || n, 1, '{}'",
        read: "SELECT payload FROM snapshots WHERE aggregate_type = 'todo' AND aggregate_id = 'filled/1'",
        write: "UPDATE snapshots SET last_sequence = last_sequence + 1 \
                WHERE aggregate_type = 'todo' AND aggregate_id = 'filled/1'",
    },
    Table {
        name: "audit_streams",
        fill: "(aggregate_id, aggregate_type, stream) SELECT lpad(to_hex(n), 32, '0')::uuid, 'todo', n",
        read: "SELECT stream FROM audit_streams WHERE aggregate_id = lpad('1', 32, '0')::uuid",
        write: "UPDATE audit_streams SET stream = stream WHERE aggregate_id = lpad('1', 32, '0')::uuid",
    },
    Table {
        name: "sent_mails",
        fill: "(message_id) SELECT 'filled/' || n",
        read: "SELECT sent_at FROM sent_mails WHERE message_id = 'filled/1'",
        write: "UPDATE sent_mails SET sent_at = now() WHERE message_id = 'filled/1'",
    },
];

/// Those that have a row a consumer, a kind, a tenant, an operator, or some hundred events: a lock on them
/// is short.
pub(super) const SMALL: &[&str] = &[
    "api_key_list",
    "audit_checkpoints",
    "audit_kinds",
    "audit_log",
    "audit_nodes",
    "audit_spans",
    "dev_outbox",
    "log_identity",
    "operator_list",
    "projection_builds",
    "projection_checkpoints",
    "projection_dead_letters",
    "read_model_tables",
    "role_list",
    "running_numbers",
    "tag_list",
    "tenants",
];
