//! What a role allows. The seeded roles of every tenant; custom roles build on the same slugs.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! permissions {
    ($($variant:ident = $slug:literal in $module:literal,)*) => {
        /// One thing a person may be allowed to do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Permission { $(#[doc = $slug] $variant,)* }

        impl Permission {
            /// Every permission there is.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The slug clients see.
            pub const fn slug(self) -> &'static str {
                match self { $(Self::$variant => $slug,)* }
            }

            /// The module it belongs to.
            pub const fn module(self) -> &'static str {
                match self { $(Self::$variant => $module,)* }
            }
        }
    };
}

permissions! {
    CreateTodo = "create-todo" in "TODO",
    UpdateTodo = "update-todo" in "TODO",
    DeleteTodo = "delete-todo" in "TODO",
    CreateTag = "create-tag" in "TAG",
    UpdateTag = "update-tag" in "TAG",
    DeleteTag = "delete-tag" in "TAG",
    UploadMedia = "upload-media" in "MEDIA",
    ManageUsers = "manage-users" in "USER",
    ManageRoles = "manage-roles" in "USER",
    ViewReferrals = "view-referrals" in "REFERRAL",
    ManageApiKeys = "manage-api-keys" in "APIKEY",
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.slug())
    }
}

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

    /// The role of that name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Owner, Self::Admin, Self::Member, Self::Viewer].into_iter().find(|role| role.name() == name)
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
