//! Somebody who was asked to join a tenant.
//!
//! An invitation does not claim the e-mail address among all users: otherwise whoever invites an
//! address could keep its owner from registering. The address is claimed when it is followed.

use serde::{Deserialize, Serialize};

use super::{
    Acceptance, Account, INVITATION, INVITEE, Invite, Pending, Standing, User, UserError, UserEvent,
    password::{may_mail, note_mail},
};
use crate::{BlindIndex, Claim, Sealed, TenantId, Timestamp, UserId, role::RoleRef, two_factor::TwoFactor};

/// What is known of somebody who was invited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// Where the person is to belong.
    pub tenant: TenantId,
    /// Who of the tenant invited last; nobody, when an operator did.
    pub by: Option<UserId>,
    /// Full name, sealed.
    pub fullname: Sealed,
    /// E-mail address, sealed.
    pub email: Sealed,
    /// To look the e-mail address up.
    pub email_index: BlindIndex,
    /// What the person will be allowed to do.
    pub roles: Vec<RoleRef>,
    /// What the invitation is followed with; `None` once it was withdrawn.
    pub pending: Option<Pending>,
    /// When the person was first invited.
    pub created_at: Timestamp,
    /// When invitations were mailed lately.
    pub mailed: Vec<Timestamp>,
}

/// A tenant's claim on inviting an e-mail address.
pub fn invitee(tenant: TenantId, email: &BlindIndex) -> Claim {
    Claim::new(INVITEE, format!("{tenant}/{}", email.as_str()))
}

impl User {
    /// Somebody who has an account cannot be invited; a second invitation replaces the first.
    pub(super) fn invite(&self, invite: Invite, at: Timestamp) -> Result<Vec<UserEvent>, UserError> {
        match self {
            // An erased person is a stranger with another id.
            Self::Erased => return Err(UserError::NotFound),
            Self::Registered(_) => return Err(UserError::EmailTaken),
            Self::Invited(invitation) if !may_mail(&invitation.mailed, at) => {
                return Err(UserError::AlreadyInvited);
            }
            Self::Unwritten | Self::Invited(_) => {}
        }
        Ok(vec![UserEvent::Invited {
            tenant: invite.tenant,
            by: invite.by,
            fullname: invite.fullname,
            email: invite.email,
            email_index: invite.email_index,
            roles: invite.roles,
            invitation_hash: invite.invitation.hash,
            invitation_token: invite.invitation.token,
            invitation_expires_at: invite.invitation.expires_at,
            at,
        }])
    }

    pub(super) fn accept_invitation(
        &self,
        acceptance: Acceptance,
        at: Timestamp,
    ) -> Result<Vec<UserEvent>, UserError> {
        let invitation = self.invitation().ok_or(UserError::TokenInvalid)?;
        if !invitation.pending.as_ref().is_some_and(|pending| pending.fits(&acceptance.token, at)) {
            return Err(UserError::TokenInvalid);
        }
        Ok(vec![UserEvent::InvitationAccepted {
            fullname: acceptance.fullname.unwrap_or_else(|| invitation.fullname.clone()),
            username: acceptance.username,
            username_index: acceptance.username_index,
            password: acceptance.password,
            referral_code: acceptance.referral_code,
            at,
        }])
    }

    /// Events of somebody without an account. Others cannot be written; reading them changes nothing.
    pub(super) fn evolve_invitation(&mut self, event: UserEvent) {
        match (&mut *self, event) {
            (state, event @ UserEvent::Invited { .. }) => {
                if let Some(invitation) = Invitation::after(state.invitation(), event) {
                    *state = Self::Invited(Box::new(invitation));
                }
            }
            (Self::Invited(invitation), UserEvent::Suspended { .. } | UserEvent::TokensExpired { .. }) => {
                invitation.pending = None;
            }
            (Self::Invited(invitation), event @ UserEvent::InvitationAccepted { .. }) => {
                if let Some(account) = invitation.accepted(event) {
                    *self = Self::Registered(Box::new(account));
                }
            }
            (
                Self::Unwritten | Self::Registered(_) | Self::Invited(_) | Self::Erased,
                UserEvent::Registered { .. }
                | UserEvent::EmailVerified { .. }
                | UserEvent::SignedIn { .. }
                | UserEvent::SessionRefreshed { .. }
                | UserEvent::SessionRevoked { .. }
                | UserEvent::Referred { .. }
                | UserEvent::VerificationRequested { .. }
                | UserEvent::PasswordResetRequested { .. }
                | UserEvent::PasswordChanged { .. }
                | UserEvent::Renamed { .. }
                | UserEvent::UsernameChanged { .. }
                | UserEvent::Suspended { .. }
                | UserEvent::Reinstated { .. }
                | UserEvent::InvitationAccepted { .. }
                | UserEvent::RoleAssigned { .. }
                | UserEvent::RoleRevoked { .. }
                | UserEvent::Erased { .. }
                | UserEvent::TokensExpired { .. }
                | UserEvent::TwoFactorGenerated(_)
                | UserEvent::TwoFactorBound(_)
                | UserEvent::TwoFactorUnbound(_)
                | UserEvent::TwoFactorReset(_)
                | UserEvent::SessionConfirmed { .. }
                | UserEvent::TwoFactorChallenged(_)
                | UserEvent::TwoFactorPassed(_)
                | UserEvent::TwoFactorRefused(_),
            ) => {}
        }
    }
}

impl Invitation {
    /// The invitation that an event made, given the one before.
    fn after(known: Option<&Self>, event: UserEvent) -> Option<Self> {
        let UserEvent::Invited {
            tenant,
            by,
            fullname,
            email,
            email_index,
            roles,
            invitation_hash,
            invitation_expires_at,
            at,
            ..
        } = event
        else {
            return None;
        };
        let created_at = known.map_or(at, |known| known.created_at);
        let mut mailed = known.map(|known| known.mailed.clone()).unwrap_or_default();
        note_mail(&mut mailed, at);
        let pending = Some(Pending { hash: invitation_hash, expires_at: invitation_expires_at });
        Some(Self { tenant, by, fullname, email, email_index, roles, pending, created_at, mailed })
    }

    /// The account that following it made.
    fn accepted(&self, event: UserEvent) -> Option<Account> {
        let UserEvent::InvitationAccepted {
            fullname, username, username_index, password, referral_code, ..
        } = event
        else {
            return None;
        };
        Some(Account {
            tenant: self.tenant,
            fullname,
            username,
            username_index,
            email: self.email.clone(),
            email_index: self.email_index.clone(),
            password,
            roles: self.roles.clone(),
            referral_code,
            standing: Standing::Active,
            sessions: Vec::new(),
            created_at: self.created_at,
            referrer: None,
            reset: None,
            mailed: Vec::new(),
            places: Vec::new(),
            two_factor: TwoFactor::default(),
        })
    }

    pub(super) fn claims(&self) -> Vec<Claim> {
        let pending = self.pending.as_ref().map(|pending| Claim::new(INVITATION, pending.hash.as_str()));
        std::iter::once(invitee(self.tenant, &self.email_index)).chain(pending).collect()
    }
}
