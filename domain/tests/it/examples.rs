//! One example of each event of each aggregate. A new variant does not compile without one.

use domain::{
    BlindIndex, OperatorId, Sealed, SessionId, TagId, TenantId, Timestamp, TodoId, TokenHash, UserId,
    operator::{OperatorEvent, OperatorRole},
    role::SystemRole,
    tag::{Colour, Slug, TagEvent, TagName},
    tenant::{Naming, TenantEvent},
    todo::{Priority, TodoEvent, TodoText},
    user::{Revocation, UserEvent},
};
use uuid::Uuid;

macro_rules! examples {
    ($examples:ident, $event:ident { $($variant:ident = $name:literal: $example:expr,)* }) => {
        /// Stored name and example of each variant.
        pub(crate) fn $examples() -> Vec<(&'static str, $event)> {
            fn name(event: &$event) -> &'static str {
                match event { $($event::$variant { .. } => $name,)* }
            }
            vec![$({
                let example = $example;
                assert_eq!(name(&example), $name, "the example is of another variant");
                ($name, example)
            },)*]
        }
    };
}

examples!(todo, TodoEvent {
    Created = "todo.created": TodoEvent::Created {
        tenant: TenantId(id(1)),
        owner: UserId(id(2)),
        number: 7,
        text: TodoText::stored("Buy milk ☕ \"now\"".to_owned()),
        priority: Priority::High,
        due_at: Some(at(60)),
        tags: vec![TagId(id(4)), TagId(id(5))],
        assignee: Some(UserId(id(3))),
        at: at(0),
    },
    TextChanged = "todo.text_changed":
        TodoEvent::TextChanged { text: TodoText::stored("Buy bread".to_owned()), at: at(1) },
    Prioritised = "todo.prioritised": TodoEvent::Prioritised { priority: Priority::Urgent, at: at(1) },
    Rescheduled = "todo.rescheduled": TodoEvent::Rescheduled { due_at: None, at: at(1) },
    Assigned = "todo.assigned": TodoEvent::Assigned { assignee: Some(UserId(id(3))), at: at(1) },
    Tagged = "todo.tagged": TodoEvent::Tagged { tag: TagId(id(4)), at: at(1) },
    Untagged = "todo.untagged": TodoEvent::Untagged { tag: TagId(id(4)), at: at(1) },
    Completed = "todo.completed": TodoEvent::Completed { at: at(1) },
    Reopened = "todo.reopened": TodoEvent::Reopened { at: at(1) },
    Archived = "todo.archived": TodoEvent::Archived { at: at(1) },
    Deleted = "todo.deleted": TodoEvent::Deleted { at: at(1) },
});

examples!(tag, TagEvent {
    Created = "tag.created": TagEvent::Created {
        tenant: TenantId(id(1)),
        name: TagName::try_from("At home".to_owned()).unwrap(),
        slug: Slug::of("At home").unwrap(),
        colour: Colour::try_from("#00ff7f".to_owned()).unwrap(),
        at: at(0),
    },
    Renamed = "tag.renamed":
        TagEvent::Renamed { name: TagName::try_from("Garden".to_owned()).unwrap(), at: at(1) },
    SlugChanged = "tag.slug_changed": TagEvent::SlugChanged { slug: Slug::of("garden").unwrap(), at: at(1) },
    Recoloured = "tag.recoloured":
        TagEvent::Recoloured { colour: Colour::try_from("#123456".to_owned()).unwrap(), at: at(1) },
    Deleted = "tag.deleted": TagEvent::Deleted { at: at(1) },
});

examples!(tenant, TenantEvent {
    Created = "tenant.created":
        TenantEvent::Created { naming: naming(), slug: Slug::of("acme").unwrap(), at: at(0) },
});

examples!(user, UserEvent {
    Registered = "user.registered": UserEvent::Registered {
        tenant: TenantId(id(1)),
        fullname: Sealed::new("sealed-fullname"),
        username: Sealed::new("sealed-username"),
        username_index: BlindIndex::new("index-of-username"),
        email: Sealed::new("sealed-email"),
        email_index: BlindIndex::new("index-of-email"),
        password: Sealed::new("sealed-password-hash"),
        roles: vec![SystemRole::Owner, SystemRole::Viewer],
        referral_code: "REF-0A1B2C".to_owned(),
        verification_hash: TokenHash::new("hash-of-token"),
        verification_token: Sealed::new("sealed-token"),
        verification_expires_at: at(86_400),
        at: at(0),
    },
    EmailVerified = "user.email_verified": UserEvent::EmailVerified { at: at(1) },
    SignedIn = "user.signed_in": UserEvent::SignedIn {
        session: SessionId(id(6)), refresh: TokenHash::new("hash-of-refresh"), expires_at: at(600), at: at(1),
    },
    SessionRefreshed = "user.session_refreshed": UserEvent::SessionRefreshed {
        session: SessionId(id(6)), refresh: TokenHash::new("hash-of-next"), expires_at: at(900), at: at(2),
    },
    SessionRevoked = "user.session_revoked": UserEvent::SessionRevoked {
        session: SessionId(id(6)), reason: Revocation::TokenReused, at: at(3),
    },
});

examples!(operator, OperatorEvent {
    Created = "operator.created": OperatorEvent::Created {
        fullname: Sealed::new("sealed-fullname"),
        email: Sealed::new("sealed-email"),
        email_index: BlindIndex::new("index-of-email"),
        password: Sealed::new("sealed-password-hash"),
        role: OperatorRole::SuperAdmin,
        at: at(0),
    },
    SignedIn = "operator.signed_in":
        OperatorEvent::SignedIn { session: SessionId(id(8)), expires_at: at(600), at: at(1) },
});

fn id(n: u128) -> Uuid {
    Uuid::from_u128(0x018b_cfe5_6800_7000_8000_0000_0000_0000 + n)
}

/// Seconds, and some microseconds: whatever Postgres keeps must be kept.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_timestamp(1_700_000_000 + seconds, 123_456_000).unwrap()
}
