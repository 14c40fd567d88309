//! Erasing a person.

use domain::{
    StreamId, TenantId, UserId,
    operator::OperatorRole,
    user::{UserCommand, UserError},
};
use serde::Serialize;

use crate::{
    Access, App, Caller, Command, Handle, Order, Outcome, Terms,
    bus::Done,
    order::idempotency,
    ports::{Cursor, ReadModel, Visibility},
};

/// Erases a person of any tenant, for ever. Sessions end, username and address are free again, and
/// the key of the personal data is destroyed: what was sealed with it cannot be read any more,
/// in whichever copy of the log it stands.
#[derive(Debug, Clone, Serialize)]
pub struct EraseUser {
    /// Of which tenant.
    pub tenant: TenantId,
    /// Whom.
    pub user: UserId,
}

/// Somebody was here.
#[derive(Debug, Clone, Copy)]
pub struct ErasedUser {
    /// Who it was.
    pub user: UserId,
    /// One up per event.
    pub version: i64,
    /// The place of the last event.
    pub cursor: Cursor,
    /// Whether the read models show it.
    pub visibility: Visibility,
}

impl Done for ErasedUser {
    fn cursor(&self) -> Option<Cursor> {
        Some(self.cursor)
    }
    fn seen(&mut self, visibility: Visibility) {
        self.visibility = visibility;
    }
}

impl Command for EraseUser {
    type Output = ErasedUser;
    type Rejection = UserError;
    const NAME: &'static str = "user.erase";
    const ACCESS: Access = Access::OperatorConfirmed(OperatorRole::SuperAdmin);
    const SHOWN_IN: &'static [ReadModel] = &[ReadModel::People];
}

impl Handle<EraseUser> for App {
    async fn handle(&self, caller: &Caller, erase: EraseUser, terms: Terms) -> Outcome<EraseUser> {
        let stream = StreamId::within(erase.tenant, erase.user.0);
        let key = idempotency(caller, EraseUser::NAME, &erase, &terms);
        let (intent, at) = (UserCommand::Erase, self.clock.now());
        let order = Order { stream, intent, caller, name: EraseUser::NAME, terms: &terms, key, at };
        let done = self.users.execute(order).await?;
        Ok(ErasedUser {
            user: erase.user,
            version: done.version,
            cursor: done.cursor,
            visibility: done.visibility,
        })
    }
}
