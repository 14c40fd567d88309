//! Lists as they were: of each thing the newest version up to a place of the log.

use application::ports::Cursor;
use domain::TenantId;

use crate::{keyset::Where, xid::Xid};

/// The beginning of a statement over the newest versions in `table` up to a place. `rest` names the
/// columns beside `created_at` and `id`, which never change.
///
/// The first versions are walked in the order of the list, in an index that knows their places too;
/// for each that is old enough, the newest version is looked up. A page costs its rows, however long
/// the list is or has become since.
pub(crate) fn newest(select: &str, table: &str, rest: &str, tenant: TenantId, at: Cursor) -> Where {
    let mut sql = Where::default();
    let (tenant, tx, position) = (sql.bind(tenant.0), sql.bind(Xid(at.tx)), sql.bind(at.position));
    let rest: Vec<String> = rest.split(',').map(|column| format!("n.{}", column.trim())).collect();
    sql.push(&format!(
        "SELECT {select} FROM (SELECT c.created_at, c.id, {} FROM {table} AS c CROSS JOIN LATERAL \
         (SELECT * FROM {table} AS w WHERE w.tenant_id = {tenant} AND w.id = c.id \
           AND (w.tx_id, w.position) <= ({tx}, {position}) ORDER BY w.version DESC LIMIT 1) AS n \
         WHERE c.tenant_id = {tenant} AND c.version = 1 AND (c.tx_id, c.position) <= ({tx}, {position})) AS v",
        rest.join(", ")
    ));
    sql
}
