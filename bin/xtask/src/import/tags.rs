//! Tags by their slugs: created where they are missing, looked up where they are there.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::{
    Entry,
    api::{Api, Refusal},
};
use crate::random;

/// The server's limit.
const SLUG_CHARS_MAX: usize = 60;

const CREATE: &str = "mutation CreateTag($input: CreateTagInput!) { \
    createTag(input: $input) { tag { id slug } } }";
const FIND: &str = "query FindTag($slug: String!) { \
    tags(filter: { slug: { eq: $slug } }, first: 1) { nodes { id slug } } }";

/// The id of every tag that an import names, by its slug.
#[derive(Debug)]
pub(super) struct Tags(BTreeMap<String, String>);

impl Tags {
    /// Make sure that all of them exist, before the todos that carry them.
    pub(super) fn ensure(api: &Api, entries: &[Entry]) -> Result<Self> {
        let mut names: BTreeMap<String, &str> = BTreeMap::new();
        for name in entries.iter().flat_map(|entry| &entry.todo.tags) {
            // Of names that differ in form only, the first one gives the tag its name.
            names.entry(slug(name)).or_insert(name);
        }
        let mut ids = BTreeMap::new();
        for (slug, name) in names {
            let id = ensure_one(api, &slug, name)
                .with_context(|| format!("could not make sure of the tag `{name}`"))?;
            ids.insert(slug, id);
        }
        Ok(Self(ids))
    }

    pub(super) fn ids(&self, names: &[String]) -> Vec<&str> {
        let mut ids: Vec<&str> =
            names.iter().filter_map(|name| self.0.get(&slug(name))).map(String::as_str).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }
}

/// Looked up first: a second run then needs no refused attempt for each tag.
fn ensure_one(api: &Api, slug: &str, name: &str) -> Result<String> {
    if let Some(id) = find(api, slug)? {
        return Ok(id);
    }
    let variables = json!({ "input": { "name": name, "slug": slug } });
    match api.ask(CREATE, &variables) {
        Ok(data) => id(&data["createTag"]["tag"]),
        Err(Refusal::Said { code, .. }) if code == "ALREADY_EXISTS" => {
            find(api, slug)?.context("it exists, and cannot be found")
        }
        Err(Refusal::Said { code, message }) => bail!("{message} ({code})"),
        Err(Refusal::Broken(error)) => Err(error),
    }
}

fn find(api: &Api, slug: &str) -> Result<Option<String>> {
    match api.ask(FIND, &json!({ "slug": slug })) {
        Ok(data) => match data["tags"]["nodes"].as_array().and_then(|nodes| nodes.first()) {
            Some(node) => id(node).map(Some),
            None => Ok(None),
        },
        Err(Refusal::Said { code, message }) => bail!("{message} ({code})"),
        Err(Refusal::Broken(error)) => Err(error),
    }
}

fn id(tag: &Value) -> Result<String> {
    Ok(tag["id"].as_str().context("the server named no id")?.to_owned())
}

/// As the server derives it from a name. A name without a Latin letter or digit gets one from its
/// digest, so that it is the same tag in the next run.
fn slug(name: &str) -> String {
    let words: Vec<String> = name
        .split(|symbol: char| !symbol.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    let slug: String = words.join("-").chars().take(SLUG_CHARS_MAX).collect();
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() {
        let digest = random::sha256(name.as_bytes());
        return format!("tag-{}", &digest[..8]);
    }
    slug.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_small_letters_digits_and_inner_hyphens() {
        assert_eq!(slug("GarageSale"), "garagesale");
        assert_eq!(slug("--To do: now!"), "to-do-now");
        assert_eq!(slug(&"a-".repeat(60)).len(), 59);
    }

    #[test]
    fn a_name_without_latin_letters_keeps_one_slug() {
        assert_eq!(slug("買い物"), slug("買い物"));
        assert_ne!(slug("買い物"), slug("仕事"));
        assert!(slug("買い物").starts_with("tag-"));
    }
}
