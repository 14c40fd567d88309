//! The one statement of an append, cut to what a unit needs.

use std::{fmt::Write, sync::OnceLock};

/// What a unit has beside its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) key: bool,
    pub(super) takes: bool,
    pub(super) releases: bool,
    pub(super) series: bool,
    pub(super) snapshots: bool,
}

const SHAPES: usize = 32;

impl Shape {
    fn index(self) -> usize {
        [self.key, self.takes, self.releases, self.series, self.snapshots]
            .into_iter()
            .fold(0, |index, bit| index * 2 + usize::from(bit))
    }

    /// The statement. Parameters, in order: of the events `types ids sequences event_types versions
    /// payloads metadata`; then, of what the shape has: `key request_hash type id last_sequence`,
    /// `scopes values ids` taken, the same released, `series ordinal`, and of snapshots
    /// `types ids sequences schemas payloads`.
    pub(super) fn statement(self) -> &'static str {
        static STATEMENTS: [OnceLock<String>; SHAPES] = [const { OnceLock::new() }; SHAPES];
        STATEMENTS[self.index()].get_or_init(|| self.build())
    }

    fn build(self) -> String {
        let mut next = 8;
        let mut take = |n: usize| {
            let from = next;
            next += n;
            from
        };
        // Everything hangs on the key: a duplicate writes nothing at all.
        let guard = if self.key { " WHERE EXISTS (SELECT FROM k)" } else { "" };
        let mut sql = String::from("WITH ");
        if self.key {
            let p = take(5);
            let _ = write!(
                sql,
                "k AS (INSERT INTO command_log (key, request_hash, aggregate_type, aggregate_id, last_sequence) \
                 VALUES (${}, ${}, ${}, ${}, ${}) ON CONFLICT DO NOTHING RETURNING 1), ",
                p, p + 1, p + 2, p + 3, p + 4
            );
        }
        if self.takes {
            let p = take(3);
            let _ = write!(
                sql,
                "c AS (INSERT INTO unique_claims (scope, value, aggregate_id) \
                 SELECT * FROM unnest(${}::text[], ${}::bytea[], ${}::text[]){guard}), ",
                p, p + 1, p + 2
            );
        }
        if self.releases {
            let p = take(3);
            let held = if self.key { " AND EXISTS (SELECT FROM k)" } else { "" };
            let _ = write!(
                sql,
                "r AS (DELETE FROM unique_claims AS held USING unnest(${}::text[], ${}::bytea[], ${}::text[]) \
                 AS gone (scope, value, aggregate_id) WHERE held.scope = gone.scope AND held.value = gone.value \
                 AND held.aggregate_id = gone.aggregate_id{held}), ",
                p, p + 1, p + 2
            );
        }
        let payload = if self.series {
            let p = take(2);
            let _ = write!(
                sql,
                "n AS (INSERT INTO running_numbers AS n (series, last) SELECT ${p}::text, 1{guard} \
                 ON CONFLICT (series) DO UPDATE SET last = n.last + 1 RETURNING last), "
            );
            format!(
                "CASE WHEN u.ordinality = ${} THEN jsonb_set(u.payload, '{{number}}', to_jsonb((SELECT last FROM n))) \
                 ELSE u.payload END",
                p + 1
            )
        } else {
            "u.payload".to_owned()
        };
        if self.snapshots {
            let p = take(5);
            let _ = write!(
                sql,
                "s AS (INSERT INTO snapshots AS s (aggregate_type, aggregate_id, last_sequence, schema_version, payload) \
                 SELECT * FROM unnest(${}::text[], ${}::text[], ${}::bigint[], ${}::int[], ${}::jsonb[]){guard} \
                 ON CONFLICT (aggregate_type, aggregate_id) DO UPDATE SET last_sequence = excluded.last_sequence, \
                 schema_version = excluded.schema_version, payload = excluded.payload, taken_at = now(), \
                 current_snapshot = s.current_snapshot + 1), ",
                p, p + 1, p + 2, p + 3, p + 4
            );
        }
        let number = if self.series { "(SELECT last FROM n)" } else { "NULL::bigint" };
        let _ = write!(
            sql,
            "e AS (INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, \
             metadata) SELECT u.aggregate_type, u.aggregate_id, u.sequence, u.event_type, u.event_version, {payload}, $7 \
             FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::jsonb[]) \
             WITH ORDINALITY AS u (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, ordinality)\
             {guard} ORDER BY u.ordinality RETURNING position) \
             SELECT max(position), pg_current_xact_id()::text, {number} FROM e"
        );
        sql
    }
}
