//! From a cause to a mail that left, once.

use std::time::Instant;

use cqrs_es::{Aggregate, persist::SerializedEvent};
use domain::{StreamId, operator::Operator, user::User};
use serde::de::DeserializeOwned;

use super::{Mail, MailError, Mailer, MessageId};
use crate::{
    BoxError,
    jobs::{Cause, EMAIL, JobFailure, Jobs, NewJob},
    meter,
    ports::LogError,
    trace::{Incoming, Kind, Place, Span},
    user::Addressed,
};

impl Jobs {
    /// Sends the mail that the job `name` is to send about `cause`. Once the person was erased, the
    /// link has expired, or the news is old, there is nothing to send.
    pub(crate) async fn mail(&self, name: &'static str, cause: &Cause) -> Result<(), JobFailure> {
        let Some(mailer) = &self.mailer else {
            return Err(JobFailure::Again("mail is off in this process".into()));
        };
        let id = MessageId::of_job(&NewJob::key_of(name, &cause.key()));
        if self.sent.left(&id).await.map_err(JobFailure::Again)? {
            return Ok(());
        }
        let begun = Instant::now();
        let stream = StreamId::stored(cause.stream.clone());
        let (event, place) = self.caused_by(&stream, cause.sequence).await?;
        let mut span = Span::child_of(place, Kind::Consumer, format_args!("process {name}")).since(begun);
        span.word("messaging.system", "graphile_worker");
        span.word("messaging.operation.type", "process");
        span.word("messaging.destination.name", EMAIL.name);
        let done = span.scope(self.deliver(mailer.as_ref(), id, &stream, event)).await;
        if let Err(failure) = &done {
            span.fail(match failure {
                JobFailure::Again(_) => "again",
                JobFailure::Never(_) => "never",
            });
        }
        done
    }

    async fn deliver(
        &self,
        mailer: &dyn Mailer,
        id: MessageId,
        stream: &StreamId,
        event: SerializedEvent,
    ) -> Result<(), JobFailure> {
        let Some(Addressed { email, name, letter }) = self.addressed(stream, event).await? else {
            return Ok(());
        };
        let mail = Mail::new(id, &email, &name, &letter, self.clock.now());
        let mail = mail.map_err(|error| JobFailure::Never(error.into()))?;
        send(mailer, &mail).await?;
        // The mail is out. When this cannot be written, the next try sends it again, under the
        // same id: better twice than never.
        self.sent.record(&mail.id).await.map_err(JobFailure::Again)
    }

    /// People live in tenants, and operators above them: that tells their streams apart.
    async fn addressed(
        &self,
        stream: &StreamId,
        event: SerializedEvent,
    ) -> Result<Option<Addressed>, JobFailure> {
        if is_of_people(stream) {
            self.letter(stream, &read::<User>(event)?).await
        } else {
            self.operator_letter(stream, &read::<Operator>(event)?).await
        }
    }

    /// The event itself, in today's shape, and the span that led to it.
    async fn caused_by(
        &self,
        stream: &StreamId,
        sequence: i64,
    ) -> Result<(SerializedEvent, Option<Place>), JobFailure> {
        let aggregate_type = if is_of_people(stream) { User::TYPE } else { Operator::TYPE };
        let events = self.log.events(aggregate_type, stream, sequence - 1).await;
        let stored = events.map_err(failure)?.into_iter().next();
        let stored = stored.ok_or_else(|| JobFailure::Never("the cause is not in the log".into()))?;
        let place = stored.metadata.get("traceparent").and_then(|text| Incoming::read(text.as_str()?));
        let place = place.filter(|incoming| incoming.sampled).map(|incoming| incoming.place);
        Ok((domain::upcast(&domain::upcasters(), stored), place))
    }
}

fn is_of_people(stream: &StreamId) -> bool {
    stream.tenant().is_some()
}

fn read<A: Aggregate>(event: SerializedEvent) -> Result<A::Event, JobFailure>
where
    A::Event: DeserializeOwned,
{
    serde_json::from_value(event.payload).map_err(|error| JobFailure::Never(error.into()))
}

async fn send(mailer: &dyn Mailer, mail: &Mail) -> Result<(), JobFailure> {
    let mut span = Span::child(Kind::Client, format_args!("send mail"));
    let sent = span.scope(mailer.send(mail)).await;
    let outcome = match &sent {
        Ok(()) => "sent",
        Err(MailError::Later(_)) => "later",
        Err(MailError::Refused(_)) => "refused",
    };
    span.word("enterprise_todo.outcome", outcome);
    if sent.is_err() {
        span.fail(outcome);
    }
    meter::MAILS.add(1, [outcome]);
    sent.map_err(|error| match error {
        MailError::Later(_) => JobFailure::Again(error.into()),
        MailError::Refused(_) => JobFailure::Never(error.into()),
    })
}

fn failure(error: LogError) -> JobFailure {
    match error {
        LogError::Unavailable(_) => JobFailure::Again(BoxError::from(error)),
        LogError::Broken(_) | LogError::KeyReused => JobFailure::Never(error.into()),
    }
}
