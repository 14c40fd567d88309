//! What the self-check computes anew of these tables, and how it finds what is missing in them.
//!
//! No stream makes their rows: a row is an event's, a kind's, a stretch's. So pieces are found by
//! events, and the SQL here says twice what the projection does: where the row of an event would be
//! ([`crate::audit::audit_list::tenant_of`]), and what a stretch is ([`super::spans::Span`]).

use crate::consumers::{Found, Made, Piece};

/// The pieces of all tables. Rows of events come first: kinds are found by them.
pub(super) const ALL: [Piece; 4] = [LINES, KINDS, STREAMS, SPANS];

/// A statement about an event `e` of the log, by chance: of a transaction beside a number between
/// the first one and the last. The next one, or the one before: otherwise the first of all would
/// never be found.
macro_rules! of_any_event {
    ($select:literal) => {
        concat!(
            "SELECT ",
            $select,
            " FROM events AS e WHERE e.tx_id = (SELECT CASE WHEN random() < 0.5 \
               THEN (SELECT n.tx_id FROM events AS n WHERE n.tx_id >= x.tx ORDER BY n.tx_id, n.position LIMIT 1) \
               ELSE (SELECT n.tx_id FROM events AS n WHERE n.tx_id <= x.tx ORDER BY n.tx_id DESC, n.position DESC LIMIT 1) \
             END FROM (SELECT trunc(first.tx + (last.tx - first.tx + 1) * random())::bigint::text::xid8 AS tx FROM \
               (SELECT f.tx_id::text::float8 AS tx FROM events AS f ORDER BY f.tx_id, f.position LIMIT 1) AS first, \
               (SELECT l.tx_id::text::float8 AS tx FROM events AS l ORDER BY l.tx_id DESC, l.position DESC LIMIT 1) AS last \
             ) AS x) ORDER BY random() LIMIT 1"
        )
    };
}

/// The rows of a transaction's events, of one tenant: with it begins the key of the table.
const LINES: Piece = Piece {
    table: "audit_list",
    key: "of_tenant::text || '/' || tx_id::text",
    rows: "of_tenant = split_part($1, '/', 1)::uuid AND tx_id = split_part($1, '/', 2)::xid8",
    found: Found::Chance(of_any_event!(
        "CASE WHEN e.aggregate_id ~ '^[0-9a-f-]{36}/' \
           OR e.aggregate_type = 'tenant' AND e.aggregate_id ~ '^[0-9a-f-]{36}$' \
         THEN left(e.aggregate_id, 36) ELSE '00000000-0000-0000-0000-000000000000' END || '/' || e.tx_id::text"
    )),
    made: Made::Events("SELECT tx_id, position FROM events WHERE tx_id = split_part($1, '/', 2)::xid8"),
};

/// A kind is what its events are. Some of the oldest and of the newest are looked at, so that one row
/// of theirs that is wrong takes no kind away; where there is no row, the log itself is asked.
const KINDS: Piece = Piece {
    table: "audit_kinds",
    key: "kind::text",
    rows: "kind = $1::text::bigint",
    // From one kind to the next by the index: there are few, each is as likely as any other, and a
    // kind of one event is not hidden behind one of a million.
    found: Found::Chance(
        "WITH RECURSIVE kinds (kind) AS (SELECT min(kind) FROM public.audit_list UNION ALL \
           SELECT (SELECT min(a.kind) FROM public.audit_list AS a WHERE a.kind > k.kind) FROM kinds AS k \
           WHERE k.kind IS NOT NULL) \
         SELECT kind::text FROM kinds WHERE kind IS NOT NULL ORDER BY random() LIMIT 1",
    ),
    made: Made::Events(
        "(SELECT tx_id, position FROM public.audit_list WHERE kind = $1::text::bigint \
            ORDER BY tx_id, position LIMIT 4) \
         UNION (SELECT tx_id, position FROM public.audit_list WHERE kind = $1::text::bigint \
            ORDER BY tx_id DESC, position DESC LIMIT 4) \
         UNION (SELECT e.tx_id, e.position FROM public.audit_kinds AS k JOIN events AS e \
            ON e.aggregate_type = k.aggregate_type AND e.event_type = k.event_type \
            AND COALESCE(e.metadata->>'platform', '') = k.platform WHERE k.kind = $1::text::bigint \
            AND NOT EXISTS (SELECT FROM public.audit_list AS a WHERE a.kind = $1::text::bigint) LIMIT 1)",
    ),
};

/// A stream is known by its first event.
const STREAMS: Piece = Piece {
    table: "audit_streams",
    key: "aggregate_id::text || ' ' || aggregate_type || ' ' || stream",
    rows: "aggregate_id = split_part($1, ' ', 1)::uuid AND aggregate_type = split_part($1, ' ', 2) \
           AND stream = regexp_replace($1, '^[^ ]* [^ ]* ', '')",
    found: Found::Chance(of_any_event!(
        "CASE WHEN e.aggregate_id ~ '^([^/]*/)?[0-9a-f-]{36}$' \
         THEN right(e.aggregate_id, 36) || ' ' || e.aggregate_type || ' ' || e.aggregate_id END"
    )),
    made: Made::Events(
        "SELECT tx_id, position FROM events WHERE aggregate_type = split_part($1, ' ', 2) \
         AND aggregate_id = regexp_replace($1, '^[^ ]* [^ ]* ', '') AND sequence = 1",
    ),
};

/// The key of a stretch's piece is a place. Its rows are those between the stretch in front of the
/// place and the one behind, and one is right: of all that lies between. Where very many are missing
/// it is one for each 10,000 events, so that none becomes too long to be looked through.
macro_rules! the_place {
    () => {
        "split_part($1, '.', 1)::xid8, split_part($1, '.', 2)::bigint"
    };
}

const SPANS: Piece = Piece {
    table: "audit_spans",
    key: "from_tx::text || '.' || from_position::text",
    rows: concat!(
        "(from_tx, from_position) > (SELECT COALESCE(s.to_tx, '0'), COALESCE(s.to_position, -1) FROM (VALUES (1)) AS one \
           LEFT JOIN (SELECT b.to_tx, b.to_position FROM public.audit_spans AS b WHERE (b.from_tx, b.from_position) < (",
        the_place!(),
        ") AND (b.to_tx, b.to_position) < (",
        the_place!(),
        ") ORDER BY b.from_tx DESC, b.from_position DESC LIMIT 1) AS s ON true) \
         AND (from_tx, from_position) < (SELECT COALESCE(s.from_tx, '18446744073709551615'), \
           COALESCE(s.from_position, 0) FROM (VALUES (1)) AS one \
           LEFT JOIN (SELECT b.from_tx, b.from_position FROM public.audit_spans AS b WHERE (b.from_tx, b.from_position) > (",
        the_place!(),
        ") ORDER BY b.from_tx, b.from_position LIMIT 1) AS s ON true)"
    ),
    found: Found::Chance(of_any_event!("e.tx_id::text || '.' || e.position::text")),
    made: Made::Sum(SPAN),
};

/// The latest time up to the end of a stretch adds up all in front of it: the latest of its own
/// events, and what the stretch before says; or that one's events as well, and what the second says;
/// or those of the second, too, and what the third says. Where one of the three is wrong, the other
/// two agree, and the one between the others is theirs. So a stretch that is wrong makes no other one
/// wrong, until its own turn comes. The earliest time from its beginning on is the same, backwards.
const SPAN: &str = concat!(
    "WITH at (tx, position) AS (SELECT ",
    the_place!(),
    "), before AS (SELECT s.*, row_number() OVER (ORDER BY s.from_tx DESC, s.from_position DESC) AS n \
         FROM at, public.audit_spans AS s WHERE (s.from_tx, s.from_position) < (at.tx, at.position) \
         AND (s.to_tx, s.to_position) < (at.tx, at.position) ORDER BY n LIMIT 3), \
       behind AS (SELECT s.*, row_number() OVER (ORDER BY s.from_tx, s.from_position) AS n \
         FROM at, public.audit_spans AS s WHERE (s.from_tx, s.from_position) > (at.tx, at.position) \
         ORDER BY n LIMIT 3), \
       known AS NOT MATERIALIZED (SELECT e.tx_id, e.position, e.recorded_at FROM events AS e \
         WHERE (e.tx_id, e.position) <= ($2, $3) AND NOT EXISTS (SELECT FROM projection_dead_letters AS d \
           WHERE d.name = 'audit_list.v1' AND d.tx_id = e.tx_id AND d.position = e.position \
           AND d.discarded_at IS NOT NULL)), \
       past AS MATERIALIZED (SELECT b.n, b.latest AS said, (SELECT max(k.recorded_at) FROM known AS k \
         WHERE (k.tx_id, k.position) >= (b.from_tx, b.from_position) \
         AND (k.tx_id, k.position) <= (b.to_tx, b.to_position)) AS own FROM before AS b), \
       to_come AS MATERIALIZED (SELECT b.n, b.earliest AS said, (SELECT min(k.recorded_at) FROM known AS k \
         WHERE (k.tx_id, k.position) >= (b.from_tx, b.from_position) \
         AND (k.tx_id, k.position) <= (b.to_tx, b.to_position)) AS own FROM behind AS b), \
       latest (one, two, three) AS (SELECT max(said) FILTER (WHERE n = 1), \
         GREATEST(max(own) FILTER (WHERE n = 1), max(said) FILTER (WHERE n = 2)), \
         GREATEST(max(own) FILTER (WHERE n < 3), max(said) FILTER (WHERE n = 3)) FROM past), \
       earliest (one, two, three) AS (SELECT min(said) FILTER (WHERE n = 1), \
         LEAST(min(own) FILTER (WHERE n = 1), min(said) FILTER (WHERE n = 2)), \
         LEAST(min(own) FILTER (WHERE n < 3), min(said) FILTER (WHERE n = 3)) FROM to_come), \
       inside AS (SELECT k.*, (row_number() OVER (ORDER BY k.tx_id, k.position) - 1) / 10000 AS part FROM known AS k \
         WHERE (k.tx_id, k.position) > (COALESCE((SELECT to_tx FROM before WHERE n = 1), '0'), \
           COALESCE((SELECT to_position FROM before WHERE n = 1), -1)) \
         AND (k.tx_id, k.position) < (COALESCE((SELECT from_tx FROM behind WHERE n = 1), '18446744073709551615'), \
           COALESCE((SELECT from_position FROM behind WHERE n = 1), 0))), \
       parts AS (SELECT i.part, (array_agg(i.tx_id ORDER BY i.tx_id, i.position))[1] AS from_tx, \
         (array_agg(i.position ORDER BY i.tx_id, i.position))[1] AS from_position, \
         (array_agg(i.tx_id ORDER BY i.tx_id DESC, i.position DESC))[1] AS to_tx, \
         (array_agg(i.position ORDER BY i.tx_id DESC, i.position DESC))[1] AS to_position, \
         min(i.position) AS low, max(i.position) AS high, min(i.recorded_at) AS earliest, max(i.recorded_at) AS latest, \
         count(*) AS events FROM inside AS i GROUP BY i.part) \
     INSERT INTO audit_spans (from_tx, from_position, to_tx, to_position, low_position, high_position, earliest, latest, events) \
     SELECT p.from_tx, p.from_position, p.to_tx, p.to_position, p.low, p.high, \
       LEAST(min(p.earliest) OVER (ORDER BY p.part ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING), \
         (SELECT GREATEST(LEAST(one, two), LEAST(GREATEST(one, two), three)) FROM earliest)), \
       GREATEST(max(p.latest) OVER (ORDER BY p.part), \
         (SELECT GREATEST(LEAST(one, two), LEAST(GREATEST(one, two), three)) FROM latest)), p.events FROM parts AS p"
);

#[cfg(test)]
mod tests {
    use application::ports::ReadModel;

    use super::*;

    #[test]
    fn what_was_discarded_is_left_out_under_the_name_that_the_read_model_has() {
        assert!(SPAN.contains(&format!("d.name = '{}'", ReadModel::AuditList.name())));
    }
}
