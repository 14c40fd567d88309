//! How a person becomes a user.

use std::time::Duration;

use domain::{
    Issued, SessionId, StreamId, TenantId, Timestamp, UserId,
    role::SystemRole,
    tag::Slug,
    tenant::{self, Naming, Tenant, TenantCommand, TenantError, TenantName},
    user::{
        self, Email, Fullname, Password, Referrer, SecuredToken, User, UserCommand, UserError, Username,
        VERIFICATION,
    },
};
use serde::Serialize;
use uuid::Uuid;

use super::PersonRow;
use crate::{
    Access, Aggregates, App, Caller, Command, Committed, Failure, Handle, Member, Order, Outcome, Terms,
    aggregates::Decision,
    bus::Done,
    order::{idempotency_of, metadata},
    ports::{
        AppendError, Cursor, IdempotencyKey, Unit, Vault, VaultError, Visibility, fresh_token, hash_token,
    },
};

/// How often a new tenant's slug or a referral code is drawn anew when it is taken.
pub(super) const DRAWS_MAX: usize = 8;
/// The longest referral code that is looked up, in bytes.
const CODE_BYTES_MAX: usize = 16;

/// A person's own words, parsed.
#[derive(Debug, Clone)]
pub struct Person {
    /// Full name.
    pub fullname: Fullname,
    /// Username.
    pub username: Username,
    /// E-mail address.
    pub email: Email,
    /// Password.
    pub password: Password,
}

// For the hash of an idempotency key. Without the password: a stored hash of it could be guessed.
impl Serialize for Person {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.fullname.as_str(), self.username.as_str(), self.email.as_str()).serialize(serializer)
    }
}

/// Makes a tenant with a person as its Owner.
#[derive(Debug, Clone, Serialize)]
pub struct Register {
    /// Who.
    pub person: Person,
    /// What the tenant is called; by default like the person.
    pub tenant_name: Option<TenantName>,
    /// From a friend. An unknown one is as good as none.
    pub referral_code: Option<String>,
}

/// Adds a person to a tenant, e-mail verified: for seeds.
#[derive(Debug, Clone, Serialize)]
pub struct AddPerson {
    /// Who.
    pub person: Person,
    /// To which tenant.
    pub tenant: TenantId,
    /// As what.
    pub role: SystemRole,
}

/// Shows that an e-mail address is one's own.
#[derive(Debug, Clone, Serialize)]
pub struct VerifyEmail {
    /// The token from the mail.
    pub token: String,
}

/// A person after a change.
#[derive(Debug, Clone)]
pub struct PersonChanged {
    /// The person.
    pub person: PersonRow,
    /// One up per event.
    pub version: i64,
    /// The place of the last event.
    pub cursor: Cursor,
    /// Whether the read models show it.
    pub visibility: Visibility,
}

impl Done for PersonChanged {
    fn cursor(&self) -> Option<Cursor> {
        Some(self.cursor)
    }
    fn seen(&mut self, visibility: Visibility) {
        self.visibility = visibility;
    }
}

macro_rules! user_command {
    ($command:ident -> $output:ty, $name:literal, $access:expr, [$($model:ident),*]) => {
        impl $crate::Command for $command {
            type Output = $output;
            type Rejection = domain::user::UserError;
            const NAME: &'static str = $name;
            const ACCESS: $crate::Access = $access;
            const SHOWN_IN: &'static [$crate::ports::ReadModel] = &[$($crate::ports::ReadModel::$model),*];
        }
    };
}
pub(super) use user_command;
user_command!(Register -> PersonChanged, "user.register", Access::Public, [People, Referrals]);
user_command!(AddPerson -> PersonChanged, "user.add", Access::System, [People]);
user_command!(VerifyEmail -> Committed<User>, "user.verify_email", Access::Public, [People]);

impl Handle<Register> for App {
    async fn handle(&self, caller: &Caller, register: Register, terms: Terms) -> Outcome<Register> {
        let key = self.register_key(&register, &terms).await?;
        if let Some(key) = &key
            && let Some(receipt) = self.log.receipt(key).await.map_err(crate::aggregates::broken)?
        {
            let done = self.users.as_received(receipt).await?;
            return self.person_changed(done).await;
        }
        let tenant = TenantId(self.entropy.id());
        let user = UserId(self.entropy.id());
        let at = self.clock.now();
        let (mut enrolment, _) = self.enrol(&register.person, tenant, user, SystemRole::Owner, at).await?;
        enrolment.referrer = self.referrer(register.referral_code.as_deref()).await?;
        let naming = match &register.tenant_name {
            Some(name) => Naming::Given(name.clone()),
            None => Naming::After(user),
        };
        let metadata = metadata(caller, Register::NAME).map_err(Failure::Internal)?;
        let mut slugs_taken = 0;
        for _ in 0..DRAWS_MAX {
            let slug = self.tenant_slug(&naming, slugs_taken);
            let founding: Decision<Tenant> = Aggregates::<Tenant>::found(
                StreamId::global(tenant.0),
                Issued {
                    command: TenantCommand::Create { naming: naming.clone(), slug },
                    by: caller.actor,
                    at,
                },
            )
            .map_err(|failure| failure.map(UserError::Tenant))?;
            let joining: Decision<User> = Aggregates::<User>::found(
                StreamId::within(tenant, user.0),
                Issued { command: UserCommand::Register(Box::new(enrolment.clone())), by: caller.actor, at },
            )?;
            // The user first: the receipt of the client's key names the first stream.
            let appends = vec![joining.append.clone(), founding.append.clone()];
            match self.log.append(Unit { appends, key: key.clone(), metadata: metadata.clone() }).await {
                Ok(appended) => {
                    self.tenants.committed(founding, None, appended.cursor);
                    let done = self.users.committed(joining, None, appended.cursor);
                    return self.person_changed(done).await;
                }
                Err(AppendError::Taken(claim)) if claim.scope == tenant::SLUG => slugs_taken += 1,
                Err(AppendError::Taken(claim)) if claim.scope == user::REFERRAL => {
                    enrolment.referral_code = self.referral_code();
                }
                Err(AppendError::Duplicate(receipt)) => {
                    let done = self.users.as_received(receipt).await?;
                    return self.person_changed(done).await;
                }
                Err(error) => return Err(Aggregates::<User>::refused(error)),
            }
        }
        Err(Failure::Rejected(UserError::Tenant(TenantError::SlugTaken)))
    }
}

impl Handle<AddPerson> for App {
    async fn handle(&self, caller: &Caller, add: AddPerson, terms: Terms) -> Outcome<AddPerson> {
        let AddPerson { person, tenant, role } = add;
        let user = UserId(self.entropy.id());
        let at = self.clock.now();
        let (mut enrolment, token) = self.enrol(&person, tenant, user, role, at).await?;
        let stream = StreamId::within(tenant, user.0);
        let name = AddPerson::NAME;
        let order =
            |intent| Order { stream: stream.clone(), intent, caller, name, terms: &terms, key: None, at };
        for draw in 1..=DRAWS_MAX {
            let intent = UserCommand::Register(Box::new(enrolment.clone()));
            match self.users.execute_fresh(order(intent)).await {
                Err(Failure::Rejected(UserError::ReferralCodeTaken)) if draw < DRAWS_MAX => {
                    enrolment.referral_code = self.referral_code();
                }
                done => {
                    done?;
                    break;
                }
            }
        }
        let token = hash_token(&token);
        let done = self.users.execute(order(UserCommand::VerifyEmail { token })).await?;
        self.person_changed(done).await
    }
}

impl Handle<VerifyEmail> for App {
    async fn handle(&self, caller: &Caller, verify: VerifyEmail, terms: Terms) -> Outcome<VerifyEmail> {
        let token = hash_token(&verify.token);
        let key = idempotency_of(token.as_str(), VerifyEmail::NAME, &token, &terms);
        if let Some(key) = &key
            && let Some(receipt) = self.log.receipt(key).await.map_err(crate::aggregates::broken)?
        {
            return self.users.as_received(receipt).await;
        }
        let claim = domain::Claim::new(VERIFICATION, token.as_str());
        let holder = self.log.holder(&claim).await.map_err(crate::aggregates::broken)?;
        let stream = holder.ok_or(Failure::Rejected(UserError::TokenInvalid))?;
        let intent = UserCommand::VerifyEmail { token };
        let name = VerifyEmail::NAME;
        let caller = &itself(caller, &stream, self.clock.now());
        let order = Order { stream, intent, caller, name, terms: &terms, key, at: self.clock.now() };
        self.users.execute(order).await
    }
}

impl App {
    /// The command that registers a person, all personal data sealed, and the token for the mail.
    async fn enrol(
        &self,
        person: &Person,
        tenant: TenantId,
        user: UserId,
        role: SystemRole,
        at: Timestamp,
    ) -> Result<(user::Register, String), Failure<UserError>> {
        let hash = self.passwords.hash(person.password.as_str().to_owned()).await?;
        let token = fresh_token(self.entropy.as_ref());
        let vault = self.vault.as_ref();
        let expires_at = until(at, self.lifetimes.verification)?;
        let register = user::Register {
            tenant,
            fullname: seal(vault, user.0, "fullname", person.fullname.as_str()).await?,
            username: seal(vault, user.0, "username", person.username.as_str()).await?,
            username_index: vault.index(user::USERNAME, person.username.as_str()).await.map_err(sealed)?,
            email: seal(vault, user.0, "email", person.email.as_str()).await?,
            email_index: vault.index(user::EMAIL, person.email.as_str()).await.map_err(sealed)?,
            password: seal(vault, user.0, "password", &hash).await?,
            roles: vec![role.into()],
            referral_code: self.referral_code(),
            referrer: None,
            verification: SecuredToken {
                hash: hash_token(&token),
                token: seal(vault, user.0, "verification", &token).await?,
                expires_at,
            },
        };
        Ok((register, token))
    }

    /// What a newcomer gives to friends. Whether it is free is found out by taking it.
    pub(super) fn referral_code(&self) -> String {
        let [a, b, c, ..] = self.entropy.secret();
        format!("REF-{a:02X}{b:02X}{c:02X}")
    }

    /// Whose code it is.
    async fn referrer(&self, code: Option<&str>) -> Result<Option<Referrer>, Failure<UserError>> {
        let code = code.map(|code| code.trim().to_ascii_uppercase());
        let Some(code) = code.filter(|code| (1..=CODE_BYTES_MAX).contains(&code.len())) else {
            return Ok(None);
        };
        let holder = self.log.holder(&domain::Claim::new(user::REFERRAL, code)).await;
        let stream = holder.map_err(crate::aggregates::broken)?;
        let whose = stream.and_then(|stream| stream.tenant().zip(stream.own()));
        Ok(whose.map(|(tenant, user)| Referrer { tenant, user: UserId(user) }))
    }

    /// The key of a registration: nobody meets the keys of another e-mail address, and the stored
    /// hash of the request tells nothing to anybody without the deployment's own key.
    async fn register_key(
        &self,
        register: &Register,
        terms: &Terms,
    ) -> Result<Option<IdempotencyKey>, Failure<UserError>> {
        let who = self.vault.index(user::EMAIL, register.person.email.as_str()).await.map_err(sealed)?;
        let body = serde_json::to_string(register).map_err(|error| Failure::Internal(error.into()))?;
        let body = self.vault.index(Register::NAME, &body).await.map_err(sealed)?;
        Ok(idempotency_of(who.as_str(), Register::NAME, &body, terms))
    }

    /// A slug from the tenant's own name; never from a person's.
    pub(crate) fn tenant_slug(&self, naming: &Naming, attempt: usize) -> Slug {
        let tail = self.entropy.secret();
        let tail = format!("{:02x}{:02x}{:02x}", tail[0], tail[1], tail[2]);
        let plain = match naming {
            Naming::Given(name) => Slug::of(name.as_str()),
            Naming::After(_) => None,
        };
        match plain {
            Some(slug) if attempt == 0 => slug,
            Some(slug) => Slug::of(&format!("{tail}-{}", slug.as_str())).unwrap_or(slug),
            None => Slug::of(&format!("tenant-{tail}")).expect("letters, digits and a hyphen are a slug"),
        }
    }
}

/// The end of a life of that length.
pub(super) fn until(at: Timestamp, lifetime: Duration) -> Result<Timestamp, Failure<UserError>> {
    let lifetime = chrono::Duration::from_std(lifetime);
    Ok(at + lifetime.map_err(|error| Failure::Internal(error.into()))?)
}

/// The person whose stream it is, as the one who acts: signing in and verifying are one's own acts.
pub(crate) fn itself(caller: &Caller, stream: &StreamId, now: Timestamp) -> Caller {
    match (stream.tenant(), stream.own()) {
        (Some(tenant), Some(user)) => {
            let member = Member { tenant, user: UserId(user) };
            let actor = Caller::member(member, SessionId(Uuid::nil()), &[], now);
            actor.in_request(caller.correlation.clone())
        }
        _ => caller.clone(),
    }
}

pub(super) async fn seal(
    vault: &dyn Vault,
    subject: Uuid,
    field: &'static str,
    clear: &str,
) -> Result<domain::Sealed, Failure<UserError>> {
    vault.seal(subject, field, clear).await.map_err(sealed)
}

pub(crate) fn sealed<R: std::error::Error + 'static>(error: VaultError) -> Failure<R> {
    match error {
        VaultError::Unavailable(_) => Failure::Unavailable(error.into()),
        VaultError::Broken(_) => Failure::Internal(error.into()),
    }
}
