//! What the todos of one page speak of, loaded together the first time one of them is asked.

use std::{collections::HashMap, sync::Arc};

use adapter_web::{ContextExt, failed};
use application::{
    tag::{TagRow, TagsById},
    todo::TodoRow,
    user::{PeopleById, PersonRow},
};
use async_graphql::{Context, Result};
use domain::{TagId, UserId};
use tokio::sync::OnceCell;

/// People and tags of one page: at most one statement each, however many todos ask.
#[derive(Default)]
pub(crate) struct Relations {
    people_ids: Vec<UserId>,
    tag_ids: Vec<TagId>,
    people: OnceCell<HashMap<UserId, Arc<PersonRow>>>,
    tags: OnceCell<HashMap<TagId, Arc<TagRow>>>,
}

impl Relations {
    pub(crate) fn of<'a>(rows: impl Iterator<Item = &'a TodoRow>) -> Arc<Self> {
        let mut relations = Self::default();
        for row in rows {
            relations.people_ids.push(row.owner);
            relations.people_ids.extend(row.assignee);
            relations.tag_ids.extend(&row.tags);
        }
        relations.people_ids.sort_unstable();
        relations.people_ids.dedup();
        relations.tag_ids.sort_unstable();
        relations.tag_ids.dedup();
        Arc::new(relations)
    }

    pub(crate) async fn person(&self, ctx: &Context<'_>, id: UserId) -> Result<Option<Arc<PersonRow>>> {
        let people = self.people.get_or_try_init(|| async {
            let rows = ctx.app().ask(ctx.caller(), PeopleById { ids: self.people_ids.clone() }, None).await;
            let rows = rows.map_err(failed)?.into_iter();
            Ok::<_, async_graphql::Error>(rows.map(|row| (row.id, Arc::new(row))).collect())
        });
        Ok(people.await?.get(&id).cloned())
    }

    /// Tags that were removed from the tenant are left out.
    pub(crate) async fn tags(&self, ctx: &Context<'_>, ids: &[TagId]) -> Result<Vec<Arc<TagRow>>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let tags = self.tags.get_or_try_init(|| async {
            let rows = ctx.app().ask(ctx.caller(), TagsById { ids: self.tag_ids.clone() }, None).await;
            let rows = rows.map_err(failed)?.into_iter();
            Ok::<_, async_graphql::Error>(rows.map(|row| (row.id, Arc::new(row))).collect())
        });
        let tags = tags.await?;
        Ok(ids.iter().filter_map(|id| tags.get(id)).map(Arc::clone).collect())
    }
}
