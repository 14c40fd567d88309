//! Pages of a list: keyset windows as the Relay specification words them.

use thiserror::Error;
use uuid::Uuid;

/// Rows on a page when the client names no number.
pub const PAGE_DEFAULT: usize = 20;
/// The most rows on a page.
pub const PAGE_MAX: usize = 100;

/// Which way a list is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Smallest first.
    Asc,
    /// Largest first.
    Desc,
}

/// Where a row stands in a sorted list: the value it is sorted by, then its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keyset {
    /// The value, as text; `None` for a missing one.
    pub value: Option<String>,
    /// The row.
    pub id: Uuid,
}

/// Which rows around a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Window<K> {
    /// The first rows after a place, or of the list.
    First(usize, Option<K>),
    /// The last rows before a place, or of the list.
    Last(usize, Option<K>),
}

/// What of a list is wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct PageRequest<F, S, K = Keyset> {
    /// Which rows count.
    pub filter: F,
    /// In which order.
    pub sort: S,
    /// Which of them.
    pub window: Window<K>,
}

/// A row and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge<T, K = Keyset> {
    /// Where it stands.
    pub key: K,
    /// The row.
    pub node: T,
}

/// Rows in the order of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, K = Keyset> {
    /// The rows.
    pub edges: Vec<Edge<T, K>>,
    /// Whether rows follow.
    pub has_next: bool,
    /// Whether rows precede.
    pub has_previous: bool,
}

/// What is wrong with a page's arguments.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PageError {
    /// Out of range.
    #[error("{argument} must be between 1 and {PAGE_MAX}")]
    Size {
        /// `first` or `last`.
        argument: &'static str,
    },
    /// Both directions at once.
    #[error("use either first and after, or last and before")]
    Both,
}

impl<K> Window<K> {
    /// The window that Relay's four arguments name.
    pub fn of(
        first: Option<i32>,
        after: Option<K>,
        last: Option<i32>,
        before: Option<K>,
    ) -> Result<Self, PageError> {
        let size = |n: i32, argument| match usize::try_from(n) {
            Ok(n @ 1..=PAGE_MAX) => Ok(n),
            Ok(_) | Err(_) => Err(PageError::Size { argument }),
        };
        match (first, after, last, before) {
            (first, after, None, None) => {
                Ok(Self::First(first.map_or(Ok(PAGE_DEFAULT), |n| size(n, "first"))?, after))
            }
            (None, None, last, before) => {
                Ok(Self::Last(last.map_or(Ok(PAGE_DEFAULT), |n| size(n, "last"))?, before))
            }
            _ => Err(PageError::Both),
        }
    }

    /// How many rows.
    pub fn size(&self) -> usize {
        match self {
            Self::First(n, _) | Self::Last(n, _) => *n,
        }
    }
}

impl<T, K> Page<T, K> {
    /// A page from one row more than was wanted, as they were read (backwards for `Last`).
    pub fn from_read<W>(mut read: Vec<Edge<T, K>>, window: &Window<W>) -> Self {
        let more = read.len() > window.size();
        read.truncate(window.size());
        match window {
            Window::First(_, after) => Self { edges: read, has_next: more, has_previous: after.is_some() },
            Window::Last(_, before) => {
                read.reverse();
                Self { edges: read, has_next: before.is_some(), has_previous: more }
            }
        }
    }
}
