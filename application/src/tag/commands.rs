//! What can be done with tags.

use domain::{
    StreamId, TagId,
    role::Permission,
    tag::{self, Colour, Slug, Tag, TagCommand, TagError, TagName},
};
use serde::Serialize;

use super::TagRow;
use crate::{
    Access, App, Caller, Code, Command, Committed, Failure, Handle, Order, Outcome, Refusal, Terms,
    order::idempotency, ports::ReadModel,
};

macro_rules! tag_command {
    ($command:ident, $name:literal, $permission:ident) => {
        impl Command for $command {
            type Output = Committed<Tag>;
            type Rejection = TagError;
            const NAME: &'static str = $name;
            const ACCESS: Access = Access::Needs(&[Permission::$permission]);
            const SHOWN_IN: &'static [ReadModel] = &[ReadModel::TagList];
        }
    };
}

/// Makes a tag.
#[derive(Debug, Clone, Serialize)]
pub struct CreateTag {
    /// What people read.
    pub name: TagName,
    /// What addresses it; derived from the name when absent.
    pub slug: Option<Slug>,
    /// How it is drawn.
    pub colour: Option<Colour>,
}
tag_command!(CreateTag, "tag.create", CreateTag);

/// Changes what is `Some`.
#[derive(Debug, Clone, Serialize)]
pub struct UpdateTag {
    /// Which.
    pub id: TagId,
    /// Another name.
    pub name: Option<TagName>,
    /// Another slug.
    pub slug: Option<Slug>,
    /// Another colour.
    pub colour: Option<Colour>,
}
tag_command!(UpdateTag, "tag.update", UpdateTag);

/// Removes a tag; todos lose it.
#[derive(Debug, Clone, Serialize)]
pub struct DeleteTag {
    /// Which.
    pub id: TagId,
}
tag_command!(DeleteTag, "tag.delete", DeleteTag);

impl Handle<CreateTag> for App {
    async fn handle(&self, caller: &Caller, create: CreateTag, terms: Terms) -> Outcome<CreateTag> {
        let tenant = caller.signed_in::<TagError>()?.tenant;
        let key = idempotency(caller, CreateTag::NAME, &create, &terms);
        let CreateTag { name, slug, colour } = create;
        let colour = colour.unwrap_or_default();
        let intent = TagCommand::Create(tag::CreateTag { tenant, name, slug, colour });
        let stream = StreamId::within(tenant, self.entropy.id());
        let order =
            Order { stream, intent, caller, name: CreateTag::NAME, terms: &terms, key, at: self.clock.now() };
        self.tags.execute_fresh(order).await
    }
}

impl Handle<UpdateTag> for App {
    async fn handle(&self, caller: &Caller, update: UpdateTag, terms: Terms) -> Outcome<UpdateTag> {
        let UpdateTag { id, name, slug, colour } = update.clone();
        let intent = TagCommand::Update(tag::UpdateTag { name, slug, colour });
        self.change_tag(caller, id, intent, &update, &terms).await
    }
}

impl Handle<DeleteTag> for App {
    async fn handle(&self, caller: &Caller, delete: DeleteTag, terms: Terms) -> Outcome<DeleteTag> {
        self.change_tag(caller, delete.id, TagCommand::Delete, &delete, &terms).await
    }
}

impl App {
    async fn change_tag<C: Command>(
        &self,
        caller: &Caller,
        id: TagId,
        intent: TagCommand,
        body: &C,
        terms: &Terms,
    ) -> Result<Committed<Tag>, Failure<TagError>> {
        let stream = StreamId::within(caller.signed_in::<TagError>()?.tenant, id.0);
        let key = idempotency(caller, C::NAME, body, terms);
        let order = Order { stream, intent, caller, name: C::NAME, terms, key, at: self.clock.now() };
        self.tags.execute(order).await
    }
}

/// The row of a tag as a command left it.
pub fn written_row(done: &Committed<Tag>) -> Option<TagRow> {
    let label = done.state.label()?;
    Some(TagRow {
        id: TagId(done.stream.own()?),
        name: label.name.as_str().to_owned(),
        slug: label.slug.as_str().to_owned(),
        colour: label.colour.as_str().to_owned(),
        created_at: label.created_at,
        version: done.version,
    })
}

impl Refusal for TagError {
    fn code(&self) -> Code {
        match self {
            Self::NotFound => Code::NotFound,
            Self::AlreadyCreated | Self::SlugTaken => Code::AlreadyExists,
            Self::NameBlank
            | Self::NameUnprintable
            | Self::NameTooLong { .. }
            | Self::SlugMalformed
            | Self::SlugNotDerivable
            | Self::ColourMalformed => Code::ValidationFailed,
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::NameBlank | Self::NameUnprintable | Self::NameTooLong { .. } => Some("name"),
            Self::SlugTaken | Self::SlugMalformed | Self::SlugNotDerivable => Some("slug"),
            Self::ColourMalformed => Some("color"),
            Self::NotFound | Self::AlreadyCreated => None,
        }
    }
}
