//! Who may not replay, and what cannot be replayed.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Play, REPLAY, Said, Writer, positions, system};
use crate::{
    operators::{chief, colleague},
    person::Person,
    socket::Socket,
    system::shared,
};

/// The end of a session is known on sockets within this.
const SESSIONS: Duration = Duration::from_secs(5);

#[tokio::test]
async fn what_cannot_be_played_is_refused_with_the_argument_that_is_wrong() {
    let system = system().await;
    let writer = Writer::alone(&system).await;
    writer.create(3, 1_000).await;
    let (_, _, operator) = colleague(&system, "SUPPORT").await;
    let token = operator.token();
    let mut play = Play::begin(&system.portal, &token, json!({"filter": writer.filter()})).await;
    let items = play.events(3).await;
    let (early, late) = (&items[0], &items[2]);
    let time = |item: &Value| item["event"]["recordedAt"].clone();
    for (wanted, field) in [
        (json!({"speed": 0}), "speed"),
        (json!({"speed": -1}), "speed"),
        (json!({"speed": 1e300}), "speed"),
        (json!({"from": late["cursor"], "to": early["cursor"]}), "from"),
        (json!({"from": time(late), "to": time(early)}), "from"),
        (json!({"from": late["cursor"], "to": time(early)}), "from"),
        (json!({"from": time(late), "to": early["cursor"]}), "from"),
        (json!({"from": "2999-01-01T00:00:00Z"}), "from"),
        (json!({"from": "+10000-01-01T00:00:00Z"}), "from"),
        (json!({"from": "garbage"}), "from"),
        (json!({"to": "garbage"}), "to"),
        (json!({"filter": {"tenantId": "no id"}}), "tenantId"),
        (json!({"filter": {"from": time(late), "to": time(early)}}), "from"),
    ] {
        let said = Play::begin(&system.portal, &token, wanted.clone()).await.next().await;
        let Said::Refused(error) = said else { panic!("{wanted}: {said:?}") };
        let extensions = &error["extensions"];
        assert_eq!(
            (&extensions["code"], &extensions["field"]),
            (&json!("VALIDATION_FAILED"), &json!(field)),
            "{wanted}: {error}"
        );
        assert!(extensions["requestId"].is_string(), "{error}");
    }
}

#[tokio::test]
async fn a_beginning_before_the_first_event_is_the_first_event_and_an_end_there_is_the_end() {
    let system = system().await;
    let writer = Writer::alone(&system).await;
    writer.create(3, 1_000).await;
    let (_, _, operator) = colleague(&system, "SUPPORT").await;
    let begin = async |wanted: Value| Play::begin(&system.portal, &operator.token(), wanted).await;
    let all = begin(json!({"filter": writer.filter()})).await.events(3).await;
    let (ancient, last) = ("2001-01-01T00:00:00Z", &all[2]["event"]["recordedAt"]);

    let wanted = json!({"filter": writer.filter(), "from": ancient, "to": last});
    let (whole, _) = begin(wanted.clone()).await.until_the_end().await;
    assert_eq!(positions(&whole), positions(&all));
    let mut nothing = vec![
        json!({"to": ancient}),
        json!({"from": ancient, "to": ancient}),
        json!({"filter": {"to": ancient}}),
    ];
    // Types and names that no event has are no mistake: the log may hold what this release does not know.
    for (name, unknown) in [("aggregateType", "tod"), ("eventType", "todo.levitated")] {
        let mut wanted = wanted.clone();
        wanted["filter"][name] = unknown.into();
        nothing.push(wanted);
    }
    for wanted in nothing {
        let (events, _) = begin(wanted.clone()).await.until_the_end().await;
        assert!(events.is_empty(), "{wanted}: {events:?}");
    }
}

#[tokio::test]
async fn nobody_known_gets_nothing_and_people_are_not_let_in() {
    let system = shared().await;
    let mut stranger = Socket::connected(&system.portal).await;
    stranger.init(json!({})).await;
    assert_eq!(stranger.next().await.unwrap()["type"], "connection_ack");
    stranger.say(json!({"type": "subscribe", "id": "1", "payload": {"query": REPLAY}})).await;
    let said = stranger.next().await.unwrap();
    assert_eq!(said["payload"][0]["extensions"]["code"], "UNAUTHENTICATED", "{said}");
    let person = Person::new(&system.a).await;
    let mut socket = Socket::connected(&system.portal).await;
    socket.init(json!({"Authorization": format!("Bearer {}", person.access)})).await;
    assert_eq!(socket.closed().await.0, 4403);
}

#[tokio::test]
async fn a_replay_is_written_down_before_it_begins() {
    let system = shared().await;
    let (id, _, operator) = colleague(&system, "SUPPORT").await;
    let mut play = Play::begin(&system.portal, &operator.token(), json!({"filter": {"actorId": id}})).await;
    loop {
        let item = play.event().await;
        if item["event"]["payload"]["name"] == "audit.replay" {
            assert_eq!(item["event"]["eventType"], "act.done");
            return;
        }
    }
}

#[tokio::test]
async fn the_replay_of_an_operator_who_is_kept_out_ends() {
    let system = shared().await;
    let (id, _, operator) = colleague(&system, "SUPPORT").await;
    let mut play = Play::begin(&system.portal, &operator.token(), json!({"filter": {"actorId": id}})).await;
    play.caught_up().await;
    let deactivate = "mutation($id: ID!) { deactivateOperator(id: $id) { __typename } }";
    chief(&system).await.ask(deactivate, json!({"id": id})).await;
    let (code, reason) = tokio::time::timeout(SESSIONS, play.socket.closed()).await.expect("closed in time");
    assert_eq!(code, 4403, "{reason}");
}
