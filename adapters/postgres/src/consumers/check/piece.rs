//! What of a read model can be computed anew alone.

/// Rows of one table that the events of a few streams make, and nothing else does.
#[derive(Debug, Clone, Copy)]
pub struct Piece {
    /// The table.
    pub table: &'static str,
    /// The streams that pieces are found by, when rows are missing: one of this aggregate type leads
    /// to each.
    pub of: &'static str,
    /// SQL: the key of a row's piece.
    pub key: &'static str,
    /// SQL: the key of the piece that the stream `$1` leads to.
    pub led_to: &'static str,
    /// SQL: whether a row is of the piece with the key `$1`.
    pub rows: &'static str,
    /// SQL: the streams, as aggregate type and id, that make the piece with the key `$1`. `$2` is the
    /// stream that led to it; NULL when a row did. `$3` is [`Self::of`].
    pub streams: &'static str,
}

/// A stream of a tenant's makes one row.
const WITHIN_KEY: &str = "tenant_id::text || '/' || id::text";
const WITHIN_ROWS: &str = "tenant_id = split_part($1, '/', 1)::uuid AND id = split_part($1, '/', 2)::uuid";
const ITSELF: &str = "SELECT $1";
const ONLY_ITSELF: &str = "SELECT $3, $1";

impl Piece {
    /// One row for each stream of a tenant's, under the same ids.
    pub const fn within(table: &'static str, of: &'static str) -> Self {
        Self { table, of, key: WITHIN_KEY, led_to: ITSELF, rows: WITHIN_ROWS, streams: ONLY_ITSELF }
    }

    /// One row for each stream above tenants, under the same id.
    pub const fn global(table: &'static str, of: &'static str) -> Self {
        Self { key: "id::text", rows: "id = $1::text::uuid", ..Self::within(table, of) }
    }
}
