//! Who brought whom.

use serde_json::{Value, json};

use crate::{
    client::Client,
    person::{PASSWORD, REGISTER, VERIFY, demo_person, fresh_name, input, login, mailed_token},
    system::{demo, shared},
};

const STATS: &str = "{ myReferralStats { directCount totalDescendants depth } }";
const DOWNLINE: &str = "query($first: Int, $after: Cursor, $filter: ReferralFilter, $sort: ReferralSort) { \
    myDownline(first: $first, after: $after, filter: $filter, sort: $sort) { \
    edges { cursor } nodes { referralCode joinedAt level user { fullname } } \
    pageInfo { hasNextPage hasPreviousPage endCursor } totalCount } }";

/// Somebody who came with a code; the client and the own code.
async fn newcomer(nobody: &Client, code: Option<&str>) -> (Client, String) {
    let username = fresh_name();
    let mut input = input(&username);
    input["referralCode"] = json!(code);
    let registered = nobody.ask(REGISTER, json!({"input": input})).await;
    let token = mailed_token(nobody, &format!("{username}@people.test")).await;
    nobody.ask(VERIFY, json!({"token": token})).await;
    let tokens = login(nobody, &username, PASSWORD).await;
    let own = registered["user"]["referralCode"].as_str().unwrap().to_owned();
    let client = nobody.bearer(tokens["accessToken"].as_str().unwrap()).after(&registered["cursor"]);
    (client, own)
}

fn stats(direct: i64, total: i64, depth: i64) -> Value {
    json!({"directCount": direct, "totalDescendants": total, "depth": depth})
}

fn column<'a>(page: &'a Value, name: &str) -> Vec<&'a Value> {
    page["nodes"].as_array().unwrap().iter().map(|node| &node[name]).collect()
}

#[tokio::test]
async fn newcomers_stand_below_those_who_brought_them() {
    let system = shared().await;
    let (a, b) = (system.a.client(), system.b.client());
    let (root, root_code) = newcomer(&a, None).await;
    let (child, child_code) = newcomer(&b, Some(&root_code)).await;
    let (_, second_code) = newcomer(&a, Some(&format!(" {} ", root_code.to_lowercase()))).await;
    let (grandchild, grandchild_code) = newcomer(&b, Some(&child_code)).await;
    // The last who came is shown only once everybody else is.
    let (last, _) = newcomer(&a, Some(&grandchild_code)).await;
    assert_eq!(last.ask(STATS, json!({})).await, stats(0, 0, 3));
    assert_eq!(grandchild.ask(STATS, json!({})).await, stats(1, 1, 2));
    assert_eq!(child.ask(STATS, json!({})).await, stats(1, 2, 1));
    assert_eq!(root.ask(STATS, json!({})).await, stats(2, 4, 0));

    let all = root.ask(DOWNLINE, json!({})).await;
    assert_eq!(column(&all, "level"), [3, 2, 1, 1], "newest first");
    assert_eq!(
        column(&all, "referralCode")[1..],
        [&json!(grandchild_code), &json!(second_code), &json!(child_code)]
    );
    assert!(column(&all, "user").iter().all(|user| user.is_null()), "of other tenants one sees no name");
    assert_eq!(all["totalCount"], 4);

    let sort = json!({"field": "LEVEL", "direction": "DESC"});
    let (mut levels, mut after) = (Vec::new(), Value::Null);
    loop {
        let page = root.ask(DOWNLINE, json!({"first": 1, "after": after, "sort": sort})).await;
        levels.push(page["nodes"][0]["level"].clone());
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    assert_eq!(levels, [3, 2, 1, 1], "page by page");
    let direct = root.ask(DOWNLINE, json!({"filter": {"direct": {"eq": true}}})).await;
    assert_eq!((column(&direct, "level"), &direct["totalCount"]), (vec![&json!(1), &json!(1)], &json!(2)));
    assert_eq!(last.ask(DOWNLINE, json!({})).await["totalCount"], 0, "nobody sees upwards");
}

#[tokio::test]
async fn an_unknown_code_makes_a_root() {
    let system = shared().await;
    for code in ["REF-XXXXXX", "", "garbage", "' OR 1=1 --", &"R".repeat(10_000)] {
        let (newcomer, _) = newcomer(&system.a.client(), Some(code)).await;
        assert_eq!(newcomer.ask(STATS, json!({})).await, stats(0, 0, 0), "{}", code.len());
    }
}

#[tokio::test]
async fn referrals_are_shown_to_those_who_may_see_them() {
    let system = demo().await;
    let esi = demo_person(&system.a, "esi").await;
    for document in [STATS, DOWNLINE] {
        let refused = esi.refused(document, json!({})).await;
        assert_eq!(
            (refused.code.as_str(), refused.message.as_str()),
            ("FORBIDDEN", "Missing permission: view-referrals")
        );
        assert_eq!(system.a.client().refused(document, json!({})).await.code, "UNAUTHENTICATED");
    }
}
