//! From a cause to a mail that left, once.

use cqrs_es::Aggregate;
use domain::{StreamId, operator::Operator, user::User};
use serde::de::DeserializeOwned;

use super::{Mail, MailError, Mailer, MessageId};
use crate::{
    BoxError,
    jobs::{Cause, JobFailure, Jobs, NewJob},
    meter,
    ports::LogError,
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
        let stream = StreamId::stored(cause.stream.clone());
        let Some(Addressed { email, name, letter }) = self.addressed(&stream, cause.sequence).await? else {
            return Ok(());
        };
        let mail = Mail::new(id, &email, &name, &letter, self.clock.now());
        let mail = mail.map_err(|error| JobFailure::Never(error.into()))?;
        send(mailer.as_ref(), &mail).await?;
        // The mail is out. When this cannot be written, the next try sends it again, under the
        // same id: better twice than never.
        self.sent.record(&mail.id).await.map_err(JobFailure::Again)
    }

    /// People live in tenants, and operators above them: that tells their streams apart.
    async fn addressed(&self, stream: &StreamId, sequence: i64) -> Result<Option<Addressed>, JobFailure> {
        if stream.tenant().is_some() {
            self.letter(stream, &self.caused_by::<User>(stream, sequence).await?).await
        } else {
            self.operator_letter(stream, &self.caused_by::<Operator>(stream, sequence).await?).await
        }
    }

    /// The event itself, in today's shape.
    async fn caused_by<A: Aggregate>(&self, stream: &StreamId, sequence: i64) -> Result<A::Event, JobFailure>
    where
        A::Event: DeserializeOwned,
    {
        let events = self.log.events(A::TYPE, stream, sequence - 1).await;
        let stored = events.map_err(failure)?.into_iter().next();
        let stored = stored.ok_or_else(|| JobFailure::Never("the cause is not in the log".into()))?;
        let stored = domain::upcast(&domain::upcasters(), stored);
        serde_json::from_value(stored.payload).map_err(|error| JobFailure::Never(error.into()))
    }
}

async fn send(mailer: &dyn Mailer, mail: &Mail) -> Result<(), JobFailure> {
    let sent = mailer.send(mail).await;
    let outcome = match &sent {
        Ok(()) => "sent",
        Err(MailError::Later(_)) => "later",
        Err(MailError::Refused(_)) => "refused",
    };
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
