//! Operators of the portal.

use std::sync::Arc;

use domain::{OperatorId, SessionId, StreamId, operator::OperatorRole};

use super::{NotAdmitted, Standings, away};
use crate::Caller;

/// What the stream says of an operator.
pub(super) struct Standing {
    sessions: Vec<SessionId>,
    role: OperatorRole,
}

impl Standings {
    pub(super) async fn admit_operator(
        &self,
        caller: Caller,
        operator: OperatorId,
        session: SessionId,
    ) -> Result<Caller, NotAdmitted> {
        let stream = StreamId::global(operator.0);
        let remembered = self.0.operators.get(&stream).filter(|it| it.sessions.contains(&session));
        let standing = match remembered {
            Some(standing) => standing,
            None => self.ask_operator(stream).await?,
        };
        if standing.sessions.contains(&session) {
            Ok(caller.with_operator_role(standing.role))
        } else {
            Err(NotAdmitted::Ended)
        }
    }

    async fn ask_operator(&self, stream: StreamId) -> Result<Arc<Standing>, NotAdmitted> {
        let asking = self.0.operators.asking();
        let (_, operator) = self.0.app.operators.load(&stream).await.map_err(away)?;
        let now = self.0.app.clock.now();
        let standing = Arc::new(match operator.badge() {
            Some(badge) => Standing { sessions: badge.sessions(now).collect(), role: badge.role },
            None => Standing { sessions: Vec::new(), role: OperatorRole::Support },
        });
        self.0.operators.remember(asking, stream, &standing);
        Ok(standing)
    }
}
