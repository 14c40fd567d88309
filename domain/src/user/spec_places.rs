//! The rules of places that people sign in from.

use chrono::Duration;
use uuid::Uuid;

use super::{
    PLACES_MAX, Session, User, UserCommand, UserEvent,
    spec_accounts::{active, asked, given, noon},
};
use crate::{Root, Sealed, SessionId, TokenHash};

fn session(place: Option<&str>) -> Session {
    let (id, refresh) = (SessionId(Uuid::from_u128(7)), TokenHash::new("r"));
    Session { id, refresh, expires_at: noon() + Duration::days(7), place: place.map(Sealed::new) }
}

fn signed_in(place: Option<&str>, strange: bool) -> UserEvent {
    let Session { id, refresh, expires_at, place } = session(place);
    UserEvent::SignedIn { session: id, refresh, expires_at, place, strange, at: noon() }
}

fn came_from(places: &[&str]) -> Vec<UserEvent> {
    let mut events = active();
    events.extend(places.iter().map(|place| signed_in(Some(place), false)));
    events
}

fn finds(history: Vec<UserEvent>, place: Option<&str>, strange: bool) {
    let sign_in = asked(UserCommand::SignIn(session(place)));
    given(history).when(sign_in).then_expect_events(vec![signed_in(place, strange)]);
}

#[test]
fn only_a_network_that_a_person_never_came_from_is_strange() {
    finds(came_from(&[]), Some("home"), false);
    finds(came_from(&["home"]), Some("home"), false);
    finds(came_from(&["home"]), Some("elsewhere"), true);
    finds(came_from(&["home", "elsewhere"]), Some("home"), false);
    finds(came_from(&["home"]), None, false);
}

#[test]
fn a_few_networks_are_remembered_the_newest_ones() {
    let names: Vec<String> = (0..=PLACES_MAX).map(|n| n.to_string()).collect();
    let events = came_from(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let mut user = User::default();
    for event in events.clone() {
        user.evolve(event);
    }
    let places = &user.account().unwrap().places;
    assert_eq!((places.len(), &places[0]), (PLACES_MAX, &Sealed::new("1")));
    finds(events.clone(), Some("0"), true);
    finds(events, Some("1"), false);
}
