//! Users: the people of the user surface, their e-mail address and their sessions.

mod command;
mod common;
mod erasure;
mod error;
mod event;
mod expiry;
mod invitation;
mod password;
mod place;
mod profile;
mod roles;
#[cfg(test)]
mod spec;
#[cfg(test)]
mod spec_accounts;
#[cfg(test)]
mod spec_confirmation;
#[cfg(test)]
mod spec_erasure;
#[cfg(test)]
mod spec_expiry;
#[cfg(test)]
mod spec_places;
#[cfg(test)]
mod spec_roles;
mod suspension;
mod two_factor;
mod value;

use chrono::TimeDelta;
pub use command::{
    Acceptance, Invite, ProfileChange, Referrer, Register, SecuredToken, Session, UserCommand,
};
pub use error::UserError;
pub use event::{PasswordChange, Revocation, UserEvent};
pub use invitation::{Invitation, invitee};
pub use place::PLACES_MAX;
pub use roles::ROLES_MAX;
use serde::{Deserialize, Serialize};
pub use value::{
    EMAIL_BYTES_MAX, Email, FULLNAME_CHARS_MAX, Fullname, PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN, Password,
    USERNAME_CHARS_MAX, Username,
};

use crate::{
    BlindIndex, Claim, Issued, Root, Sealed, SessionId, TenantId, Timestamp, TokenHash, UserId,
    role::RoleRef,
    shared::hosted_by_cqrs_es,
    two_factor::{Fact, TwoFactor, TwoFactorCommand, TwoFactorError},
};

/// The most sessions one person may have open; the oldest goes when another is opened.
pub const SESSIONS_MAX: usize = 20;

/// How long a session lasts from the sign-in, however often it is refreshed: 30 days.
pub const SESSION_AGE_MAX_SECONDS: i64 = 30 * 24 * 60 * 60;

/// The scope in which e-mail addresses are unique.
pub const EMAIL: &str = "user.email";
/// The scope in which usernames are unique.
pub const USERNAME: &str = "user.username";
/// The scope in which pending verifications are found.
pub const VERIFICATION: &str = "user.verification";
/// The scope in which pending password resets are found.
pub const RESET: &str = "user.reset";
/// The scope in which pending invitations are found.
pub const INVITATION: &str = "user.invitation";
/// The scope in which a tenant invites an e-mail address once; see [`invitee`].
pub const INVITEE: &str = "user.invitee";
/// The scope in which referral codes are unique.
pub const REFERRAL: &str = "user.referral";

/// The most mails that strangers can have sent to one person in [`MAIL_WINDOW_SECONDS`].
pub const MAILS_MAX: usize = 5;
/// The time in which mails are counted: an hour.
pub const MAIL_WINDOW_SECONDS: i64 = 60 * 60;

/// A user's life.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum User {
    /// Nobody registered yet.
    #[default]
    Unwritten,
    /// A person.
    Registered(Box<Account>),
    /// Somebody who was asked to join.
    Invited(Box<Invitation>),
    /// Somebody was here.
    Erased,
}

/// What is known of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Where the person belongs.
    pub tenant: TenantId,
    /// Full name, sealed.
    pub fullname: Sealed,
    /// Username, sealed.
    pub username: Sealed,
    /// To look the username up.
    pub username_index: BlindIndex,
    /// E-mail address, sealed.
    pub email: Sealed,
    /// To look the e-mail address up.
    pub email_index: BlindIndex,
    /// The hash of the password, sealed.
    pub password: Sealed,
    /// What the person may do.
    pub roles: Vec<RoleRef>,
    /// What the person gives to friends.
    pub referral_code: String,
    /// Whether the e-mail address is verified.
    pub standing: Standing,
    /// Open sessions, oldest first.
    pub sessions: Vec<OpenSession>,
    /// When the person registered.
    pub created_at: Timestamp,
    /// The second factor.
    pub two_factor: TwoFactor,
    /// Who brought the person here.
    pub referrer: Option<UserId>,
    /// A password reset that was mailed.
    pub reset: Option<Pending>,
    /// When mails were sent that anybody can ask for, within [`MAIL_WINDOW_SECONDS`].
    pub mailed: Vec<Timestamp>,
    /// Where the person signed in from, sealed: the last [`PLACES_MAX`] networks.
    #[serde(default)]
    pub places: Vec<Sealed>,
}

/// A mailed token that was not used yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// The hash of the token.
    pub hash: TokenHash,
    /// Until when it works.
    pub expires_at: Timestamp,
}

impl Pending {
    /// Whether `token` is the one, and in time.
    pub fn fits(&self, token: &TokenHash, at: Timestamp) -> bool {
        self.hash == *token && at < self.expires_at
    }
}

/// Whether a person may sign in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// The e-mail address is not verified yet.
    Inactive {
        /// The hash of the token that was mailed; `None` once it has expired and was cleared away.
        verification: Option<TokenHash>,
        /// Until when it works.
        expires_at: Timestamp,
    },
    /// May sign in.
    Active,
    /// Is kept out.
    Suspended {
        /// What reinstating leads back to.
        before: Box<Standing>,
    },
}

/// A session that can be refreshed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenSession {
    /// The family of refresh tokens.
    pub id: SessionId,
    /// The hash of its current refresh token.
    pub refresh: TokenHash,
    /// Until when it can be refreshed.
    pub expires_at: Timestamp,
    /// When the person signed in.
    pub created_at: Timestamp,
    /// When it was refreshed last.
    pub last_used_at: Timestamp,
    /// When the person showed the password last: the sign-in, or later.
    pub confirmed_at: Timestamp,
}

impl OpenSession {
    /// When it ends for good.
    pub fn ends_at(&self) -> Timestamp {
        let age = TimeDelta::seconds(SESSION_AGE_MAX_SECONDS);
        self.created_at.checked_add_signed(age).unwrap_or(Timestamp::MAX_UTC)
    }

    /// Whether it can be refreshed at that moment.
    pub fn is_open(&self, at: Timestamp) -> bool {
        at < self.expires_at && at < self.ends_at()
    }
}

impl User {
    /// What is known of the person, once registered.
    pub fn account(&self) -> Option<&Account> {
        match self {
            Self::Unwritten | Self::Invited(_) | Self::Erased => None,
            Self::Registered(account) => Some(account),
        }
    }

    /// What is known of the person, as long as invited.
    pub fn invitation(&self) -> Option<&Invitation> {
        match self {
            Self::Unwritten | Self::Registered(_) | Self::Erased => None,
            Self::Invited(invitation) => Some(invitation),
        }
    }

    fn registered(&self) -> Result<&Account, UserError> {
        self.account().ok_or(UserError::NotFound)
    }

    fn register(&self, register: Register, at: Timestamp) -> Result<Vec<UserEvent>, UserError> {
        if *self != Self::Unwritten {
            return Err(UserError::AlreadyRegistered);
        }
        let referred = register.referrer.map(|by| UserEvent::Referred {
            referrer_tenant: by.tenant,
            referrer: by.user,
            at,
        });
        let registered = UserEvent::Registered {
            tenant: register.tenant,
            fullname: register.fullname,
            username: register.username,
            username_index: register.username_index,
            email: register.email,
            email_index: register.email_index,
            password: register.password,
            roles: register.roles,
            referral_code: register.referral_code,
            verification_hash: register.verification.hash,
            verification_token: register.verification.token,
            verification_expires_at: register.verification.expires_at,
            at,
        };
        Ok(std::iter::once(registered).chain(referred).collect())
    }

    fn verify_email(&self, token: &TokenHash, at: Timestamp) -> Result<Vec<UserEvent>, UserError> {
        match &self.registered().map_err(|_| UserError::TokenInvalid)?.standing {
            Standing::Inactive { verification: Some(verification), expires_at }
                if verification == token && at < *expires_at =>
            {
                Ok(vec![UserEvent::EmailVerified { at }])
            }
            Standing::Inactive { .. } | Standing::Active | Standing::Suspended { .. } => {
                Err(UserError::TokenInvalid)
            }
        }
    }

    fn sign_in(&self, session: Session, at: Timestamp) -> Result<Vec<UserEvent>, UserError> {
        let account = self.registered().map_err(|_| UserError::InvalidCredentials)?.may_act()?;
        if account.two_factor.is_bound() {
            return Err(UserError::TwoFactor(TwoFactorError::Required));
        }
        Ok(account.open(session, at))
    }

    /// A current token rotates. An old one means that somebody copied it: the family ends, and
    /// the caller finds the session gone.
    fn refresh(
        &self,
        shown: &TokenHash,
        session: Session,
        at: Timestamp,
    ) -> Result<Vec<UserEvent>, UserError> {
        let account = self.registered().map_err(|_| UserError::SessionInvalid)?;
        let Session { id, refresh, expires_at, .. } = session;
        match account.sessions.iter().find(|open| open.id == id) {
            Some(open) if open.refresh != *shown => {
                Ok(vec![UserEvent::SessionRevoked { session: id, reason: Revocation::TokenReused, at }])
            }
            Some(open) if open.is_open(at) => {
                let expires_at = expires_at.min(open.ends_at());
                Ok(vec![UserEvent::SessionRefreshed { session: id, refresh, expires_at, at }])
            }
            Some(_) | None => Err(UserError::SessionInvalid),
        }
    }
}

impl Root for User {
    type Intent = UserCommand;
    type Refusal = UserError;
    const SNAPSHOT_SCHEMA: i32 = 3;

    fn decide(&self, issued: Issued<UserCommand>) -> Result<Vec<UserEvent>, UserError> {
        let Issued { command, at, .. } = issued;
        match command {
            UserCommand::Register(register) => self.register(*register, at),
            UserCommand::VerifyEmail { token } => self.verify_email(&token, at),
            UserCommand::SignIn(session) => self.sign_in(session, at),
            UserCommand::Refresh { shown, session } => self.refresh(&shown, session, at),
            UserCommand::TwoFactor(TwoFactorCommand::Reset { grounds }) => self.reset_factor(grounds, at),
            UserCommand::TwoFactor(command) => self.second_factor(command, at),
            UserCommand::Confirm(shown) => self.confirm(&shown, at),
            UserCommand::RequestVerification(token) => self.request_verification(token, at),
            UserCommand::RequestReset(token) => self.request_reset(token, at),
            UserCommand::ResetPassword { token, password } => self.reset_password(&token, password, at),
            UserCommand::ChangePassword { checked, password } => self.change_password(&checked, password, at),
            UserCommand::UpdateProfile(change) => self.update_profile(change, at),
            UserCommand::EndSession(session) => self.end_session(session, at),
            UserCommand::EndSessions => self.end_sessions(at),
            UserCommand::Suspend => self.suspend(at),
            UserCommand::Reinstate => self.reinstate(at),
            UserCommand::Invite(invite) => self.invite(*invite, at),
            UserCommand::AcceptInvitation(acceptance) => self.accept_invitation(*acceptance, at),
            UserCommand::AssignRole(role) => self.assign_role(role, at),
            UserCommand::RevokeRole(role) => self.revoke_role(role, at),
            UserCommand::Erase => self.erase(at),
            UserCommand::ForgetTokens => Ok(self.forget_tokens(at)),
        }
    }

    fn evolve(&mut self, event: UserEvent) {
        match (&mut *self, event) {
            (
                _,
                UserEvent::Registered {
                    tenant,
                    fullname,
                    username,
                    username_index,
                    email,
                    email_index,
                    password,
                    roles,
                    referral_code,
                    verification_hash,
                    verification_expires_at,
                    at,
                    ..
                },
            ) => {
                *self = Self::Registered(Box::new(Account {
                    tenant,
                    fullname,
                    username,
                    username_index,
                    email,
                    email_index,
                    password,
                    roles,
                    referral_code,
                    standing: Standing::Inactive {
                        verification: Some(verification_hash),
                        expires_at: verification_expires_at,
                    },
                    sessions: Vec::new(),
                    created_at: at,
                    two_factor: TwoFactor::default(),
                    referrer: None,
                    reset: None,
                    mailed: Vec::new(),
                    places: Vec::new(),
                }));
            }
            (_, UserEvent::Erased { .. }) => *self = Self::Erased,
            (Self::Erased, _) => {}
            (Self::Registered(account), event) => account.evolve(event),
            (state @ (Self::Unwritten | Self::Invited(_)), event) => state.evolve_invitation(event),
        }
    }

    fn claims(&self) -> Vec<Claim> {
        match self {
            Self::Unwritten | Self::Erased => Vec::new(),
            Self::Registered(account) => account.claims(),
            Self::Invited(invitation) => invitation.claims(),
        }
    }

    fn taken(claim: &Claim) -> UserError {
        match claim.scope {
            USERNAME => UserError::UsernameTaken,
            REFERRAL => UserError::ReferralCodeTaken,
            INVITEE => UserError::AlreadyInvited,
            _ => UserError::EmailTaken,
        }
    }
}

impl Account {
    /// A session is opened; the oldest ones make room.
    fn open(&self, session: Session, at: Timestamp) -> Vec<UserEvent> {
        // What has expired makes room by itself.
        let open = || self.sessions.iter().filter(move |session| session.is_open(at));
        let surplus = open().count().saturating_add(1).saturating_sub(SESSIONS_MAX);
        let mut events: Vec<UserEvent> = open()
            .take(surplus)
            .map(|oldest| UserEvent::SessionRevoked { session: oldest.id, reason: Revocation::TooMany, at })
            .collect();
        let Session { id, refresh, expires_at, place } = session;
        let strange = place.as_ref().is_some_and(|place| self.is_strange(place));
        events.push(UserEvent::SignedIn { session: id, refresh, expires_at, place, strange, at });
        events
    }

    fn claims(&self) -> Vec<Claim> {
        let mut claims = vec![
            Claim::new(EMAIL, self.email_index.as_str()),
            Claim::new(USERNAME, self.username_index.as_str()),
            Claim::new(REFERRAL, self.referral_code.as_str()),
        ];
        claims.extend(self.standing.verification().map(|hash| Claim::new(VERIFICATION, hash.as_str())));
        claims.extend(self.reset.as_ref().map(|reset| Claim::new(RESET, reset.hash.as_str())));
        claims
    }

    fn evolve(&mut self, event: UserEvent) {
        match event {
            UserEvent::Registered { .. }
            | UserEvent::Invited { .. }
            | UserEvent::InvitationAccepted { .. }
            | UserEvent::Erased { .. } => {}
            UserEvent::TokensExpired { at } => self.forget_expired(at),
            UserEvent::EmailVerified { .. } => self.standing = Standing::Active,
            UserEvent::SignedIn { session, refresh, expires_at, place, at, .. } => {
                self.came_from(place);
                let (created_at, last_used_at) = (at, at);
                self.sessions.retain(|session| session.is_open(at));
                self.sessions.push(OpenSession {
                    id: session,
                    refresh,
                    expires_at,
                    created_at,
                    last_used_at,
                    confirmed_at: at,
                });
            }
            UserEvent::SessionRefreshed { session, refresh, expires_at, at } => {
                if let Some(open) = self.sessions.iter_mut().find(|open| open.id == session) {
                    open.refresh = refresh;
                    open.expires_at = expires_at;
                    open.last_used_at = at;
                }
            }
            UserEvent::SessionConfirmed { session, factor, at } => {
                self.confirmed(session, factor.as_ref(), at);
            }
            UserEvent::Referred { referrer, .. } => self.referrer = Some(referrer),
            UserEvent::VerificationRequested { verification_hash, verification_expires_at, at, .. } => {
                password::note_mail(&mut self.mailed, at);
                self.standing = Standing::Inactive {
                    verification: Some(verification_hash),
                    expires_at: verification_expires_at,
                };
            }
            UserEvent::PasswordResetRequested { reset_hash, expires_at, at, .. } => {
                password::note_mail(&mut self.mailed, at);
                self.reset = Some(Pending { hash: reset_hash, expires_at });
            }
            UserEvent::PasswordChanged { password, .. } => {
                self.password = password;
                self.reset = None;
                self.two_factor.close_challenges();
            }
            UserEvent::Renamed { fullname, .. } => self.fullname = fullname,
            UserEvent::UsernameChanged { username, username_index, .. } => {
                self.username = username;
                self.username_index = username_index;
            }
            UserEvent::Suspended { .. } => self.suspended(),
            UserEvent::RoleAssigned { role, .. } => self.roles.push(role),
            UserEvent::RoleRevoked { role, .. } => self.roles.retain(|held| *held != role),
            UserEvent::Reinstated { .. } => self.reinstated(),
            UserEvent::SessionRevoked { session, .. } => self.sessions.retain(|open| open.id != session),
            UserEvent::TwoFactorGenerated(it) => self.two_factor.evolve(Fact::Generated(it)),
            UserEvent::TwoFactorBound(it) => self.two_factor.evolve(Fact::Bound(it)),
            UserEvent::TwoFactorUnbound(it) => self.two_factor.evolve(Fact::Unbound(it)),
            UserEvent::TwoFactorReset(it) => self.two_factor.evolve(Fact::Reset(it)),
            UserEvent::TwoFactorChallenged(it) => self.two_factor.evolve(Fact::Challenged(it)),
            UserEvent::TwoFactorPassed(it) => self.two_factor.evolve(Fact::Passed(it)),
            UserEvent::TwoFactorRefused(it) => self.two_factor.evolve(Fact::Refused(it)),
        }
    }
}

hosted_by_cqrs_es!(User, UserCommand, UserEvent, UserError, "user");
