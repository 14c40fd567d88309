//! What a resolver may know of the request it answers.

use std::{
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
};

use application::{
    App, Caller,
    ports::{Cursor, Visibility},
    trace::Span,
};
use async_graphql::{Context, Name, Value, indexmap::IndexMap};

use crate::{CursorCodec, Edge, client::neighbourhood};

const SHOWN: u8 = 0;
const LATE: u8 = 1;
const HELD: u8 = 2;

/// One operation: who asks, and what has become of it so far.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) caller: Caller,
    pub(crate) after: Option<Cursor>,
    pub(crate) client: Option<IpAddr>,
    pub(crate) edge: Arc<Edge>,
    shown: AtomicU8,
    /// The span of what a subscription delivers next.
    delivery: Mutex<Span>,
}

impl Asked {
    pub(crate) fn new(
        edge: &Arc<Edge>,
        caller: Caller,
        after: Option<Cursor>,
        client: Option<IpAddr>,
    ) -> Self {
        Self {
            caller,
            after,
            client,
            edge: Arc::clone(edge),
            shown: AtomicU8::new(SHOWN),
            delivery: Mutex::default(),
        }
    }

    /// The span of what is delivered now.
    pub(crate) fn delivery(&self) -> Span {
        std::mem::take(&mut *self.delivery.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What the answer says of its own visibility; nothing when all is shown.
    pub(crate) fn consistency(&self) -> Option<Value> {
        let reason = match self.shown.load(Ordering::Relaxed) {
            SHOWN => return None,
            HELD => "HELD",
            _ => "LATE",
        };
        let entries = [("shown", Value::from(false)), ("reason", Value::from(reason))];
        Some(Value::Object(
            entries.map(|(name, value)| (Name::new(name), value)).into_iter().collect::<IndexMap<_, _>>(),
        ))
    }
}

/// What a resolver may know of the request it answers.
pub trait ContextExt {
    /// The buses. The surface puts the `App` into its schema's data.
    fn app(&self) -> &App;
    /// Who asks.
    fn caller(&self) -> &Caller;
    /// The position that answers must be at least as new as, when the client named one.
    fn after(&self) -> Option<Cursor>;
    /// Positions and places as clients see them.
    fn codec(&self) -> &CursorCodec;
    /// Where the request comes from.
    fn client_address(&self) -> Option<IpAddr>;
    /// Its neighbourhood, as text: what is odd to come from.
    fn client_network(&self) -> Option<String>;
    /// Takes note of whether a mutation's answer can be seen already. The least visible counts.
    fn note_visibility(&self, visibility: Visibility);
    /// What a subscription says next is delivered in this span; it ends when the message has left
    /// for the socket.
    fn delivers(&self, span: Span);
}

impl ContextExt for Context<'_> {
    fn app(&self) -> &App {
        self.data_unchecked::<App>()
    }

    fn caller(&self) -> &Caller {
        &asked(self).caller
    }

    fn after(&self) -> Option<Cursor> {
        asked(self).after
    }

    fn codec(&self) -> &CursorCodec {
        &asked(self).edge.codec
    }

    fn client_address(&self) -> Option<IpAddr> {
        asked(self).client
    }

    fn client_network(&self) -> Option<String> {
        asked(self).client.map(neighbourhood)
    }

    fn note_visibility(&self, visibility: Visibility) {
        let shown = match visibility {
            Visibility::Shown => SHOWN,
            Visibility::Late => LATE,
            Visibility::Held => HELD,
        };
        asked(self).shown.fetch_max(shown, Ordering::Relaxed);
    }

    fn delivers(&self, span: Span) {
        *asked(self).delivery.lock().unwrap_or_else(PoisonError::into_inner) = span;
    }
}

fn asked<'a>(ctx: &'a Context<'_>) -> &'a Asked {
    ctx.data_unchecked::<Arc<Asked>>()
}
