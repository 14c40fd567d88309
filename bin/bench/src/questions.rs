//! What the benchmarks of the surface ask.

use std::sync::Arc;

use anyhow::{Context, Result};
use serde_json::json;

use crate::{
    account::Account,
    http::{self, Connection},
    load::{Ask, Load},
    processes::Process,
    report::{Report, Target},
    rounds::Rounds,
    seed,
};

const TODO: &str = "id reference text status done priority dueAt createdAt updatedAt version \
     tags { id name color } owner { id fullname }";
/// Todos on a page.
const PAGE: usize = 20;
/// The most a page may hold: the way to a deep one is long enough.
const STEP_MAX: usize = 100;

/// `createTodo`: connections take turns at being one of some people.
#[derive(Clone)]
pub(crate) struct Create {
    tokens: Arc<[String]>,
    series: usize,
}

impl Create {
    /// Texts of one series are new to those of any other.
    pub(crate) fn new(people: &[Account], series: usize) -> Self {
        Self { tokens: people.iter().map(|person| person.token.clone()).collect(), series }
    }
}

impl Ask for Create {
    fn request(&self, connection: usize, number: usize) -> Vec<u8> {
        // Numbers begin anew with each round, which nobody's todos may notice.
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let text = format!("Write the report {}-{connection}-{number}-{}", self.series, now.as_nanos());
        let query = "mutation Create($input: CreateTodoInput!) { createTodo(input: $input) { todo { id reference text \
                     status priority createdAt } version cursor } }";
        let token = &self.tokens[connection % self.tokens.len()];
        http::post(Some(token), query, &json!({ "input": { "text": text, "priority": "HIGH" } }))
    }

    fn begins(&self) -> &'static [u8] {
        b"{\"data\":{\"createTodo\":{\"todo\":{\"id\""
    }
}

/// 20 todos with tags and owner.
#[derive(Clone)]
pub(crate) struct List(Arc<[u8]>);

impl List {
    pub(crate) fn new(owner: &Account, after: Option<&str>) -> Self {
        let variables = json!({ "first": PAGE, "after": after });
        Self(http::post(Some(&owner.token), &list_query(TODO), &variables).into())
    }
}

impl Ask for List {
    fn request(&self, _: usize, _: usize) -> Vec<u8> {
        self.0.to_vec()
    }

    fn begins(&self) -> &'static [u8] {
        b"{\"data\":{\"todos\":{\""
    }
}

fn list_query(node: &str) -> String {
    format!(
        "query List($first: Int, $after: Cursor) {{ todos(first: $first, after: $after) {{ \
         edges {{ cursor node {{ {node} }} }} pageInfo {{ hasNextPage endCursor }} }} }}"
    )
}

/// Where a page begins, found as a client finds it: by walking there.
pub(crate) async fn page_cursor(process: &Process, owner: &Account, page: usize) -> Result<String> {
    let mut connection = Connection::open(process.port).await?;
    let (mut left, mut after) = ((page - 1) * PAGE, None::<String>);
    while left > 0 {
        let first = left.min(STEP_MAX);
        let variables = json!({ "first": first, "after": after });
        let data = connection.graphql(Some(&owner.token), &list_query("id"), variables).await?;
        after = data["todos"]["pageInfo"]["endCursor"].as_str().map(str::to_owned);
        left -= first;
    }
    after.context("the list ended before the page")
}

/// One todo, another one each time.
#[derive(Clone)]
pub(crate) struct One {
    token: Arc<str>,
}

impl One {
    pub(crate) fn new(owner: &Account) -> Self {
        Self { token: owner.token.as_str().into() }
    }
}

impl Ask for One {
    fn request(&self, connection: usize, number: usize) -> Vec<u8> {
        // A step without a common divisor visits all of them, in no order.
        let number = (connection * 3_125 + number * 7_919) % seed::TODOS + 1;
        let query = "query One($id: ID!) { todo(id: $id) { id reference text status done priority dueAt createdAt \
                     updatedAt version } }";
        http::post(Some(&self.token), query, &json!({ "id": seed::id(number) }))
    }

    fn begins(&self) -> &'static [u8] {
        b"{\"data\":{\"todo\":{\"id\""
    }
}

/// What the load balancer asks.
#[derive(Clone)]
pub(crate) struct Health;

impl Ask for Health {
    fn request(&self, _: usize, _: usize) -> Vec<u8> {
        http::get(http::HEALTH)
    }

    fn begins(&self) -> &'static [u8] {
        b"{\"data\":{\"health\":"
    }
}

/// The floor: a request like another one, answered by the bare process with as many bytes.
#[derive(Clone)]
pub(crate) struct Bytes(Arc<[u8]>);

impl Bytes {
    pub(crate) async fn like(process: &Process, ask: &impl Ask) -> Result<Self> {
        let request = ask.request(0, 0);
        let mut connection = Connection::open(process.port).await?;
        let answer = connection.send(&request).await?.body.len();
        let body = http::find(&request, b"\r\n\r\n").map_or(0, |head| request.len() - head - 4);
        let path = format!("/bytes/{answer}");
        let get = request.starts_with(b"GET");
        let request = if get { http::get(&path) } else { http::post_body(&path, None, &"x".repeat(body)) };
        Ok(Self(request.into()))
    }
}

impl Ask for Bytes {
    fn request(&self, _: usize, _: usize) -> Vec<u8> {
        self.0.to_vec()
    }

    fn begins(&self) -> &'static [u8] {
        b"x"
    }
}

/// A deep page against the first one.
#[derive(Default)]
pub(crate) struct Depth {
    p99: Rounds,
    cpu: Rounds,
}

impl Depth {
    pub(crate) fn push(&mut self, deep: &Load, shallow: &Load) {
        self.p99.push(deep.p99, shallow.p99);
        self.cpu.push(deep.cpu, shallow.cpu);
    }

    /// The floor of these lines is the first page. A tenth is what the machine's mood adds.
    pub(crate) fn report(&self, report: &mut Report) {
        report.rounds("list-20.page-1000.p99", "ms", &self.p99, Target::RatioAtMost(1.1));
        report.rounds("list-20.page-1000", "CPU-s/1000", &self.cpu, Target::RatioAtMost(1.1));
    }
}
