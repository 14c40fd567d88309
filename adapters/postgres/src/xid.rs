//! Transaction ids and places in the log, in Postgres' binary form.

use std::error::Error;

use application::ports::Cursor;
use tokio_postgres::{
    Row,
    types::{FromSql, IsNull, ToSql, Type, accepts, private::BytesMut, to_sql_checked},
};

/// A 64-bit transaction id (`xid8`).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Xid(pub(crate) u64);

impl ToSql for Xid {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        out.extend_from_slice(&self.0.to_be_bytes());
        Ok(IsNull::No)
    }

    accepts!(XID8);
    to_sql_checked!();
}

impl<'a> FromSql<'a> for Xid {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(u64::from_be_bytes(raw.try_into()?)))
    }

    accepts!(XID8);
}

/// The place in the columns `tx_id, position` from `at` on; none where they are NULL.
pub(crate) fn place(row: &Row, at: usize) -> Result<Option<Cursor>, tokio_postgres::Error> {
    let (tx, position): (Option<Xid>, Option<i64>) = (row.try_get(at)?, row.try_get(at + 1)?);
    Ok(tx.zip(position).map(|(Xid(tx), position)| Cursor { tx, position }))
}
