//! The mark of operations that anybody may use; [`crate::public`] reads it.
#![expect(missing_docs, reason = "the macro writes items without; what they are stands below")]

use async_graphql::TypeDirective;

/// Needs no token, or checks a password; one client may use all of these together 20 times a minute.
#[TypeDirective(location = "FieldDefinition")]
pub fn limited() {}
