//! The one statement of an append, cut to what a unit needs.

use std::sync::OnceLock;

/// What a unit has beside its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a part of the statement that is there or not")]
pub(super) struct Shape {
    pub(super) key: bool,
    pub(super) takes: bool,
    pub(super) releases: bool,
    pub(super) series: bool,
    pub(super) snapshots: bool,
}

const SHAPES: usize = 32;
/// The parameters of the events; those of the other parts follow.
const EVENT_PARAMETERS: usize = 7;

/// Hands out the places of parameters.
struct Places(usize);

impl Places {
    fn next<const N: usize>(&mut self) -> [usize; N] {
        let from = self.0;
        self.0 += N;
        std::array::from_fn(|n| from + n + 1)
    }
}

impl Shape {
    fn index(self) -> usize {
        [self.key, self.takes, self.releases, self.series, self.snapshots]
            .into_iter()
            .fold(0, |index, bit| index * 2 + usize::from(bit))
    }

    /// The statement. Parameters, in order: of the events `types ids sequences event_types versions
    /// payloads metadata`; then, of what the shape has: `key request_hash type id last_sequence`,
    /// `scopes values ids` taken, the same released, of numbers `series nth` per event and
    /// `series count` per series, and of snapshots
    /// `types ids sequences schemas payloads`.
    pub(super) fn statement(self) -> &'static str {
        static STATEMENTS: [OnceLock<String>; SHAPES] = [const { OnceLock::new() }; SHAPES];
        STATEMENTS[self.index()].get_or_init(|| self.build())
    }

    fn build(self) -> String {
        let mut places = Places(EVENT_PARAMETERS);
        // Everything hangs on the key: a duplicate writes nothing at all.
        let guard = if self.key { " WHERE EXISTS (SELECT FROM k)" } else { "" };
        let mut parts = Vec::new();
        if self.key {
            parts.push(key(&mut places));
        }
        if self.takes {
            parts.push(takes(&mut places, guard));
        }
        if self.releases {
            parts.push(releases(&mut places, if self.key { " AND EXISTS (SELECT FROM k)" } else { "" }));
        }
        let (mut payload, mut numbers, mut columns) = ("u.payload", "NULL::jsonb", None);
        if self.series {
            let [series, nth, named, counts] = places.next();
            // In order, so that two appends that number the same series never wait for each other.
            parts.push(format!(
                "n AS (INSERT INTO running_numbers AS n (series, last) SELECT of.series, of.count \
                 FROM unnest(${named}::text[], ${counts}::bigint[]) AS of (series, count){guard} ORDER BY of.series \
                 ON CONFLICT (series) DO UPDATE SET last = n.last + excluded.last RETURNING series, last)"
            ));
            parts.push(format!(
                "m AS (SELECT n.series, n.last - of.count AS before FROM n \
                 JOIN unnest(${named}::text[], ${counts}::bigint[]) AS of (series, count) USING (series))"
            ));
            numbers = "(SELECT jsonb_object_agg(series, last) FROM n)";
            payload = "CASE WHEN u.series IS NULL THEN u.payload ELSE jsonb_set(u.payload, '{number}', \
                       to_jsonb((SELECT m.before + u.nth FROM m WHERE m.series = u.series))) END";
            columns = Some((series, nth));
        }
        if self.snapshots {
            parts.push(snapshots(&mut places, guard));
        }
        parts.push(events(payload, columns, guard));
        let positions = "array_agg(position ORDER BY position)";
        format!("WITH {} SELECT {positions}, pg_current_xact_id()::text, {numbers} FROM e", parts.join(", "))
    }
}

fn key(places: &mut Places) -> String {
    let [key, hash, kind, id, sequence] = places.next();
    format!(
        "k AS (INSERT INTO command_log (key, request_hash, aggregate_type, aggregate_id, last_sequence) \
         VALUES (${key}, ${hash}, ${kind}, ${id}, ${sequence}) ON CONFLICT DO NOTHING RETURNING 1)"
    )
}

fn takes(places: &mut Places, guard: &str) -> String {
    let [scopes, values, ids] = places.next();
    format!(
        "c AS (INSERT INTO unique_claims (scope, value, aggregate_id) \
         SELECT * FROM unnest(${scopes}::text[], ${values}::bytea[], ${ids}::text[]){guard})"
    )
}

fn releases(places: &mut Places, and_guard: &str) -> String {
    let [scopes, values, ids] = places.next();
    format!(
        "r AS (DELETE FROM unique_claims AS held \
         USING unnest(${scopes}::text[], ${values}::bytea[], ${ids}::text[]) AS gone (scope, value, aggregate_id) \
         WHERE held.scope = gone.scope AND held.value = gone.value \
         AND held.aggregate_id = gone.aggregate_id{and_guard})"
    )
}

fn snapshots(places: &mut Places, guard: &str) -> String {
    let [types, ids, sequences, schemas, payloads] = places.next();
    format!(
        "s AS (INSERT INTO snapshots AS s (aggregate_type, aggregate_id, last_sequence, schema_version, payload) \
         SELECT * FROM unnest(${types}::text[], ${ids}::text[], ${sequences}::bigint[], ${schemas}::int[], \
         ${payloads}::jsonb[]){guard} \
         ON CONFLICT (aggregate_type, aggregate_id) DO UPDATE SET last_sequence = excluded.last_sequence, \
         schema_version = excluded.schema_version, payload = excluded.payload, taken_at = now(), \
         current_snapshot = s.current_snapshot + 1)"
    )
}

fn events(payload: &str, numbered: Option<(usize, usize)>, guard: &str) -> String {
    let (more, names) = match numbered {
        Some((series, nth)) => (format!(", ${series}::text[], ${nth}::bigint[]"), "series, nth, "),
        None => (String::new(), ""),
    };
    format!(
        "e AS (INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, \
         metadata) SELECT u.aggregate_type, u.aggregate_id, u.sequence, u.event_type, u.event_version, {payload}, \
         u.metadata FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::jsonb[], \
         $7::jsonb[]{more}) WITH ORDINALITY AS u (aggregate_type, aggregate_id, sequence, event_type, event_version, \
         payload, metadata, {names}ordinality){guard} ORDER BY u.ordinality RETURNING position)"
    )
}
