//! One operation on a socket, as the messages it makes.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use application::trace::{self, Span};
use async_graphql::{Executor, Request, Response as Answer, Value, parser::types::OperationType};
use futures_util::{
    Stream, StreamExt,
    stream::{self, BoxStream},
};

use super::protocol;
use crate::{
    RequestId,
    context::Asked,
    http::{Payload, panicked, request_failed, timed_out, whole_request_failed},
    request_id::CURRENT,
};

/// What an operation has to say.
pub(super) enum Event {
    /// A message, with more to come, and the span that ends when it leaves.
    More(String, Span),
    /// The last message.
    Last(String),
}

/// What an operation is made of.
pub(super) struct Operation {
    /// The client's id of it.
    pub(super) name: Arc<str>,
    /// Our id of it.
    pub(super) id: RequestId,
    pub(super) kind: OperationType,
    pub(super) asked: Arc<Asked>,
    /// The longest a query or mutation runs.
    pub(super) execution: Duration,
    /// The trace of a query or mutation; what a subscription delivers is in the trace that led to it.
    pub(super) span: Span,
}

struct Running {
    operation: Operation,
    answers: BoxStream<'static, Result<Answer, Box<dyn std::any::Any + Send>>>,
    first: bool,
    over: bool,
}

impl Operation {
    /// Runs it. Dropping the stream cuts it off.
    pub(super) fn run<X: Executor>(
        self,
        schema: &X,
        request: Request,
    ) -> impl Stream<Item = (Arc<str>, Event)> + use<X> {
        let answers = AssertUnwindSafe(schema.execute_stream(request, None)).catch_unwind().boxed();
        let running = Running { operation: self, answers, first: true, over: false };
        stream::unfold(running, |mut running| async move {
            if running.over {
                return None;
            }
            let event = running.next().await;
            running.over = matches!(event, Event::Last(_));
            let name = Arc::clone(&running.operation.name);
            Some(((name, event), running))
        })
    }
}

impl Running {
    async fn next(&mut self) -> Event {
        let (id, place) = (self.operation.id.clone(), self.operation.span.place());
        trace::within(place, CURRENT.scope(id, self.answered())).await
    }

    async fn answered(&mut self) -> Event {
        let answer = match self.operation.kind {
            OperationType::Subscription => self.answers.next().await,
            OperationType::Query | OperationType::Mutation => {
                let answer = tokio::time::timeout(self.operation.execution, self.answers.next()).await;
                match answer {
                    Ok(answer) => answer,
                    Err(_) => return self.fell(whole_request_failed(&timed_out(), &self.operation.id)),
                }
            }
        };
        match answer {
            Some(Ok(answer)) => self.said(answer),
            Some(Err(panic)) => {
                let problem = panicked(&*panic, &self.operation.id);
                self.fell(whole_request_failed(&problem, &self.operation.id))
            }
            None => Event::Last(protocol::complete(&self.operation.name)),
        }
    }

    /// An answer. A first one that is nothing but errors means that the operation never began:
    /// that is an `error` of the protocol, which ends it. Later ones are part of the stream.
    fn said(&mut self, mut answer: Answer) -> Event {
        let subscription = self.operation.kind == OperationType::Subscription;
        let nothing = answer.data == Value::Null && !answer.errors.is_empty();
        if self.first && (request_failed(&answer) || (subscription && nothing)) {
            return self.fell(answer);
        }
        self.first = false;
        let payload = Payload::of(&mut answer, &self.operation.asked, self.operation.id.as_str());
        Event::More(protocol::next(&self.operation.name, payload), self.operation.asked.delivery())
    }

    fn fell(&self, mut answer: Answer) -> Event {
        // Builds the payload for its masking; only the errors go out.
        let _ = Payload::of(&mut answer, &self.operation.asked, self.operation.id.as_str());
        Event::Last(protocol::error(&self.operation.name, &answer.errors))
    }
}

/// Ends when its handle says so, in the middle of whatever it waits for.
pub(super) type Cuttable = stream::Abortable<BoxStream<'static, (Arc<str>, Event)>>;

/// An operation that a client can cut off.
pub(super) fn cuttable(
    events: impl Stream<Item = (Arc<str>, Event)> + Send + 'static,
) -> (Cuttable, stream::AbortHandle) {
    let (handle, registration) = stream::AbortHandle::new_pair();
    (stream::Abortable::new(events.boxed(), registration), handle)
}
