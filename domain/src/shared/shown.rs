//! Which fields of stored events and states may be shown to people who look into the log.
//!
//! What stands in no list here is a secret: a new field is hidden until somebody has thought about
//! it. The test over the golden files fails until it is in one of the lists.

/// Whether people may see a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// Everybody who may see the event or the state.
    Plainly,
    /// It is sealed with the key of the person it speaks of, under this name, and may be opened for
    /// some.
    Personally(&'static str),
    /// Nobody, ever.
    Never,
}

/// The fields that say nothing secret, in events and in states.
const PLAIN: &[&str] = &[
    "about",
    "active",
    "admins",
    "after",
    "archived",
    "assignee",
    "at",
    "before",
    "binding",
    "by",
    "challenges",
    "colour",
    "completed_at",
    "confirmed_at",
    "created_at",
    "due_at",
    "expires_at",
    "factor",
    "given",
    "id",
    "invitation_expires_at",
    "kind",
    "last_used_at",
    "locked_until",
    "mailed",
    "name",
    "naming",
    "number",
    "operator",
    "owner",
    "permissions",
    "prefix",
    "priority",
    "reason",
    "referral_code",
    "referrer",
    "referrer_tenant",
    "role",
    "roles",
    "session",
    "sessions",
    "slot",
    "slug",
    "standing",
    "state",
    "strange",
    "tag",
    "tags",
    "tenant",
    "text",
    "type",
    "updated_at",
    "user",
    "verification_expires_at",
    "wrong",
];

/// The fields that hold sealed personal data, under the name they were sealed with.
const PERSONAL: &[&str] = &["email", "fullname", "grounds", "username"];

/// The fields that are known to be secret: keyed hashes, hashes of tokens, sealed secrets.
const SECRET: &[&str] = &[
    "challenge",
    "code",
    "email_index",
    "hash",
    "invitation_hash",
    "invitation_token",
    "last_step",
    "password",
    "place",
    "places",
    "recovery",
    "refresh",
    "reset_hash",
    "reset_token",
    "secret",
    "step",
    "username_index",
    "verification",
    "verification_hash",
    "verification_token",
];

/// Whether people may see what a field of this name holds.
pub fn shown(field: &str) -> Shown {
    if let Some(name) = PERSONAL.iter().find(|name| **name == field) {
        Shown::Personally(name)
    } else if PLAIN.contains(&field) {
        Shown::Plainly
    } else {
        Shown::Never
    }
}

/// Whether somebody has thought about a field of this name.
pub fn is_classified(field: &str) -> bool {
    SECRET.contains(&field) || shown(field) != Shown::Never
}
