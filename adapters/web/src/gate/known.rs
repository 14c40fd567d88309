//! Documents that were let through before, by their text, and with what they were validated.

use std::sync::Arc;

use async_graphql::parser::types::ExecutableDocument;
use quick_cache::{Weighter, sync::Cache};

use super::shape::Validated;

/// The texts of all that are remembered, in bytes. Parsed, they take some ten times as much.
const KNOWN_BYTES_MAX: u64 = 256 * 1024;
/// Room made for them at the start.
const KNOWN_FIRST: usize = 64;

/// A document that was let through.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) document: ExecutableDocument,
    pub(super) validated: Validated,
}

#[derive(Clone)]
struct Bytes;

impl Weighter<String, Arc<Known>> for Bytes {
    fn weight(&self, text: &String, _: &Arc<Known>) -> u64 {
        text.len() as u64
    }
}

/// See the module. Whoever sends a new document each time pushes others out, and no more: they are
/// parsed again.
pub(super) struct KnownDocuments(Cache<String, Arc<Known>, Bytes>);

impl Default for KnownDocuments {
    fn default() -> Self {
        Self(Cache::with_weighter(KNOWN_FIRST, KNOWN_BYTES_MAX, Bytes))
    }
}

impl KnownDocuments {
    pub(super) fn get(&self, text: &str) -> Option<Arc<Known>> {
        self.0.get(text)
    }

    pub(super) fn keep(&self, text: &str, document: ExecutableDocument) -> Arc<Known> {
        let known = Arc::new(Known { document, validated: Validated::default() });
        self.0.insert(text.to_owned(), Arc::clone(&known));
        known
    }

    #[cfg(test)]
    pub(super) fn documents(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    #[test]
    fn a_flood_of_new_documents_takes_no_more_room_than_there_is() {
        let known = KnownDocuments::default();
        for n in 0..2_000 {
            let text = format!("{{ a{n} }} # {}", "x".repeat(1_000));
            known.keep(&text, parse_query(&text).unwrap());
        }
        assert!(known.0.weight() <= KNOWN_BYTES_MAX, "{}", known.0.weight());
        assert!(known.documents() > 100, "{}", known.documents());
    }
}
