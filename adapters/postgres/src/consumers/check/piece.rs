//! What of a read model can be computed anew alone.

/// Rows of one table that a small part of the log makes, and nothing else does.
#[derive(Debug, Clone, Copy)]
pub struct Piece {
    /// The table.
    pub table: &'static str,
    /// SQL: the key of a row's piece.
    pub key: &'static str,
    /// SQL: whether a row is of the piece with the key `$1`.
    pub rows: &'static str,
    /// How pieces are found whose rows are missing.
    pub found: Found,
    /// What its rows are made of.
    pub made: Made,
}

/// How a piece is found that may have no rows.
#[derive(Debug, Clone, Copy)]
pub enum Found {
    /// One of the streams of a type leads to it.
    Stream {
        /// The aggregate type.
        of: &'static str,
        /// SQL: the key of the piece that the stream `$1` leads to.
        led_to: &'static str,
    },
    /// SQL: the key of a piece, by chance; no row where there is none.
    Chance(&'static str),
}

/// What the rows of a piece are made of.
#[derive(Debug, Clone, Copy)]
pub enum Made {
    /// SQL: the streams, as aggregate type and id, all of whose events make the piece with the key
    /// `$1`. `$2` is the stream that led to it, NULL when none did; `$3` is that stream's type.
    Streams(&'static str),
    /// SQL: the events, as transaction and position, that make the piece with the key `$1`.
    Events(&'static str),
    /// SQL: writes the rows of the piece with the key `$1`, of the log up to the place `$2`, `$3`. For
    /// rows that add up more of the log than anybody would read again: no few events make them.
    Sum(&'static str),
}

/// A stream of a tenant's makes rows of one id.
const WITHIN_KEY: &str = "tenant_id::text || '/' || id::text";
const WITHIN_ROWS: &str = "tenant_id = split_part($1, '/', 1)::uuid AND id = split_part($1, '/', 2)::uuid";
const ITSELF: &str = "SELECT $1";
const ONLY_ITSELF: &str = "SELECT $3, $1";

impl Piece {
    /// The rows of each stream of a tenant's, under the same ids.
    pub const fn within(table: &'static str, of: &'static str) -> Self {
        Self {
            table,
            key: WITHIN_KEY,
            rows: WITHIN_ROWS,
            found: Found::Stream { of, led_to: ITSELF },
            made: Made::Streams(ONLY_ITSELF),
        }
    }

    /// One row for each stream above tenants, under the same id.
    pub const fn global(table: &'static str, of: &'static str) -> Self {
        Self { key: "id::text", rows: "id = $1::text::uuid", ..Self::within(table, of) }
    }
}
