//! Filters and orders of people.

use application::{
    Direction, Filter, Test,
    user::{PersonField, PersonFilter, PersonSort, PersonStatus},
};
use async_graphql::{Enum, InputObject, Result};
use domain::UserId;

use super::types::UserStatus;
use crate::{
    filter::{DateTimeFilter, IdFilter, StringFilter, fields, too_large},
    tag::SortDirection,
};

/// Tests of a status.
#[derive(InputObject, Default, Clone)]
pub(crate) struct UserStatusFilter {
    eq: Option<UserStatus>,
    ne: Option<UserStatus>,
    #[graphql(name = "in")]
    one_of: Option<Vec<UserStatus>>,
}

impl UserStatusFilter {
    fn tests(self) -> Vec<Test<PersonStatus>> {
        let own = PersonStatus::from;
        let tests = [
            self.eq.map(own).map(Test::Eq),
            self.ne.map(own).map(Test::Ne),
            self.one_of.map(|list| Test::In(list.into_iter().map(own).collect())),
        ];
        tests.into_iter().flatten().collect()
    }
}

/// Which people.
#[derive(InputObject, Default, Clone)]
#[graphql(name = "UserFilter")]
pub(crate) struct UserFilterInput {
    /// All of these hold.
    and: Option<Vec<UserFilterInput>>,
    /// One of these holds.
    or: Option<Vec<UserFilterInput>>,
    id: Option<IdFilter>,
    fullname: Option<StringFilter>,
    username: Option<StringFilter>,
    email: Option<StringFilter>,
    status: Option<UserStatusFilter>,
    created_at: Option<DateTimeFilter>,
}

impl UserFilterInput {
    pub(crate) fn parse(self) -> Result<PersonFilter> {
        self.tree()?.bounded().map_err(too_large)
    }

    fn tree(self) -> Result<PersonFilter> {
        let mut all: Vec<PersonFilter> = Vec::new();
        all.extend(fields(self.id.unwrap_or_default().tests("id", UserId)?, PersonField::Id));
        all.extend(fields(self.fullname.unwrap_or_default().tests("fullname")?, PersonField::Fullname));
        all.extend(fields(self.username.unwrap_or_default().tests("username")?, PersonField::Username));
        all.extend(fields(self.email.unwrap_or_default().tests("email")?, PersonField::Email));
        all.extend(fields(self.status.unwrap_or_default().tests(), PersonField::Status));
        all.extend(fields(self.created_at.unwrap_or_default().tests("createdAt")?, PersonField::CreatedAt));
        for part in self.and.unwrap_or_default() {
            all.push(part.tree()?);
        }
        if let Some(parts) = self.or {
            all.push(Filter::Any(parts.into_iter().map(Self::tree).collect::<Result<_>>()?));
        }
        Ok(Filter::All(all))
    }
}

/// By what people are sorted.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UserSortField {
    CreatedAt,
    Fullname,
    Username,
    Email,
}

/// In which order; newest first when absent.
#[derive(InputObject, Clone, Copy)]
#[graphql(name = "UserSort")]
pub(crate) struct UserSortInput {
    field: UserSortField,
    #[graphql(default_with = "SortDirection::Asc")]
    direction: SortDirection,
}

impl UserSortInput {
    pub(crate) fn order(sort: Option<Self>) -> PersonSort {
        let Some(Self { field, direction }) = sort else { return PersonSort::CreatedAt(Direction::Desc) };
        match field {
            UserSortField::CreatedAt => PersonSort::CreatedAt(direction.into()),
            UserSortField::Fullname => PersonSort::Fullname(direction.into()),
            UserSortField::Username => PersonSort::Username(direction.into()),
            UserSortField::Email => PersonSort::Email(direction.into()),
        }
    }
}
