//! A socket's life: init, operations, pings, and the token that has to keep working.

use std::{
    collections::HashMap, convert::Infallible, net::IpAddr, ops::ControlFlow, sync::Arc, time::Duration,
};

use application::{
    Caller, Code, Problem, meter,
    trace::{Kind, Span},
};
use async_graphql::{Executor, parser::types::OperationType};
use futures_util::{
    StreamExt,
    stream::{AbortHandle, SelectAll, SplitStream},
};
use poem::web::websocket::{Message, WebSocketStream};
use serde_json::value::RawValue;
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval_at, sleep},
};

use super::{
    goodbye::Goodbye,
    operation::{Cuttable, Event, Operation, cuttable},
    protocol::{self, Said, shown_token},
};
use crate::{
    Edge, EdgeRules, RequestId, TokenRefused, caller_of, context::Asked, gate::Gate, http::read_wanted,
    problem::edge_error, public, surface::Supply,
};

/// How many operations may be on their way out for each that may live.
const LEAVING_PER_PLACE: usize = 4;

/// One socket.
pub(super) struct Session<X> {
    schema: X,
    edge: Arc<Edge>,
    supply: Option<Arc<Supply>>,
    gate: Arc<Gate>,
    /// The value of an `Authorization` header; the init payload's goes before the upgrade's.
    authorization: Option<String>,
    client: Option<IpAddr>,
    /// Whether both ends speak the same protocol.
    agreed: bool,
    /// Who is on the other end, once the socket was acknowledged.
    caller: Option<Caller>,
    live: HashMap<Arc<str>, (AbortHandle, meter::One)>,
    _open: meter::One,
    events: SelectAll<Cuttable>,
}

/// What a client sends.
type Incoming = SplitStream<WebSocketStream>;

/// What comes of a message.
type Heard = Result<(), Goodbye>;

impl<X: Executor> Session<X> {
    pub(super) fn new(
        schema: X,
        edge: Arc<Edge>,
        supply: Option<Arc<Supply>>,
        gate: Arc<Gate>,
        authorization: Option<String>,
        client: Option<IpAddr>,
        agreed: bool,
    ) -> Self {
        Self {
            schema,
            edge,
            supply,
            gate,
            authorization,
            client,
            agreed,
            caller: None,
            live: HashMap::new(),
            _open: meter::SOCKETS.one(),
            events: SelectAll::new(),
        }
    }

    /// Lives until something ends it; `None` when the client has gone by itself.
    pub(super) async fn run(
        mut self,
        incoming: &mut Incoming,
        outbox: mpsc::Sender<Message>,
    ) -> Option<Goodbye> {
        if !self.agreed {
            return Some(Goodbye::SUBPROTOCOL);
        }
        match self.live_on(incoming, &outbox).await {
            Ok(never) => match never {},
            Err(goodbye) => goodbye,
        }
    }

    async fn live_on(
        &mut self,
        incoming: &mut Incoming,
        outbox: &mpsc::Sender<Message>,
    ) -> Result<Infallible, Option<Goodbye>> {
        let EdgeRules { init_wait, ping_every, token_recheck, silence, .. } = self.edge.rules;
        let mut init = std::pin::pin!(sleep(init_wait));
        let mut silent = std::pin::pin!(sleep(silence));
        let (mut ping, mut recheck) = (ticker(ping_every), ticker(token_recheck));
        loop {
            let waiting = self.caller.is_none();
            let speaking = !self.events.is_empty();
            tokio::select! {
                message = incoming.next() => {
                    silent.as_mut().reset(Instant::now() + silence);
                    match message {
                        Some(Ok(Message::Text(text))) => self.hear(&text, outbox).await?,
                        Some(Ok(Message::Binary(_))) => return Err(Some(Goodbye::NOT_TEXT)),
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                        Some(Ok(Message::Close(_))) | None => return Err(None),
                        Some(Err(error)) => return Err(goodbye_of(&error)),
                    }
                }
                event = next_event(&mut self.events, outbox), if speaking => self.tell(event),
                () = &mut init, if waiting => return Err(Some(Goodbye::INIT_TIMEOUT)),
                _ = recheck.tick() => self.recheck().await?,
                () = &mut silent => return Err(Some(Goodbye::SILENT)),
                _ = ping.tick() => {
                    // A full queue means that the writer is at the end of its patience already.
                    let _ = outbox.try_send(Message::Ping(Vec::new()));
                }
            }
        }
    }

    async fn hear(&mut self, text: &str, outbox: &mpsc::Sender<Message>) -> Heard {
        let answer = match Said::read(text)? {
            Said::Init(payload) => Some(self.init(payload).await?),
            Said::Ping(payload) => Some(protocol::pong(payload)),
            Said::Pong => None,
            Said::Complete { id } => {
                if let Some((handle, _)) = self.live.remove(id.as_str()) {
                    handle.abort();
                }
                None
            }
            Said::Subscribe { id, payload } => match self.subscribe(&id, payload).await? {
                ControlFlow::Continue(()) => None,
                ControlFlow::Break(problem) => {
                    let request = RequestId::new(&*self.edge.entropy);
                    Some(protocol::error(&id, &[edge_error(problem, request.as_str())]))
                }
            },
        };
        if let Some(answer) = answer {
            // Waiting here is what keeps a client from asking faster than it reads.
            outbox.send(Message::Text(answer)).await.map_err(|_| Goodbye::DOES_NOT_READ)?;
        }
        Ok(())
    }

    async fn init(&mut self, payload: Option<&RawValue>) -> Result<String, Goodbye> {
        if self.caller.is_some() {
            return Err(Goodbye::SECOND_INIT);
        }
        if let Some(shown) = shown_token(payload)? {
            self.authorization = Some(shown);
        }
        self.caller = Some(self.who().await?);
        Ok(protocol::connection_ack())
    }

    /// Starts an operation, or breaks with why not; the socket goes on in either case.
    async fn subscribe(&mut self, id: &str, payload: &RawValue) -> Result<ControlFlow<Problem>, Goodbye> {
        if self.caller.is_none() {
            return Err(Goodbye::UNAUTHORIZED);
        }
        if self.live.contains_key(id) {
            return Err(Goodbye::DUPLICATE);
        }
        // An operation begins with the rights of this moment.
        self.recheck().await?;
        let caller = self.caller.as_ref().ok_or(Goodbye::UNAUTHORIZED)?;
        let wanted = read_wanted(payload.get().as_bytes()).map_err(|_| Goodbye::MALFORMED)?;
        let rules = &self.edge.rules;
        // What was cut off goes with the next event that can be told. A client that reads nothing
        // must not pile it up by starting and completing.
        let leaving = self.events.len() >= rules.socket_operations.saturating_mul(LEAVING_PER_PLACE);
        if leaving || self.live.len() >= rules.socket_operations {
            let message = format!("at most {} operations may live on one socket", rules.socket_operations);
            return Ok(ControlFlow::Break(Problem::new(Code::RateLimited, message)));
        }
        let admitted = match self.gate.admit(wanted, rules) {
            Ok(admitted) => admitted,
            Err(problem) => return Ok(ControlFlow::Break(problem)),
        };
        if let Err(problem) = public::admit(&self.edge, self.client, admitted.limited).await {
            return Ok(ControlFlow::Break(problem));
        }
        let request_id = RequestId::new(&*self.edge.entropy);
        let caller = caller.clone().in_request(request_id.as_str());
        let mut request = admitted.request;
        if let Some(supply) = &self.supply {
            supply(&caller, &mut request.data);
        }
        let asked = Arc::new(Asked::new(&self.edge, caller, None, self.client));
        request.data.insert(Arc::clone(&asked));
        let name: Arc<str> = Arc::from(id);
        tracing::debug!(request_id = request_id.as_str(), operation = admitted.name, "operation on a socket");
        let operation = Operation {
            name: Arc::clone(&name),
            id: request_id,
            kind: admitted.kind,
            asked,
            execution: rules.execution,
            span: operation_span(admitted.kind, admitted.label.as_deref()),
        };
        let (events, handle) = cuttable(operation.run(&self.schema, request));
        self.events.push(events);
        self.live.insert(name, (handle, meter::SUBSCRIPTIONS.one()));
        meter::SOCKET_OPERATIONS.add(1, [admitted.label.as_deref().unwrap_or("unknown")]);
        Ok(ControlFlow::Continue(()))
    }

    /// Passes on what an operation says.
    fn tell(&mut self, event: Option<(mpsc::OwnedPermit<Message>, Arc<str>, Event)>) {
        let Some((permit, name, event)) = event else { return };
        let (text, delivery) = match event {
            Event::More(text, delivery) => (text, delivery),
            Event::Last(text) => {
                self.live.remove(&name);
                (text, Span::none())
            }
        };
        permit.send(Message::Text(text));
        drop(delivery);
    }

    /// Whether the token still works, with the rights it had: it may have expired, the session may
    /// have ended, or a role may have been taken away. While nobody can tell, the socket stays.
    async fn recheck(&mut self) -> Result<(), Goodbye> {
        let Some(caller) = self.caller.clone() else { return Ok(()) };
        if caller.until().is_some_and(|until| until <= self.edge.clock.now()) {
            return Err(Goodbye::EXPIRED);
        }
        match caller_of(&self.edge, self.authorization.as_deref(), self.client, "").await {
            Ok(now) if caller.lost_rights(&now) => Err(Goodbye::FEWER_RIGHTS),
            Ok(now) => {
                self.caller = Some(now);
                Ok(())
            }
            Err(TokenRefused::Unavailable | TokenRefused::Guessed(_)) => Ok(()),
            Err(TokenRefused::Invalid | TokenRefused::WrongPlatform { .. }) => Err(Goodbye::EXPIRED),
        }
    }

    async fn who(&mut self) -> Result<Caller, Goodbye> {
        let shown = self.authorization.as_deref();
        caller_of(&self.edge, shown, self.client, "").await.map_err(Goodbye::from)
    }
}

/// The next event, once there is room for it. Both steps may be cut off without losing anything.
async fn next_event(
    events: &mut SelectAll<Cuttable>,
    outbox: &mpsc::Sender<Message>,
) -> Option<(mpsc::OwnedPermit<Message>, Arc<str>, Event)> {
    let permit = outbox.clone().reserve_owned().await.ok()?;
    let (name, event) = events.next().await?;
    Some((permit, name, event))
}

/// The span of an operation that has an end: a subscription has none.
fn operation_span(kind: OperationType, label: Option<&str>) -> Span {
    let kind = match kind {
        OperationType::Query => "query",
        OperationType::Mutation => "mutation",
        OperationType::Subscription => return Span::none(),
    };
    let mut span = Span::root(Kind::Server, format_args!("{kind}"), None);
    span.word("graphql.operation.type", kind);
    span.text("enterprise_todo.operation", label.unwrap_or("unknown"));
    span
}

fn ticker(every: Duration) -> tokio::time::Interval {
    let mut ticker = interval_at(Instant::now() + every, every);
    ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticker
}

fn goodbye_of(error: &std::io::Error) -> Option<Goodbye> {
    let text = error.to_string();
    if text.contains("too long") || text.contains("too big") {
        Some(Goodbye::TOO_LARGE)
    } else if error.kind() == std::io::ErrorKind::Other {
        Some(Goodbye::MALFORMED)
    } else {
        None
    }
}
