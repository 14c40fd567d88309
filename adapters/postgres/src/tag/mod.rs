//! The read model of tags: projection and queries.

mod tag_list;

pub use tag_list::{PgTagList, TagListProjection};
