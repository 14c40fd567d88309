//! Todos: what this is all for.

mod command;
mod error;
mod event;
#[cfg(test)]
mod spec;
mod text;

pub use command::{CreateTodo, TodoCommand, UpdateTodo};
pub use error::TodoError;
pub use event::TodoEvent;
use serde::{Deserialize, Serialize};
use text::due;
pub use text::{Priority, TAGS_MAX, TEXT_CHARS_MAX, TodoText, reference};

use crate::{Claim, Issued, Root, TagId, TenantId, Timestamp, UserId, shared::hosted_by_cqrs_es};

/// A todo's life.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Todo {
    /// Nobody wrote it yet.
    #[default]
    Unwritten,
    /// It is on a list.
    Written(Sheet),
    /// It is gone; its id is never used again.
    Deleted(Sheet),
}

/// What a todo says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sheet {
    /// Where it lives.
    pub tenant: TenantId,
    /// Whose it is.
    pub owner: UserId,
    /// Its running number in the tenant.
    pub number: i64,
    /// What is to be done.
    pub text: TodoText,
    /// How much it presses.
    pub priority: Priority,
    /// Until when.
    pub due_at: Option<Timestamp>,
    /// Who does it.
    pub assignee: Option<UserId>,
    /// Its tags, in the order they were given.
    pub tags: Vec<TagId>,
    /// Since when it is done.
    pub completed_at: Option<Timestamp>,
    /// Out of sight.
    pub archived: bool,
    /// When it was written.
    pub created_at: Timestamp,
    /// When anything last happened to it.
    pub updated_at: Timestamp,
}

const ACTIVE_TEXT: &str = "todo.active_text";

impl Todo {
    /// What it says, once written and even after it is gone.
    pub fn sheet(&self) -> Option<&Sheet> {
        match self {
            Self::Unwritten => None,
            Self::Written(sheet) | Self::Deleted(sheet) => Some(sheet),
        }
    }

    fn written(&self) -> Result<&Sheet, TodoError> {
        match self {
            Self::Unwritten | Self::Deleted(_) => Err(TodoError::NotFound),
            Self::Written(sheet) => Ok(sheet),
        }
    }

    fn editable(&self) -> Result<&Sheet, TodoError> {
        self.written().and_then(|sheet| if sheet.archived { Err(TodoError::Archived) } else { Ok(sheet) })
    }

    fn create(&self, create: CreateTodo, at: Timestamp) -> Result<Vec<TodoEvent>, TodoError> {
        if *self != Self::Unwritten {
            return Err(TodoError::AlreadyCreated);
        }
        let CreateTodo { tenant, owner, text, priority, due_at, tags, assignee } = create;
        let (tags, due_at) = (each_once(tags)?, due(due_at)?);
        let number = 0; // the store knows it
        Ok(vec![TodoEvent::Created { tenant, owner, number, text, priority, due_at, tags, assignee, at }])
    }

    fn update(&self, update: UpdateTodo, at: Timestamp) -> Result<Vec<TodoEvent>, TodoError> {
        let sheet = self.editable()?;
        let mut events = Vec::new();
        if let Some(text) = update.text.filter(|text| *text != sheet.text) {
            events.push(TodoEvent::TextChanged { text, at });
        }
        if let Some(priority) = update.priority.filter(|priority| *priority != sheet.priority) {
            events.push(TodoEvent::Prioritised { priority, at });
        }
        if let Some(due_at) = update.due_at.filter(|due_at| *due_at != sheet.due_at) {
            events.push(TodoEvent::Rescheduled { due_at: due(due_at)?, at });
        }
        if let Some(assignee) = update.assignee.filter(|assignee| *assignee != sheet.assignee) {
            events.push(TodoEvent::Assigned { assignee, at });
        }
        if let Some(tags) = update.tags {
            let tags = each_once(tags)?;
            let gone = sheet.tags.iter().filter(|tag| !tags.contains(tag));
            events.extend(gone.map(|tag| TodoEvent::Untagged { tag: *tag, at }));
            let new = tags.iter().filter(|tag| !sheet.tags.contains(tag));
            events.extend(new.map(|tag| TodoEvent::Tagged { tag: *tag, at }));
        }
        Ok(events)
    }

    fn complete(&self, at: Timestamp) -> Result<Vec<TodoEvent>, TodoError> {
        let sheet = self.editable()?;
        Ok(if sheet.completed_at.is_some() { Vec::new() } else { vec![TodoEvent::Completed { at }] })
    }

    fn reopen(&self, at: Timestamp) -> Result<Vec<TodoEvent>, TodoError> {
        let sheet = self.written()?;
        let open = sheet.completed_at.is_none() && !sheet.archived;
        Ok(if open { Vec::new() } else { vec![TodoEvent::Reopened { at }] })
    }

    fn archive(&self, at: Timestamp) -> Result<Vec<TodoEvent>, TodoError> {
        Ok(if self.written()?.archived { Vec::new() } else { vec![TodoEvent::Archived { at }] })
    }

    fn delete(&self, at: Timestamp) -> Result<Vec<TodoEvent>, TodoError> {
        match self {
            Self::Unwritten => Err(TodoError::NotFound),
            Self::Written(_) => Ok(vec![TodoEvent::Deleted { at }]),
            Self::Deleted(_) => Ok(Vec::new()),
        }
    }

    fn tag(&self, tag: TagId, at: Timestamp) -> Result<Vec<TodoEvent>, TodoError> {
        let sheet = self.editable()?;
        match sheet.tags.len() {
            _ if sheet.tags.contains(&tag) => Ok(Vec::new()),
            TAGS_MAX.. => Err(TodoError::TooManyTags),
            _ => Ok(vec![TodoEvent::Tagged { tag, at }]),
        }
    }

    fn untag(&self, tag: TagId, at: Timestamp) -> Result<Vec<TodoEvent>, TodoError> {
        let sheet = self.editable()?;
        Ok(if sheet.tags.contains(&tag) { vec![TodoEvent::Untagged { tag, at }] } else { Vec::new() })
    }

    fn assign(&self, assignee: Option<UserId>, at: Timestamp) -> Result<Vec<TodoEvent>, TodoError> {
        let sheet = self.editable()?;
        Ok(if sheet.assignee == assignee { Vec::new() } else { vec![TodoEvent::Assigned { assignee, at }] })
    }
}

impl Root for Todo {
    type Intent = TodoCommand;
    type Refusal = TodoError;
    const SNAPSHOT_SCHEMA: i32 = 1;

    fn decide(&self, issued: Issued<TodoCommand>) -> Result<Vec<TodoEvent>, TodoError> {
        let Issued { command, at, .. } = issued;
        match command {
            TodoCommand::Create(create) => self.create(create, at),
            TodoCommand::Update(update) => self.update(update, at),
            TodoCommand::Complete => self.complete(at),
            TodoCommand::Reopen => self.reopen(at),
            TodoCommand::Archive => self.archive(at),
            TodoCommand::Delete => self.delete(at),
            TodoCommand::Tag(tag) => self.tag(tag, at),
            TodoCommand::Untag(tag) => self.untag(tag, at),
            TodoCommand::Assign(assignee) => self.assign(assignee, at),
        }
    }

    fn evolve(&mut self, event: TodoEvent) {
        if let TodoEvent::Created { tenant, owner, number, text, priority, due_at, tags, assignee, at } =
            event
        {
            *self = Self::Written(Sheet {
                tenant,
                owner,
                number,
                text,
                priority,
                due_at,
                assignee,
                tags,
                completed_at: None,
                archived: false,
                created_at: at,
                updated_at: at,
            });
        } else if let Self::Written(sheet) = self {
            sheet.evolve(&event);
            if matches!(event, TodoEvent::Deleted { .. }) {
                *self = Self::Deleted(sheet.clone());
            }
        }
    }

    fn claims(&self) -> Vec<Claim> {
        match self {
            Self::Written(sheet) if !sheet.archived => {
                vec![Claim::new(ACTIVE_TEXT, format!("{}/{}", sheet.owner, sheet.text.as_str()))]
            }
            Self::Unwritten | Self::Written(_) | Self::Deleted(_) => Vec::new(),
        }
    }

    fn taken(_: &Claim) -> TodoError {
        TodoError::TextTaken
    }

    fn series(event: &TodoEvent) -> Option<String> {
        if let TodoEvent::Created { tenant, .. } = event { Some(format!("todo/{tenant}")) } else { None }
    }

    fn numbered(mut event: TodoEvent, assigned: i64) -> TodoEvent {
        if let TodoEvent::Created { number, .. } = &mut event {
            *number = assigned;
        }
        event
    }
}

impl Sheet {
    fn evolve(&mut self, event: &TodoEvent) {
        self.updated_at = event.at();
        match event {
            TodoEvent::TextChanged { text, .. } => self.text = text.clone(),
            TodoEvent::Prioritised { priority, .. } => self.priority = *priority,
            TodoEvent::Rescheduled { due_at, .. } => self.due_at = *due_at,
            TodoEvent::Assigned { assignee, .. } => self.assignee = *assignee,
            TodoEvent::Tagged { tag, .. } => self.tags.push(*tag),
            TodoEvent::Untagged { tag, .. } => self.tags.retain(|had| had != tag),
            TodoEvent::Completed { at } => self.completed_at = Some(*at),
            TodoEvent::Reopened { .. } => {
                self.completed_at = None;
                self.archived = false;
            }
            TodoEvent::Archived { .. } => self.archived = true,
            TodoEvent::Created { .. } | TodoEvent::Deleted { .. } => {}
        }
    }
}

fn each_once(tags: Vec<TagId>) -> Result<Vec<TagId>, TodoError> {
    let mut once: Vec<TagId> = Vec::with_capacity(tags.len());
    for tag in tags {
        if !once.contains(&tag) {
            once.push(tag);
        }
    }
    if once.len() > TAGS_MAX { Err(TodoError::TooManyTags) } else { Ok(once) }
}

hosted_by_cqrs_es!(Todo, TodoCommand, TodoEvent, TodoError, "todo");
