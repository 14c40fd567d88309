//! What is made on the command line in development: a demo tenant.

use application::{
    App, Caller, Code, Member, Platform, Problem, Terms,
    tag::CreateTag,
    todo::{CompleteTodo, CreateTodo},
    user::{AddPerson, Person, Register, VerifyEmail},
};
use domain::{SessionId, TagId, TenantId, TodoId, UserId, role::SystemRole, todo::Priority};
use serde_json::json;

use crate::settings::Settings;

const PASSWORD: &str = "Demo1234";
const OWNER: &str = "demo";
const PEOPLE: [(&str, &str, SystemRole); 4] = [
    ("Bruno Keller", "bruno", SystemRole::Admin),
    ("Chiara Rossi", "chiara", SystemRole::Member),
    ("Dmitri Volkov", "dmitri", SystemRole::Member),
    ("Esi Mensah", "esi", SystemRole::Viewer),
];
const TAGS: [(&str, &str); 6] = [
    ("Home", "#16a34a"),
    ("Work", "#2563eb"),
    ("Errands", "#d97706"),
    ("Reading", "#9333ea"),
    ("Health", "#dc2626"),
    ("Waiting", "#64748b"),
];
const VERBS: [&str; 10] =
    ["Call", "Write to", "Prepare", "Review", "Order", "Repair", "Plan", "Read", "Send", "Book"];
const THINGS: [&str; 30] = [
    "the dentist",
    "the landlord",
    "the quarterly report",
    "the release notes",
    "new shoes",
    "the bicycle",
    "the summer holiday",
    "the architecture paper",
    "the invoice",
    "a table for four",
    "the tax office",
    "the new colleague",
    "the onboarding guide",
    "the pull request",
    "coffee beans",
    "the dripping tap",
    "the team offsite",
    "the book from Anna",
    "the signed contract",
    "the train tickets",
    "the insurance",
    "the school",
    "the budget",
    "the incident report",
    "printer paper",
    "the garden fence",
    "the birthday",
    "the minutes",
    "the parcel",
    "the meeting room",
];

/// Makes the demo tenant, once: a second run finds it and changes nothing.
#[expect(clippy::print_stdout, reason = "scripts read this line")]
pub(crate) async fn demo(app: &App, settings: &Settings) -> Result<(), String> {
    if settings.environment.is_public() {
        return Err("seed-demo is for development and test only".to_owned());
    }
    let caller = Caller::system(Platform::User, "seed-demo");
    let register = Register {
        person: person("Ada Demo", OWNER)?,
        tenant_name: Some("Demo Company".to_owned().try_into().map_err(text)?),
        referral_code: None,
    };
    match app.send(&caller, register, Terms::default()).await.map_err(Problem::from) {
        Ok(owner) => fill(app, &caller, owner.person.tenant.id, owner.person.id).await?,
        Err(problem) if problem.code == Code::AlreadyExists => {
            tracing::info!("the demo tenant is there already");
        }
        Err(problem) => return Err(problem.message),
    }
    println!("{}", json!({ "user": OWNER, "password": PASSWORD }));
    Ok(())
}

async fn fill(app: &App, caller: &Caller, tenant: TenantId, owner: UserId) -> Result<(), String> {
    verify(app, caller, tenant, owner).await?;
    let mut people = vec![owner];
    for (fullname, username, role) in PEOPLE {
        let add = AddPerson { person: person(fullname, username)?, tenant, role };
        people.push(app.send(caller, add, Terms::default()).await.map_err(said)?.person.id);
    }
    let member = Member { tenant, user: owner };
    let me =
        Caller::member(member, SessionId(app.entropy.id()), &[SystemRole::Owner.into()], app.clock.now());
    let me = me.in_request("seed-demo");
    let mut tags = Vec::new();
    for (name, colour) in TAGS {
        let name = name.to_owned().try_into().map_err(text)?;
        let colour = Some(colour.to_owned().try_into().map_err(text)?);
        let made =
            app.send(&me, CreateTag { name, slug: None, colour }, Terms::default()).await.map_err(said)?;
        tags.extend(made.stream.own().map(TagId));
    }
    let total = VERBS.len() * THINGS.len();
    let mut done = 0;
    for (v, verb) in VERBS.iter().enumerate() {
        for (t, thing) in THINGS.iter().enumerate() {
            one(app, &me, &format!("{verb} {thing}"), v * 31 + t * 7, &tags, &people).await?;
            done += 1;
            if done % 100 == 0 {
                tracing::info!("seeding todos: {done} of {total}");
            }
        }
    }
    Ok(())
}

/// A todo whose look follows from a number: every run makes the same.
async fn one(
    app: &App,
    me: &Caller,
    what: &str,
    n: usize,
    tags: &[TagId],
    people: &[UserId],
) -> Result<(), String> {
    let priority =
        [Priority::Normal, Priority::Low, Priority::High, Priority::Normal, Priority::Urgent][n % 5];
    let days = i64::try_from(n % 40).unwrap_or(0) - 10;
    let create = CreateTodo {
        text: what.to_owned().try_into().map_err(text)?,
        priority,
        due_at: (!n.is_multiple_of(3)).then(|| app.clock.now() + chrono::Duration::days(days)),
        tags: tags.iter().copied().filter(|_| !n.is_multiple_of(4)).skip(n % 6).take(1 + n % 2).collect(),
        assignee: n.is_multiple_of(2).then(|| people.get(n % people.len()).copied()).flatten(),
    };
    let made = app.send(me, create, Terms::default()).await.map_err(said)?;
    if n % 5 == 1
        && let Some(id) = made.stream.own().map(TodoId)
    {
        app.send(me, CompleteTodo { id }, Terms::default()).await.map_err(said)?;
    }
    Ok(())
}

/// Verifies the demo owner's address with the token that the registration sealed for the mail.
async fn verify(app: &App, caller: &Caller, tenant: TenantId, owner: UserId) -> Result<(), String> {
    let stream = domain::StreamId::within(tenant, owner.0);
    let events = app.log.events("user", &stream, 0).await.map_err(text)?;
    let sealed =
        events.first().and_then(|event| event.payload.get("verification_token")?.as_str().map(str::to_owned));
    let sealed = domain::Sealed::new(sealed.ok_or("the registration has no token")?);
    let token = app.vault.open(owner.0, "verification", &sealed).await.map_err(text)?;
    let verify = VerifyEmail { token: token.ok_or("the registration's key is gone")? };
    app.send(caller, verify, Terms::default()).await.map_err(said)?;
    Ok(())
}

fn person(fullname: &str, username: &str) -> Result<Person, String> {
    Ok(Person {
        fullname: fullname.to_owned().try_into().map_err(text)?,
        username: username.to_owned().try_into().map_err(text)?,
        email: format!("{username}@demo.test").try_into().map_err(text)?,
        password: PASSWORD.to_owned().try_into().map_err(text)?,
    })
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn said(failure: impl Into<Problem>) -> String {
    failure.into().message
}
