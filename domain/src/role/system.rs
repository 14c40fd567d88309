//! The roles that every tenant has from its first day. They are part of the program, so they are
//! the same everywhere, need no seeding, and cannot be edited.

use serde::{Deserialize, Serialize};

use super::Permission;

/// The roles every tenant has from its first day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum SystemRole {
    /// Everything; not editable.
    Owner,
    /// Everything but roles.
    Admin,
    /// Works with todos and tags.
    Member,
    /// Looks.
    Viewer,
}

impl SystemRole {
    /// The name in tokens and on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Owner => "Owner",
            Self::Admin => "Admin",
            Self::Member => "Member",
            Self::Viewer => "Viewer",
        }
    }

    /// All of them, the mightiest first.
    pub const ALL: [Self; 4] = [Self::Owner, Self::Admin, Self::Member, Self::Viewer];

    /// The role of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    /// What it allows.
    pub const fn permissions(self) -> &'static [Permission] {
        use Permission as P;
        match self {
            Self::Owner => Permission::ALL,
            Self::Admin => &[
                P::CreateTodo,
                P::UpdateTodo,
                P::DeleteTodo,
                P::CreateTag,
                P::UpdateTag,
                P::DeleteTag,
                P::UploadMedia,
                P::ManageUsers,
                P::ViewReferrals,
                P::ManageApiKeys,
            ],
            Self::Member => &[
                P::CreateTodo,
                P::UpdateTodo,
                P::DeleteTodo,
                P::CreateTag,
                P::UpdateTag,
                P::UploadMedia,
                P::ViewReferrals,
            ],
            Self::Viewer => &[],
        }
    }
}
