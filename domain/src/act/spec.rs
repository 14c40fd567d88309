//! What acts refuse, and what they do.

use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use uuid::Uuid;

use super::{Act, ActError, ActEvent, NoteAct};
use crate::{Actor, Issued, OperatorId, Timestamp};

fn at() -> Timestamp {
    Timestamp::from_timestamp(1_700_000_000, 0).unwrap()
}

fn given<const N: usize>(events: [ActEvent; N]) -> AggregateTestExecutor<Act> {
    TestFramework::with(()).given(events.into())
}

fn noted() -> Issued<NoteAct> {
    let command = NoteAct { name: "audit.events".to_owned(), about: Some("tenantId".to_owned()) };
    Issued { command, by: Actor::Operator(OperatorId(Uuid::from_u128(6))), at: at() }
}

fn done() -> ActEvent {
    ActEvent::Done { name: "audit.events".to_owned(), about: Some("tenantId".to_owned()), at: at() }
}

#[test]
fn an_act_is_not_written_over() {
    given([done()]).when(noted()).then_expect_error(ActError::AlreadyDone);
}

#[test]
fn an_act_is_written_down_with_what_it_was_about() {
    given([]).when(noted()).then_expect_events(vec![done()]);
}
