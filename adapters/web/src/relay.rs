//! Lists as the Relay specification words them.

use application::{Code, Edge, Keyset, Page, PageError, Problem, Window};
use async_graphql::{Context, Result, SimpleObject};

use crate::{ContextExt, CursorCodec, CursorText, problem};

/// Where a page stands in its list.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
#[graphql(name = "PageInfo")]
pub struct PageInfo {
    /// Whether a page follows.
    pub has_next_page: bool,
    /// Whether a page precedes.
    pub has_previous_page: bool,
    /// The cursor of the first row.
    pub start_cursor: Option<CursorText>,
    /// The cursor of the last row.
    pub end_cursor: Option<CursorText>,
}

impl PageInfo {
    /// Where `page` of `list` stands.
    pub fn of<T>(page: &Page<T>, list: &str, codec: &CursorCodec) -> Self {
        let text = |edge: &Edge<T>| CursorText(codec.keyset(list, &edge.key));
        Self {
            has_next_page: page.has_next,
            has_previous_page: page.has_previous,
            start_cursor: page.edges.first().map(text),
            end_cursor: page.edges.last().map(text),
        }
    }
}

/// The window that Relay's four arguments name, in `of_list`, which names the list and its order.
pub fn window(
    ctx: &Context<'_>,
    of_list: &str,
    first: Option<i32>,
    after: Option<CursorText>,
    last: Option<i32>,
    before: Option<CursorText>,
) -> Result<Window<Keyset>> {
    let read = |text: Option<CursorText>, field| {
        let place = text.map(|text| ctx.codec().read_keyset(of_list, &text.0)).transpose();
        place.map_err(|bad| problem(Problem::from(bad).of_field(field)))
    };
    let (after, before) = (read(after, "after")?, read(before, "before")?);
    Window::of(first, after, last, before).map_err(|error| problem(page_problem(&error)))
}

fn page_problem(error: &PageError) -> Problem {
    let problem = Problem::new(Code::ValidationFailed, error.to_string());
    match error {
        PageError::Size { argument } => problem.of_field(argument),
        PageError::Both => problem,
    }
}
