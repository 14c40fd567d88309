//! People of the user surface.

use std::{collections::BTreeSet, sync::Arc};

use domain::{
    SessionId, StreamId,
    role::{Permission, RoleRef},
    user,
};

use super::{NotAdmitted, Standings, away};
use crate::{Caller, Member};

/// What the streams say of a person.
pub(super) struct Standing {
    /// Whether the person may act at all.
    pub(super) open: bool,
    sessions: Vec<SessionId>,
    pub(super) permissions: Vec<Permission>,
}

impl Standings {
    pub(super) async fn admit_member(
        &self,
        caller: Caller,
        member: Member,
        session: SessionId,
    ) -> Result<Caller, NotAdmitted> {
        let standing = self.member(member, |it| it.sessions.contains(&session)).await?;
        if standing.sessions.contains(&session) {
            Ok(caller.with_permissions(&standing.permissions))
        } else {
            Err(NotAdmitted::Ended)
        }
    }

    /// What is remembered of a person, when it says yes; or else what the streams say.
    pub(super) async fn member(
        &self,
        member: Member,
        says_yes: impl Fn(&Standing) -> bool + Send,
    ) -> Result<Arc<Standing>, NotAdmitted> {
        let stream = StreamId::within(member.tenant, member.user.0);
        match self.0.members.get(&stream).filter(|it| says_yes(it)) {
            Some(standing) => Ok(standing),
            None => self.ask_member(member, stream).await,
        }
    }

    async fn ask_member(&self, member: Member, stream: StreamId) -> Result<Arc<Standing>, NotAdmitted> {
        let app = &self.0.app;
        let asking = self.0.members.asking();
        let (_, user) = app.users.load(&stream).await.map_err(away)?;
        let (_, tenant) = app.tenants.load(&StreamId::global(member.tenant.0)).await.map_err(away)?;
        let active = user.account().filter(|account| account.standing == user::Standing::Active);
        let standing = match active {
            Some(account) if !tenant.is_suspended() => Standing {
                open: true,
                sessions: account.sessions.iter().map(|open| open.id).collect(),
                permissions: app.permissions_of(member, &account.roles).await.map_err(away)?,
            },
            Some(_) | None => Standing { open: false, sessions: Vec::new(), permissions: Vec::new() },
        };
        let standing = Arc::new(standing);
        self.0.members.remember(asking, stream, &standing);
        Ok(standing)
    }
}

impl crate::App {
    /// What these roles allow in a tenant now. A role that is gone allows nothing.
    pub(crate) async fn permissions_of(
        &self,
        member: Member,
        roles: &[RoleRef],
    ) -> Result<Vec<Permission>, crate::Failure<domain::role::RoleError>> {
        let mut permissions = BTreeSet::new();
        for role in roles {
            match role {
                RoleRef::System(role) => permissions.extend(role.permissions()),
                RoleRef::Custom(id) => {
                    let (_, role) = self.roles.load(&StreamId::within(member.tenant, id.0)).await?;
                    permissions.extend(role.defined().iter().flat_map(|sheet| &sheet.permissions));
                }
            }
        }
        Ok(permissions.into_iter().collect())
    }
}
