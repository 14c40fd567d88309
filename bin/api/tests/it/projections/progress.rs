//! Projections followed live: lag, rebuilds, outages, and whose right it is.

use std::time::Duration;

use serde_json::{Value, json};

use super::{act, acts};
use crate::{
    operators::{chief, colleague},
    replay::{Cut, Writer},
    service::Service,
    socket::Socket,
    system::{System, shared},
    wait::until,
};

const PROGRESS: &str = "subscription($name: String) { projectionProgress(name: $name) { at projections { \
    name state position lagEvents lagSeconds rate lastError deadLetters \
    rebuild { phase percent done total events rate secondsLeft differingRows error } } } }";
const DEACTIVATE: &str = "mutation($id: ID!) { deactivateOperator(id: $id) { version } }";
/// Enough that a build is seen on its way.
const EVENTS: i32 = 20_000;
/// The longest a tick takes on a busy machine.
const TICK_MAX: Duration = Duration::from_secs(10);
/// The most ticks until something is seen.
const TICKS_MAX: usize = 180;

/// Somebody who follows.
struct Follow(Socket);

/// What they are told.
#[derive(Debug)]
enum Told {
    Seen(Value),
    Fault(Value),
    Refused(Value),
}

impl Follow {
    async fn begin(portal: &Service, token: &str, variables: Value) -> Self {
        let mut socket = Socket::open(portal, token).await;
        let payload = json!({"query": PROGRESS, "variables": variables});
        socket.say(json!({"type": "subscribe", "id": "1", "payload": payload})).await;
        Self(socket)
    }

    async fn next(&mut self) -> Told {
        let said =
            self.0.next_within(TICK_MAX).await.expect("a tick in time").expect("the socket stays open");
        match said["type"].as_str().unwrap() {
            "error" => Told::Refused(said["payload"][0].clone()),
            "next" if said["payload"]["errors"].is_array() => {
                Told::Fault(said["payload"]["errors"][0].clone())
            }
            "next" => Told::Seen(said["payload"]["data"]["projectionProgress"].clone()),
            other => panic!("{other}: {said}"),
        }
    }

    async fn seen(&mut self) -> Value {
        match self.next().await {
            Told::Seen(seen) => seen,
            other => panic!("{other:?}"),
        }
    }

    /// The states of one until it is as is waited for.
    async fn until(&mut self, name: &str, what: &str, is: impl Fn(&Value) -> bool) -> Vec<Value> {
        let mut all = Vec::new();
        while all.len() < TICKS_MAX {
            all.push(of(&self.seen().await, name));
            if all.last().is_some_and(&is) {
                return all;
            }
        }
        panic!("never {what}: {:?}", all.last());
    }
}

fn of(seen: &Value, name: &str) -> Value {
    let all = seen["projections"].as_array().unwrap();
    all.iter().find(|row| row["name"] == name).unwrap().clone()
}

#[tokio::test]
async fn a_name_that_nothing_has_is_refused_and_one_is_followed_by_its_name() {
    let system = shared().await;
    let (_, _, support) = colleague(&system, "SUPPORT").await;
    let mut nothing = Follow::begin(&system.portal, &support.token(), json!({"name": "todos"})).await;
    let Told::Refused(error) = nothing.next().await else { panic!("there is no such projection") };
    assert_eq!(
        (&error["extensions"]["code"], &error["extensions"]["field"]),
        (&json!("NOT_FOUND"), &json!("name"))
    );
    let mut one = Follow::begin(&system.portal, &support.token(), json!({"name": "mails.v1"})).await;
    let rows = one.seen().await["projections"].clone();
    assert_eq!((rows.as_array().unwrap().len(), &rows[0]["name"]), (1, &json!("mails.v1")));
}

#[tokio::test]
async fn whoever_is_kept_out_follows_no_more() {
    let system = shared().await;
    let (id, _, support) = colleague(&system, "SUPPORT").await;
    let mut follow = Follow::begin(&system.portal, &support.token(), json!({})).await;
    follow.seen().await;
    chief(&system).await.ask(DEACTIVATE, json!({"id": id})).await;
    let closed = tokio::time::timeout(TICK_MAX, follow.0.closed()).await.expect("closed in time");
    assert_eq!(closed.0, 4403, "{}", closed.1);
}

#[tokio::test]
async fn lag_and_a_rebuild_are_followed_live_and_only_the_beginning_is_written_down() {
    const NAME: &str = "todo_list.v1";
    let system = System::start().await;
    let (id, _, operations) = colleague(&system, "OPERATIONS").await;
    let mut follow = Follow::begin(&system.portal, &operations.token(), json!({})).await;
    let first = follow.seen().await;
    until("a newer look", async || follow.seen().await["at"].as_str() > first["at"].as_str()).await;

    let name = json!({"name": NAME});
    operations.ask(&act("pauseProjection"), name.clone()).await;
    Writer::alone(&system).await.create_many(EVENTS).await;
    let behind = |row: &Value| row["state"] == "PAUSED" && row["lagEvents"].as_i64() >= Some(EVENTS.into());
    let paused = follow.until(NAME, "behind", behind).await;
    assert!(paused.last().unwrap()["lagSeconds"].as_f64() > Some(0.0), "{paused:?}");
    operations.ask(&act("resumeProjection"), name.clone()).await;
    follow.until(NAME, "up to date", |row| row["state"] == "RUNNING" && row["lagEvents"] == 0).await;

    operations.ask(&act("rebuildProjection"), name).await;
    let built = follow.until(NAME, "serving", |row| row["rebuild"]["phase"] == "KEPT").await;
    let on_their_way = built.iter().filter(|row| row["rebuild"]["phase"] == "BUILDING");
    let on_their_way: Vec<&Value> = on_their_way.map(|row| &row["rebuild"]).collect();
    let percents: Vec<f64> = on_their_way.iter().map(|build| build["percent"].as_f64().unwrap()).collect();
    assert!(percents.iter().any(|it| *it > 0.0 && *it < 100.0), "{built:?}");
    assert!(on_their_way.iter().any(|build| build["secondsLeft"].as_f64() > Some(0.0)), "{on_their_way:?}");
    for build in on_their_way {
        let (done, total) = (build["done"].as_f64().unwrap(), build["total"].as_f64().unwrap());
        assert!(total >= f64::from(EVENTS) && done <= total, "{build}");
    }
    let last = &built.last().unwrap()["rebuild"];
    assert_eq!(
        (&last["percent"], &last["differingRows"], &last["done"]),
        (&json!(100.0), &json!(0), &last["total"])
    );

    let mut written: Vec<String> = acts(&system, &id).await.into_iter().map(|(name, _)| name).collect();
    written.sort_unstable();
    let expected = ["projection.pause", "projection.rebuild", "projection.resume", "projection.watch"];
    assert_eq!(written, expected, "however many ticks there were");
}

#[tokio::test]
async fn a_database_that_goes_away_is_told_once_and_ticks_go_on_when_it_is_back() {
    let system = System::start().await;
    let (_, _, support) = colleague(&system, "SUPPORT").await;
    let mut follow = Follow::begin(&system.portal, &support.token(), json!({})).await;
    follow.seen().await;
    let cut = Cut::of(&system).await;
    let fault = loop {
        match follow.next().await {
            Told::Seen(_) => {}
            Told::Fault(error) => break error,
            Told::Refused(error) => panic!("{error}"),
        }
    };
    assert_eq!(fault["extensions"]["code"], "UNAVAILABLE");
    let silence = follow.0.next_within(Duration::from_secs(4)).await;
    assert!(silence.is_none(), "told once: {silence:?}");
    cut.mend().await;
    follow.seen().await;
    follow.seen().await;
}
