//! What a mail about an operator says: about one's safety, and nothing else.

use domain::{StreamId, operator::OperatorEvent};

use crate::{
    jobs::{JobFailure, Jobs},
    mail::Notice,
    user::{Addressed, unwritten},
};

impl Jobs {
    /// The letter about `event` of this operator; `None` when there is nothing to say any more.
    pub(crate) async fn operator_letter(
        &self,
        stream: &StreamId,
        event: &OperatorEvent,
    ) -> Result<Option<Addressed>, JobFailure> {
        let id = stream.own().ok_or_else(|| JobFailure::Never("the stream is not an operator's".into()))?;
        let (notice, at) = match event {
            OperatorEvent::PasswordChanged { at, .. } => (Notice::PortalPasswordChanged, *at),
            OperatorEvent::TwoFactorBound(bound) => (Notice::SecondFactorBound, bound.at),
            OperatorEvent::TwoFactorUnbound(unbound) => (Notice::SecondFactorUnbound, unbound.at),
            OperatorEvent::TwoFactorReset(reset) => (Notice::SecondFactorReset, reset.at),
            _ => return Err(unwritten()),
        };
        let loaded = self.operators.load_cached(stream).await;
        let (_, state) = loaded.map_err(|failure| JobFailure::Again(failure.into()))?;
        let Some(badge) = state.badge() else { return Ok(None) };
        self.notice(id, (&badge.fullname, &badge.email), notice, at).await
    }
}
