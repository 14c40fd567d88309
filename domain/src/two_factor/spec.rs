//! The rules of a second factor, refused cases first.

use super::*;

fn noon() -> Timestamp {
    Timestamp::from_timestamp(1_700_000_000, 0).unwrap()
}

fn after(seconds: i64) -> Timestamp {
    noon() + TimeDelta::seconds(seconds)
}

fn hash(text: &str) -> TokenHash {
    TokenHash::new(text)
}

fn secret() -> Sealed {
    Sealed::new("secret")
}

/// A code that is right at these steps; none of them: a wrong one.
fn code(steps: &[i64]) -> Attempt {
    Attempt { secret: secret(), steps: steps.to_vec(), recovery: hash("no such code"), bypass: false }
}

fn recovery(text: &str) -> Attempt {
    Attempt { recovery: hash(text), ..code(&[]) }
}

fn given(facts: &[Fact]) -> TwoFactor {
    let mut state = TwoFactor::default();
    facts.iter().cloned().for_each(|fact| state.evolve(fact));
    state
}

fn generated() -> Fact {
    Fact::Generated(Generated { secret: secret(), at: noon() })
}

fn bound() -> Fact {
    let recovery = vec![hash("r1"), hash("r2")];
    Fact::Bound(Bound { factor: Factor::Code { step: 10 }, recovery, at: noon() })
}

fn challenged(token: &str) -> Fact {
    let expires_at = noon() + CHALLENGE_LIFETIME;
    Fact::Challenged(Challenged { challenge: hash(token), expires_at, at: noon() })
}

fn passed(token: &str, factor: Factor) -> Fact {
    Fact::Passed(Passed { challenge: hash(token), factor, at: noon() })
}

/// So many wrong codes, each shown as soon as the lock allows; and the moment after the last.
fn wrong(times: u32, state: &mut TwoFactor) -> Timestamp {
    let mut at = noon();
    for _ in 0..times {
        at = state.locked_until.unwrap_or(at);
        let fact = state.unbind(&code(&[]), at).unwrap();
        state.evolve(fact);
    }
    at
}

#[test]
fn what_is_not_set_up_cannot_be_used() {
    let none = TwoFactor::default();
    assert_eq!(none.bind(&code(&[1]), Vec::new(), noon()), Err(TwoFactorError::NotGenerated));
    assert_eq!(none.unbind(&code(&[1]), noon()), Err(TwoFactorError::NotBound));
    assert_eq!(none.challenge(hash("t"), noon()), Err(TwoFactorError::NotBound));
    let pending = given(&[generated()]);
    assert_eq!(pending.unbind(&code(&[1]), noon()), Err(TwoFactorError::NotBound));
    assert!(!pending.is_bound());
}

#[test]
fn what_is_set_up_cannot_be_set_up_again() {
    let state = given(&[generated(), bound()]);
    assert!(state.is_bound());
    assert_eq!(state.generate(Sealed::new("other"), noon()), Err(TwoFactorError::AlreadyBound));
    assert_eq!(state.bind(&code(&[11]), Vec::new(), noon()), Err(TwoFactorError::AlreadyBound));
}

#[test]
fn a_wrong_code_sets_nothing_up_and_is_counted() {
    let state = given(&[generated()]);
    let refused = Fact::Refused(Refused { wrong: 1, locked_until: None, at: noon() });
    assert_eq!(state.bind(&code(&[]), vec![hash("r")], noon()), Ok(refused));
}

#[test]
fn a_code_of_an_earlier_secret_sets_nothing_up() {
    let newer = Fact::Generated(Generated { secret: Sealed::new("newer"), at: noon() });
    let state = given(&[generated(), newer]);
    assert!(matches!(state.bind(&code(&[10]), Vec::new(), noon()), Ok(Fact::Refused(_))));
}

#[test]
fn a_token_unknown_expired_or_used_does_not_pass() {
    let state = given(&[generated(), bound(), challenged("t")]);
    let late = noon() + CHALLENGE_LIFETIME;
    let invalid = Err(TwoFactorError::TokenInvalid);
    assert_eq!(state.pass(&hash("x"), &code(&[11]), noon()), invalid);
    assert_eq!(state.pass(&hash("t"), &code(&[11]), late), invalid);
    let used = given(&[generated(), bound(), challenged("t"), passed("t", Factor::Code { step: 11 })]);
    assert_eq!(used.pass(&hash("t"), &code(&[12]), noon()), invalid);
    let removed = Fact::Unbound(Unbound { factor: Factor::Bypass, at: noon() });
    let removed = given(&[generated(), bound(), challenged("t"), removed]);
    assert_eq!(removed.pass(&hash("t"), &code(&[12]), noon()), invalid);
}

#[test]
fn a_code_is_accepted_once_and_none_before_it() {
    let state = given(&[generated(), bound(), challenged("t")]);
    for used in [&[10][..], &[9], &[9, 10]] {
        assert!(matches!(state.pass(&hash("t"), &code(used), noon()), Ok(Fact::Refused(_))), "{used:?}");
    }
    let fact = state.pass(&hash("t"), &code(&[10, 11]), noon()).unwrap();
    assert_eq!(fact, passed("t", Factor::Code { step: 11 }));
}

#[test]
fn a_recovery_code_is_accepted_once() {
    let mut state = given(&[generated(), bound(), challenged("t"), challenged("u")]);
    let fact = state.pass(&hash("t"), &recovery("r1"), noon()).unwrap();
    assert_eq!(fact, passed("t", Factor::Recovery { code: hash("r1") }));
    state.evolve(fact);
    assert_eq!(state.recovery_codes_left(), 1);
    assert!(matches!(state.pass(&hash("u"), &recovery("r1"), noon()), Ok(Fact::Refused(_))));
    assert!(matches!(state.pass(&hash("u"), &recovery("r2"), noon()), Ok(Fact::Passed(_))));
}

#[test]
fn five_wrong_codes_lock_the_step_even_for_the_right_one() {
    let mut state = given(&[generated(), bound(), challenged("t")]);
    wrong(4, &mut state);
    assert!(matches!(state.pass(&hash("t"), &code(&[11]), noon()), Ok(Fact::Passed(_))));
    wrong(1, &mut state);
    let locked = Err(TwoFactorError::Locked { seconds: 60 });
    assert_eq!(state.pass(&hash("t"), &code(&[11]), noon()), locked);
    assert_eq!(state.unbind(&recovery("r1"), noon()), locked);
    assert!(matches!(state.pass(&hash("t"), &code(&[11]), after(60)), Ok(Fact::Passed(_))));
}

#[test]
fn each_further_wrong_code_locks_for_twice_as_long_up_to_an_hour() {
    let minutes = |wrongs: u32| {
        let mut state = given(&[generated(), bound()]);
        let last = wrong(wrongs, &mut state);
        state.locked_until.map(|until| (until - last).num_minutes())
    };
    let locks: Vec<_> = (4..=12).map(minutes).collect();
    assert_eq!(locks[0], None);
    assert_eq!(locks[1..].iter().flatten().copied().collect::<Vec<_>>(), [1, 2, 4, 8, 16, 32, 60, 60]);
    assert_eq!(lock(u32::MAX), LOCK_MAX);
}

#[test]
fn a_right_code_forgives_the_wrong_ones_before_it() {
    let mut state = given(&[generated(), bound(), challenged("t")]);
    wrong(4, &mut state);
    state.evolve(passed("t", Factor::Code { step: 11 }));
    let refused = Fact::Refused(Refused { wrong: 1, locked_until: None, at: noon() });
    assert_eq!(state.unbind(&code(&[]), noon()), Ok(refused));
}

#[test]
fn the_oldest_waiting_sign_in_gives_way() {
    let mut facts = vec![generated(), bound()];
    facts.extend(["a", "b", "c", "d", "e", "f"].map(challenged));
    let state = given(&facts);
    let pass = |token| state.pass(&hash(token), &code(&[11]), noon());
    assert_eq!(pass("a"), Err(TwoFactorError::TokenInvalid));
    assert!(pass("b").is_ok() && pass("f").is_ok());
}

#[test]
fn removing_it_forgets_everything() {
    let state = given(&[generated(), bound(), challenged("t")]);
    let fact = state.unbind(&recovery("r2"), noon()).unwrap();
    assert_eq!(fact, Fact::Unbound(Unbound { factor: Factor::Recovery { code: hash("r2") }, at: noon() }));
    let mut state = state;
    state.evolve(fact);
    assert_eq!(state, TwoFactor::default());
}

#[test]
fn an_open_session_is_confirmed_with_a_code_where_a_factor_is_bound() {
    let none = TwoFactor::default();
    assert_eq!(none.confirm(None, noon()), Ok(Judged::Right(None)));
    assert_eq!(none.confirm(Some(&code(&[])), noon()), Ok(Judged::Right(None)), "nothing is asked for");
    assert_eq!(given(&[generated()]).confirm(None, noon()), Ok(Judged::Right(None)));
    let state = given(&[generated(), bound()]);
    assert_eq!(state.confirm(None, noon()), Err(TwoFactorError::CodeMissing));
    let refused = Fact::Refused(Refused { wrong: 1, locked_until: None, at: noon() });
    assert_eq!(state.confirm(Some(&code(&[10])), noon()), Ok(Judged::Wrong(refused)), "it is used up");
    let factor = Some(Factor::Code { step: 11 });
    assert_eq!(state.confirm(Some(&code(&[11])), noon()), Ok(Judged::Right(factor)));
}

#[test]
fn what_confirmed_a_session_is_used_up_and_wrong_codes_lock_it_too() {
    let mut state = given(&[generated(), bound(), challenged("t")]);
    wrong(4, &mut state);
    state.confirmed(Some(&Factor::Code { step: 11 }));
    assert!(matches!(state.pass(&hash("t"), &code(&[11]), noon()), Ok(Fact::Refused(_))));
    state.confirmed(Some(&Factor::Recovery { code: hash("r1") }));
    assert_eq!(state.recovery_codes_left(), 1);
    let at = wrong(5, &mut state);
    let locked = state.confirm(Some(&code(&[12])), at);
    assert_eq!(locked, Err(TwoFactorError::Locked { seconds: 60 }), "four before were forgiven");
}

#[test]
fn what_is_lost_is_taken_away_without_being_shown() {
    let reset = |state: &TwoFactor| state.reset(Sealed::new("why"), noon());
    assert_eq!(reset(&TwoFactor::default()), Err(TwoFactorError::NotBound));
    assert_eq!(reset(&given(&[generated()])), Err(TwoFactorError::NotBound));
    let mut state = given(&[generated(), bound(), challenged("t")]);
    wrong(5, &mut state);
    let fact = reset(&state).unwrap();
    assert_eq!(fact, Fact::Reset(Reset { grounds: Sealed::new("why"), at: noon() }));
    state.evolve(fact);
    assert_eq!(state, TwoFactor::default(), "the lock goes with it");
}

#[test]
fn a_reason_is_something_that_was_written() {
    let reason = |raw: &str| Reason::try_from(raw.to_owned());
    for bad in ["", "  \t ", "two\nlines", &"x".repeat(REASON_CHARS_MAX + 1)] {
        assert_eq!(reason(bad), Err(TwoFactorError::ReasonMalformed), "{bad:?}");
    }
    assert_eq!(reason("  passport, by video call ").unwrap().as_str(), "passport, by video call");
    assert!(reason(&"ö".repeat(REASON_CHARS_MAX)).is_ok());
}
