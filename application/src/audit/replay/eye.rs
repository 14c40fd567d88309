//! Whose eyes see a replay: what is personal is shown by the caller's role, as everywhere.

use uuid::Uuid;

use super::tape::{Frame, Played};
use crate::{App, BoxError, Caller, audit::AuditEvent};

/// A caller who looks.
pub(super) struct Eye {
    app: App,
    caller: Caller,
}

impl Eye {
    pub(super) fn of(app: &App, caller: &Caller) -> Self {
        Self { app: app.clone(), caller: caller.clone() }
    }

    /// Makes looking at these quick.
    pub(super) async fn prepare(&self, frames: &[Frame]) -> Result<(), BoxError> {
        let of_people = |event: &&AuditEvent| matches!(event.aggregate_type.as_str(), "user" | "operator");
        let events = frames.iter().filter_map(|frame| match &frame.played {
            Ok(Played::Shown(event)) => Some(event.as_ref()),
            Ok(Played::Stored(_)) | Err(_) => None,
        });
        let subjects: Vec<Uuid> = events.filter(of_people).filter_map(|event| event.subject).collect();
        if subjects.is_empty() { Ok(()) } else { Ok(self.app.vault.prefetch(&subjects).await?) }
    }

    /// Puts what the caller may see in place of what is stored. Seen twice, an event would show less,
    /// and never more.
    pub(super) async fn see(&self, frame: &mut Frame) -> Result<(), BoxError> {
        if let Ok(Played::Shown(event)) = &mut frame.played {
            event.payload = self.app.shown(&self.caller, event.subject, &event.payload).await?;
        }
        Ok(())
    }
}
