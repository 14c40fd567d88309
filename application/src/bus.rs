//! The typed buses. What is not declared here is not reachable.
//!
//! A command that nobody handles does not compile:
//!
//! ```compile_fail,E0277
//! # use application::{Access, App, Caller, Command, Committed, Terms, ports::ReadModel};
//! #[derive(serde::Serialize)]
//! struct PaintTodo;
//! impl Command for PaintTodo {
//!     type Output = Committed<domain::todo::Todo>;
//!     type Rejection = domain::todo::TodoError;
//!     const NAME: &'static str = "todo.paint";
//!     const ACCESS: Access = Access::SignedIn;
//!     const SHOWN_IN: &'static [ReadModel] = &[];
//! }
//! async fn paint(app: App, caller: Caller) {
//!     let _ = app.send(&caller, PaintTodo, Terms::default()).await; // no `Handle<PaintTodo> for App`
//! }
//! ```
//!
//! Nor does one that does not say who may:
//!
//! ```compile_fail,E0046
//! # use application::{Access, Command, Committed, ports::ReadModel};
//! #[derive(serde::Serialize)]
//! struct PaintTodo;
//! impl Command for PaintTodo {
//!     type Output = Committed<domain::todo::Todo>;
//!     type Rejection = domain::todo::TodoError;
//!     const NAME: &'static str = "todo.paint";
//!     const SHOWN_IN: &'static [ReadModel] = &[]; // no `ACCESS`
//! }
//! ```
//!
//! With both, it does:
//!
//! ```
//! # use application::{App, Caller, Terms, todo::CompleteTodo};
//! # use domain::TodoId;
//! async fn complete(app: App, caller: Caller, id: TodoId) {
//!     let _ = app.send(&caller, CompleteTodo { id }, Terms::default()).await;
//! }
//! ```

use std::{error::Error, future::Future, time::Instant};

use domain::{operator::OperatorRole, role::Permission};
use serde::Serialize;
use tracing::Instrument;

use crate::{
    App, Caller, Code, Failure, Never, Platform, Refusal, meter,
    ports::{Clock, Cursor, ReadModel, Visibility},
    trace::{Kind, Span},
};

/// The longest idempotency key, in characters.
pub const IDEMPOTENCY_KEY_CHARS_MAX: usize = 128;

/// Who may use a command or query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    Public,
    /// Any signed-in person of the user surface, or an API key of one.
    SignedIn,
    /// A signed-in person with all of these, or an API key that has them.
    Needs(&'static [Permission]),
    /// A signed-in person with at least one of these.
    NeedsOne(&'static [Permission]),
    /// A person who is signed in with a session, with all of these; never an API key.
    InPerson(&'static [Permission]),
    /// As [`Self::InPerson`], and the password was shown within
    /// [`CONFIRMATION_AGE_MAX`](crate::CONFIRMATION_AGE_MAX): what a session that was left open, or
    /// stolen, must not do.
    InPersonConfirmed(&'static [Permission]),
    /// An operator of the portal with at least this role, or the system on its command line.
    Operator(OperatorRole),
    /// As [`Self::Operator`], and the password was shown within
    /// [`CONFIRMATION_AGE_MAX`](crate::CONFIRMATION_AGE_MAX).
    OperatorConfirmed(OperatorRole),
    /// Only the system itself, on its command line; never a surface.
    System,
}

impl Access {
    fn admit<R: Error + 'static>(self, caller: &Caller) -> Result<(), Failure<R>> {
        match self {
            Self::Public => Ok(()),
            Self::System | Self::Operator(_) | Self::OperatorConfirmed(_) if caller.is_system() => Ok(()),
            Self::System => Err(Failure::Unauthenticated),
            Self::SignedIn => caller.signed_in().map(|_| ()),
            Self::Needs(permissions) => {
                caller.signed_in::<R>()?;
                let missing = caller.lacks(permissions);
                if missing.is_empty() { Ok(()) } else { Err(Failure::Forbidden(missing)) }
            }
            Self::InPerson(permissions) | Self::InPersonConfirmed(permissions) => {
                Self::Needs(permissions).admit(caller)?;
                caller.session().map(drop).ok_or(Failure::NotInPerson)
            }
            Self::NeedsOne(permissions) => {
                caller.signed_in::<R>()?;
                let missing = caller.lacks(permissions);
                if missing.len() < permissions.len() { Ok(()) } else { Err(Failure::Forbidden(missing)) }
            }
            Self::Operator(least) | Self::OperatorConfirmed(least) => match caller.operator_role() {
                Some(role) if role >= least => Ok(()),
                Some(_) => Err(Failure::RoleTooLow(least.name())),
                None => Err(Failure::Unauthenticated),
            },
        }
    }

    /// Refuses who may, but showed the password too long ago.
    fn confirm<R: Error + 'static>(self, caller: &Caller, clock: &dyn Clock) -> Result<(), Failure<R>> {
        match self {
            Self::InPersonConfirmed(_) | Self::OperatorConfirmed(_)
                if !caller.is_system() && !caller.confirmed_lately(clock.now()) =>
            {
                Err(Failure::NotConfirmed)
            }
            Self::InPersonConfirmed(_)
            | Self::OperatorConfirmed(_)
            | Self::Public
            | Self::SignedIn
            | Self::Needs(_)
            | Self::NeedsOne(_)
            | Self::InPerson(_)
            | Self::Operator(_)
            | Self::System => Ok(()),
        }
    }
}

/// On what terms a command is sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Terms {
    /// The client's key: the same key and request again gives the first answer, and does nothing.
    pub idempotency_key: Option<String>,
    /// The version the client saw; another one is a conflict.
    pub expected_version: Option<i64>,
}

/// Something that can be asked to happen.
pub trait Command: Serialize + Send + Sync + 'static {
    /// What comes of it.
    type Output: Done;
    /// Why it may be refused.
    type Rejection: Refusal;
    /// Its name in events, logs and traces: `todo.create`.
    const NAME: &'static str;
    /// Who may.
    const ACCESS: Access;
    /// The read models that must show it before the answer goes out.
    const SHOWN_IN: &'static [ReadModel];
}

/// What a command gives back: it knows its position in the log.
pub trait Done: Send + 'static {
    /// The position of the last event; `None` when it has none to wait for.
    fn cursor(&self) -> Option<Cursor>;
    /// Takes note of whether the read models show it.
    fn seen(&mut self, visibility: Visibility);
}

/// What becomes of a command.
pub type Outcome<C> = Result<<C as Command>::Output, Failure<<C as Command>::Rejection>>;

/// How a command is carried out.
pub trait Handle<C: Command>: Send + Sync {
    /// Carries it out. The caller was admitted already.
    fn handle(&self, caller: &Caller, command: C, terms: Terms) -> impl Future<Output = Outcome<C>> + Send;
}

/// Something that can be asked for.
pub trait Query: Send + Sync + 'static {
    /// What comes of it.
    type Answer: Send + 'static;
    /// Its name in logs and traces: `todo.list`.
    const NAME: &'static str;
    /// Who may.
    const ACCESS: Access;
    /// The read models it reads.
    const READS: &'static [ReadModel];
    /// Whether it is written down that an operator asks. Only what shows nothing that another query
    /// of the same request does not show may say no.
    const NOTED: bool = matches!(Self::ACCESS, Access::Operator(_) | Access::OperatorConfirmed(_));
    /// What is written down beside its name: ids and names of ours, never anything personal.
    fn about(&self) -> Option<String> {
        None
    }
}

/// What becomes of a query.
pub type Answered<Q> = Result<<Q as Query>::Answer, Failure<Never>>;

/// How a query is answered.
pub trait Answer<Q: Query>: Send + Sync {
    /// Answers it. The caller was admitted already.
    fn answer(&self, caller: &Caller, query: Q) -> impl Future<Output = Answered<Q>> + Send;
}

// What is sent and asked is boxed. The future of each field of each row of a list has room for the
// largest future of any field of its type, and futures are copied as a whole when they are wrapped.
impl App {
    /// The only way to change anything. It runs in a task of its own, so that a client that goes
    /// away cannot cut it in half.
    pub fn send<C>(
        &self,
        caller: &Caller,
        command: C,
        terms: Terms,
    ) -> impl Future<Output = Outcome<C>> + Send
    where
        C: Command,
        Self: Handle<C>,
    {
        Box::pin(self.measured(caller, command, terms, true))
    }

    /// As [`Self::send`], but the answer does not wait until read models show it: for many commands
    /// in a row, after which their sender waits once, with the cursor of the last one.
    pub fn submit<C>(
        &self,
        caller: &Caller,
        command: C,
        terms: Terms,
    ) -> impl Future<Output = Outcome<C>> + Send
    where
        C: Command,
        Self: Handle<C>,
    {
        Box::pin(self.measured(caller, command, terms, false))
    }

    /// Whether the caller may send a command at all: for surfaces that have much to do before they
    /// send the first one.
    pub fn may_send<C: Command>(caller: &Caller) -> Result<(), Failure<C::Rejection>> {
        C::ACCESS.admit(caller)
    }

    async fn measured<C>(&self, caller: &Caller, command: C, terms: Terms, waits: bool) -> Outcome<C>
    where
        C: Command,
        Self: Handle<C>,
    {
        let begun = Instant::now();
        let outcome = self.carry_out(caller, command, terms, waits).await;
        let code = outcome.as_ref().err().map_or("ok", |failure| failure.code().as_str());
        meter::COMMANDS.add(1, [C::NAME, code]);
        meter::COMMAND_TIME.since(begun, [C::NAME]);
        outcome
    }

    async fn carry_out<C>(&self, caller: &Caller, command: C, terms: Terms, waits: bool) -> Outcome<C>
    where
        C: Command,
        Self: Handle<C>,
    {
        C::ACCESS.admit(caller)?;
        C::ACCESS.confirm(caller, self.clock.as_ref())?;
        let key_fits = |key: &String| {
            (1..=IDEMPOTENCY_KEY_CHARS_MAX).contains(&key.chars().count())
                && !key.chars().any(char::is_control)
        };
        if !terms.idempotency_key.as_ref().is_none_or(key_fits) {
            return Err(Failure::KeyMalformed);
        }
        let span = tracing::debug_span!("command", command.name = C::NAME);
        let mut traced = Span::child(Kind::Internal, format_args!("command {}", C::NAME));
        let (app, caller) = (self.clone(), caller.clone());
        let handled = Box::pin(async move {
            let mut output = app.handle(&caller, command, terms).await?;
            if let Some(cursor) = output.cursor().filter(|_| waits) {
                output.seen(app.visible(C::SHOWN_IN, cursor).await);
            }
            Ok(output)
        });
        let handled = traced.scope(handled);
        let whole = async move {
            let outcome: Outcome<C> = handled.await;
            traced.word("enterprise_todo.command", C::NAME);
            told(&mut traced, &outcome);
            outcome
        };
        tokio::spawn(whole.instrument(span)).await.unwrap_or_else(|gone| Err(Failure::Internal(gone.into())))
    }

    /// The only way to read anything. With `after`, the answer is at least as new as that position.
    pub fn ask<Q>(
        &self,
        caller: &Caller,
        query: Q,
        after: Option<Cursor>,
    ) -> impl Future<Output = Answered<Q>> + Send
    where
        Q: Query,
        Self: Answer<Q>,
    {
        Box::pin(self.asked(caller, query, after))
    }

    async fn asked<Q>(&self, caller: &Caller, query: Q, after: Option<Cursor>) -> Answered<Q>
    where
        Q: Query,
        Self: Answer<Q>,
    {
        Q::ACCESS.admit(caller)?;
        Q::ACCESS.confirm(caller, self.clock.as_ref())?;
        if let Some(cursor) = after
            && self.visible(Q::READS, cursor).await != Visibility::Shown
        {
            return Err(Failure::NotThereYet);
        }
        // Before the answer: what cannot be written down is not shown.
        if Q::NOTED && caller.operator_role().is_some() {
            self.note(caller, Q::NAME, query.about()).await?;
        }
        let span = tracing::debug_span!("query", query.name = Q::NAME);
        let mut traced = Span::child(Kind::Internal, format_args!("query {}", Q::NAME));
        let answered = traced.scope(self.answer(caller, query)).instrument(span).await;
        traced.word("enterprise_todo.query", Q::NAME);
        told(&mut traced, &answered);
        answered
    }

    /// Refuses who may not ask `Q`, before a surface looks at what was asked.
    pub fn admits<Q: Query>(caller: &Caller) -> Result<(), Failure<Never>> {
        Q::ACCESS.admit(caller)
    }

    async fn visible(&self, models: &[ReadModel], cursor: Cursor) -> Visibility {
        for model in models {
            match self.progress.reach(*model, cursor).await {
                Visibility::Shown => {}
                late @ (Visibility::Late | Visibility::Held) => return late,
            }
        }
        Visibility::Shown
    }

    /// Refuses a token of the other surface, as the contract words it.
    pub fn of_surface(caller: &Caller, surface: Platform) -> Result<(), Failure<Never>> {
        if caller.platform == surface {
            return Ok(());
        }
        Err(Failure::WrongPlatform { required: surface.name(), received: caller.platform.name() })
    }
}

/// Says in a span what became of it. That somebody was refused is no error of ours.
fn told<T, R: Refusal>(span: &mut Span, outcome: &Result<T, Failure<R>>) {
    let code = outcome.as_ref().err().map(Failure::code);
    span.word("enterprise_todo.outcome", code.map_or("ok", Code::as_str));
    if let Some(code @ (Code::Internal | Code::Unavailable)) = code {
        span.fail(code.as_str());
    }
}
