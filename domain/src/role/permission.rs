//! What a person may be allowed to do.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

macro_rules! permissions {
    ($($variant:ident = $slug:literal in $module:literal,)*) => {
        /// One thing a person may be allowed to do. Stored by its slug.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "&'static str")]
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

/// A slug that names no permission.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("there is no permission called {0}")]
pub struct UnknownPermission(pub String);

impl TryFrom<String> for Permission {
    type Error = UnknownPermission;
    fn try_from(slug: String) -> Result<Self, UnknownPermission> {
        let known = Self::ALL.iter().find(|permission| permission.slug() == slug);
        known.copied().ok_or(UnknownPermission(slug))
    }
}

impl From<Permission> for &'static str {
    fn from(permission: Permission) -> Self {
        permission.slug()
    }
}
