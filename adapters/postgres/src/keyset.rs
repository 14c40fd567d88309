//! SQL of filtered, sorted pages. Values are always parameters; only names from our own lists
//! become text.

use application::{Direction, Filter, Keyset, Test, Window};
use tokio_postgres::types::ToSql;

pub(crate) type Param = Box<dyn ToSql + Sync + Send>;

/// A condition under construction.
#[derive(Default)]
pub(crate) struct Where {
    pub(crate) sql: String,
    pub(crate) params: Vec<Param>,
}

impl Where {
    /// A parameter's place holder.
    pub(crate) fn bind(&mut self, value: impl ToSql + Sync + Send + 'static) -> String {
        self.params.push(Box::new(value));
        format!("${}", self.params.len())
    }

    pub(crate) fn push(&mut self, sql: &str) {
        self.sql.push_str(sql);
    }

    /// The parameters as tokio-postgres wants them.
    pub(crate) fn borrowed(&self) -> Vec<&(dyn ToSql + Sync)> {
        self.params.iter().map(|param| param.as_ref() as &(dyn ToSql + Sync)).collect()
    }

    /// A whole filter, given how one field test is written.
    pub(crate) fn filter<P>(&mut self, filter: &Filter<P>, field: &mut impl FnMut(&mut Self, &P)) {
        let (parts, glue, empty) = match filter {
            Filter::All(parts) => (parts, " AND ", "true"),
            Filter::Any(parts) => (parts, " OR ", "false"),
            Filter::Field(test) => return field(self, test),
        };
        if parts.is_empty() {
            return self.push(empty);
        }
        self.push("(");
        for (n, part) in parts.iter().enumerate() {
            if n > 0 {
                self.push(glue);
            }
            self.filter(part, field);
        }
        self.push(")");
    }

    /// A test of one column. `cast` is the parameter's type.
    pub(crate) fn test<T, V>(&mut self, column: &str, cast: &str, test: &Test<T>, value: impl Fn(&T) -> V)
    where
        V: ToSql + Sync + Send + 'static,
    {
        let compared = |this: &mut Self, operator: &str, to: &T| {
            let place = this.bind(value(to));
            this.push(&format!("{column} {operator} {place}::{cast}"));
        };
        match test {
            Test::Eq(to) => compared(self, "=", to),
            Test::Ne(to) => compared(self, "IS DISTINCT FROM", to),
            Test::Gt(to) => compared(self, ">", to),
            Test::Gte(to) => compared(self, ">=", to),
            Test::Lt(to) => compared(self, "<", to),
            Test::Lte(to) => compared(self, "<=", to),
            Test::In(list) => {
                let list: Vec<V> = list.iter().map(&value).collect();
                let place = self.bind(list);
                self.push(&format!("{column} = ANY({place}::{cast}[])"));
            }
            Test::Between(from, to) => {
                let (from, to) = (self.bind(value(from)), self.bind(value(to)));
                self.push(&format!("{column} BETWEEN {from}::{cast} AND {to}::{cast}"));
            }
            Test::Like(pattern) => {
                let place = self.bind(pattern.clone());
                self.push(&format!("{column} ILIKE {place}::text"));
            }
            Test::IsNull(true) => self.push(&format!("{column} IS NULL")),
            Test::IsNull(false) => self.push(&format!("{column} IS NOT NULL")),
        }
    }

    /// The rest of a page's statement: behind its cursor, in its order, one row more than wanted.
    /// `expression` must not be null.
    pub(crate) fn page(
        &mut self,
        expression: &str,
        cast: &str,
        direction: Direction,
        window: &Window<Keyset>,
    ) {
        let (from, forward, size) = match window {
            Window::First(size, after) => (after, true, size),
            Window::Last(size, before) => (before, false, size),
        };
        let ascending = (direction == Direction::Asc) == forward;
        if let Some(key) = from {
            let value = self.bind(key.value.clone());
            let id = self.bind(key.id);
            let operator = if ascending { ">" } else { "<" };
            self.push(&format!(" AND ({expression}, id) {operator} ({value}::text::{cast}, {id}::uuid)"));
        }
        let order = if ascending { "ASC" } else { "DESC" };
        let limit = self.bind(i64::try_from(size + 1).unwrap_or(i64::MAX));
        self.push(&format!(" ORDER BY {expression} {order}, id {order} LIMIT {limit}"));
    }
}
