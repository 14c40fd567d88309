//! Operators are made, changed, and kept from working.

use domain::{
    Issued, OperatorId, StreamId,
    operator::{self, Operator, OperatorCommand, OperatorError, OperatorRole, Roster},
    user::{Email, Fullname, Password},
};
use serde::Serialize;

use super::OperatorRow;
use crate::{
    Access, Aggregates, App, COMMAND_ATTEMPTS_MAX, Caller, Command, Committed, Failure, Handle, Outcome,
    Terms,
    aggregates::{Decision, broken, pause},
    bus::Done,
    order::{idempotency, metadata},
    ports::{AppendError, Cursor, IdempotencyKey, ReadModel, Unit, Visibility},
    user::sealed,
};

/// Makes an operator.
#[derive(Debug, Clone, Serialize)]
pub struct CreateOperator {
    /// Full name.
    #[serde(skip)]
    pub fullname: Fullname,
    /// E-mail address.
    #[serde(skip)]
    pub email: Email,
    /// Password.
    #[serde(skip)]
    pub password: Password,
    /// What the operator may do.
    pub role: OperatorRole,
}

/// Changes what is `Some`. Another role, or to be deactivated, ends the operator's sessions.
#[derive(Debug, Clone, Serialize)]
pub struct UpdateOperator {
    /// Which.
    pub id: OperatorId,
    /// Another full name.
    #[serde(skip)]
    pub fullname: Option<Fullname>,
    /// Another role.
    pub role: Option<OperatorRole>,
    /// Whether the operator may work.
    pub active: Option<bool>,
}

/// An operator after a command.
#[derive(Debug, Clone)]
pub struct OperatorChanged {
    /// The operator.
    pub operator: OperatorRow,
    /// One up per event.
    pub version: i64,
    /// The place of the last event.
    pub cursor: Cursor,
    /// Whether the read models show it.
    pub visibility: Visibility,
}

impl Done for OperatorChanged {
    fn cursor(&self) -> Option<Cursor> {
        Some(self.cursor)
    }
    fn seen(&mut self, visibility: Visibility) {
        self.visibility = visibility;
    }
}

macro_rules! operator_command {
    ($command:ident, $name:literal) => {
        impl Command for $command {
            type Output = OperatorChanged;
            type Rejection = OperatorError;
            const NAME: &'static str = $name;
            const ACCESS: Access = Access::OperatorConfirmed(OperatorRole::SuperAdmin);
            const SHOWN_IN: &'static [ReadModel] = &[ReadModel::OperatorList];
        }
    };
}
pub(super) use operator_command;
operator_command!(CreateOperator, "operator.create");
operator_command!(UpdateOperator, "operator.update");

/// One change of one operator.
struct Change<'a> {
    id: OperatorId,
    intent: OperatorCommand,
    caller: &'a Caller,
    name: &'static str,
    terms: &'a Terms,
    key: Option<IdempotencyKey>,
}

impl Handle<CreateOperator> for App {
    async fn handle(&self, caller: &Caller, create: CreateOperator, terms: Terms) -> Outcome<CreateOperator> {
        let (fullname, email) = (create.fullname.as_str(), create.email.as_str());
        let body = (fullname, email, create.role);
        let key = self.private_key(caller, CreateOperator::NAME, &body, &terms).await?;
        if let Some(key) = &key
            && let Some(receipt) = self.log.receipt(key).await.map_err(broken)?
        {
            return self.operator_changed(self.operators.as_received(receipt).await?).await;
        }
        let id = self.entropy.id();
        let hash = self.passwords.hash(create.password.as_str().to_owned()).await?;
        let vault = &self.vault;
        let intent = OperatorCommand::Create {
            fullname: vault.seal(id, "fullname", fullname).await.map_err(sealed)?,
            email: vault.seal(id, "email", email).await.map_err(sealed)?,
            email_index: vault.index(operator::EMAIL, email).await.map_err(sealed)?,
            password: vault.seal(id, "password", &hash).await.map_err(sealed)?,
            role: create.role,
        };
        let name = CreateOperator::NAME;
        let change = Change { id: OperatorId(id), intent, caller, name, terms: &terms, key };
        self.operator_changed(self.change_operator(&change).await?).await
    }
}

impl Handle<UpdateOperator> for App {
    async fn handle(&self, caller: &Caller, update: UpdateOperator, terms: Terms) -> Outcome<UpdateOperator> {
        let UpdateOperator { id, fullname, role, active } = update;
        let name = UpdateOperator::NAME;
        let (_, known) = self.operators.load_cached(&StreamId::global(id.0)).await?;
        if known.badge().is_none() {
            return Err(Failure::Rejected(OperatorError::NotFound));
        }
        let words = fullname.as_ref().map(Fullname::as_str);
        let key = self.private_key(caller, name, &(id, words, role, active), &terms).await?;
        let fullname = match words {
            Some(words) => Some(self.vault.seal(id.0, "fullname", words).await.map_err(sealed)?),
            None => None,
        };
        let intent = OperatorCommand::Update { fullname, role, active };
        let change = Change { id, intent, caller, name, terms: &terms, key };
        self.operator_changed(self.change_operator(&change).await?).await
    }
}

impl App {
    /// Changes an operator, and with it the roster where that has to learn of it: both are stored,
    /// or neither. Who finds one of them changed meanwhile decides anew.
    async fn change_operator(
        &self,
        change: &Change<'_>,
    ) -> Result<Committed<Operator>, Failure<OperatorError>> {
        if let Some(key) = &change.key
            && let Some(receipt) = self.log.receipt(key).await.map_err(broken)?
        {
            return self.operators.as_received(receipt).await;
        }
        let stream = StreamId::global(change.id.0);
        let metadata = metadata(change.caller, change.name).map_err(Failure::Internal)?;
        for attempt in 1..=COMMAND_ATTEMPTS_MAX {
            let (changing, roster) = self.plan_operator(&stream, change).await?;
            if changing.append.events.is_empty() && change.key.is_none() {
                let version = changing.append.seen;
                let cursor = self.log.cursor("operator", &stream, version).await.map_err(broken)?;
                let state = changing.after();
                return Ok(Committed { stream, state, version, cursor, visibility: Visibility::Shown });
            }
            let appends = [Some(changing.append.clone()), roster.as_ref().map(|it| it.append.clone())];
            let appends = appends.into_iter().flatten().collect();
            let unit = Unit { appends, key: change.key.clone(), metadata: metadata.clone() };
            match self.log.append(unit).await {
                Ok(appended) => {
                    if let Some(roster) = roster {
                        self.rosters.committed(roster, None, appended.cursor);
                    }
                    return Ok(self.operators.committed(changing, None, appended.cursor));
                }
                Err(AppendError::Duplicate(receipt)) => return self.operators.as_received(receipt).await,
                Err(AppendError::Conflict) => pause(attempt).await,
                Err(error) => return Err(Aggregates::<Operator>::refused(error)),
            }
        }
        let (current_version, _) = self.operators.load(&stream).await?;
        Err(Failure::Conflict { current_version })
    }

    async fn plan_operator(
        &self,
        stream: &StreamId,
        change: &Change<'_>,
    ) -> Result<(Decision<Operator>, Option<Decision<Roster>>), Failure<OperatorError>> {
        let (by, at) = (change.caller.actor, self.clock.now());
        let issued = Issued { command: change.intent.clone(), by, at };
        let changing = self.operators.plan(stream, issued, change.terms.expected_version).await?;
        let Some(command) = changing.after().roster_change(changing.before(), change.id) else {
            return Ok((changing, None));
        };
        let roster = self.rosters.plan(&Roster::stream(), Issued { command, by, at }, None).await?;
        Ok((changing, Some(roster).filter(|roster| !roster.append.events.is_empty())))
    }

    /// The key of a request that holds personal data: what is stored of it tells nothing to anybody
    /// without the deployment's own key.
    pub(super) async fn private_key(
        &self,
        caller: &Caller,
        name: &'static str,
        body: &(impl Serialize + Sync),
        terms: &Terms,
    ) -> Result<Option<IdempotencyKey>, Failure<OperatorError>> {
        let body = serde_json::to_string(body).map_err(|error| Failure::Internal(error.into()))?;
        let body = self.vault.index(name, &body).await.map_err(sealed)?;
        Ok(idempotency(caller, name, &body, terms))
    }

    pub(super) async fn operator_changed(
        &self,
        done: Committed<Operator>,
    ) -> Result<OperatorChanged, Failure<OperatorError>> {
        let Committed { stream, state, version, cursor, visibility } = done;
        let known = stream.own().map(OperatorId).zip(state.badge());
        let (id, badge) = known.ok_or(Failure::Rejected(OperatorError::NotFound))?;
        let operator = self.operator_row(id, badge, version).await.map_err(sealed)?;
        Ok(OperatorChanged { operator, version, cursor, visibility })
    }
}
