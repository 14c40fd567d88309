//! Operations that need no token, and how often one client may use them.
//!
//! A resolver that anybody may use, or that checks a password, says so with the directive `@limited`. That is the only list
//! there is: the surface reads it from its own schema, clients read it in the same place, and the
//! coverage test of `bin/api` finds a field that answers strangers without it.

use std::{
    collections::{HashMap, HashSet},
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
};

use application::{Platform, Problem, meter, ports::Wait};
use async_graphql::{
    Name, Positioned,
    parser::types::{
        FragmentDefinition, OperationType, Selection, SelectionSet, ServiceDocument, TypeKind,
        TypeSystemDefinition,
    },
};
use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::BlindIndex;

use crate::Edge;

/// In metrics, an operation that asks for several things.
const SEVERAL: &str = "several";
/// In metrics, an operation that is not ours.
const UNKNOWN: &str = "unknown";
/// The name of the directive.
const LIMITED: &str = "limited";

/// The fields of a schema that are limited, by the kind of operation.
#[derive(Debug, Default)]
pub(crate) struct LimitedFields {
    query: HashSet<String>,
    mutation: HashSet<String>,
    /// Everything that can be asked for at all, limited or not: what metrics may name.
    known: HashSet<Arc<str>>,
}

impl LimitedFields {
    /// Those that a schema marks.
    pub(crate) fn of(schema: ServiceDocument) -> Self {
        let mut limited = Self::default();
        for definition in schema.definitions {
            let TypeSystemDefinition::Type(definition) = definition else { continue };
            let root = definition.node.name.node.as_str().to_owned();
            let TypeKind::Object(object) = definition.node.kind else { continue };
            if ["Query", "Mutation", "Subscription"].contains(&root.as_str()) {
                let names = object.fields.iter().map(|field| Arc::from(field.node.name.node.as_str()));
                limited.known.extend(names);
            }
            let fields = match root.as_str() {
                "Query" => &mut limited.query,
                "Mutation" => &mut limited.mutation,
                _ => continue,
            };
            let marked = object.fields.into_iter().filter(|field| {
                field.node.directives.iter().any(|directive| directive.node.name.node == LIMITED)
            });
            fields.extend(marked.map(|field| field.node.name.node.to_string()));
        }
        limited
    }

    /// What an operation is called in metrics: its one field, where it is one of ours. Names that
    /// clients make up are not kept.
    pub(crate) fn label(&self, set: &SelectionSet) -> Arc<str> {
        match set.items.as_slice() {
            [Positioned { node: Selection::Field(field), .. }] => {
                let name = field.node.name.node.as_str();
                self.known.get(name).map_or_else(|| Arc::from(UNKNOWN), Arc::clone)
            }
            _ => Arc::from(SEVERAL),
        }
    }

    /// How many of them an operation asks for: each alias counts, and each use of a fragment.
    pub(crate) fn count(
        &self,
        kind: OperationType,
        set: &SelectionSet,
        fragments: &HashMap<Name, Positioned<FragmentDefinition>>,
    ) -> u32 {
        let fields = match kind {
            OperationType::Query => &self.query,
            OperationType::Mutation => &self.mutation,
            OperationType::Subscription => return 0,
        };
        // The document was weighed: fragments do not spread themselves, and are not many.
        let within = |set| self.count(kind, set, fragments);
        let counts = set.items.iter().map(|item| match &item.node {
            Selection::Field(field) => u32::from(fields.contains(field.node.name.node.as_str())),
            Selection::InlineFragment(fragment) => within(&fragment.node.selection_set.node),
            Selection::FragmentSpread(spread) => fragments
                .get(&spread.node.fragment_name.node)
                .map_or(0, |fragment| within(&fragment.node.selection_set.node)),
        });
        counts.fold(0, u32::saturating_add)
    }
}

/// Turns the addresses of clients into keys that tell nothing about them.
#[derive(Clone)]
pub struct ClientKeys(hmac::Key);

impl ClientKeys {
    /// With a secret that all nodes share.
    pub fn new(secret: [u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, &secret))
    }

    /// The key of a client on a surface, for what it does there.
    fn of(&self, platform: Platform, what: &str, client: Option<IpAddr>) -> BlindIndex {
        let client = client.map_or_else(|| "unknown".to_owned(), |address| network(address).to_string());
        let tag = hmac::sign(&self.0, format!("{}{what} {client}", platform.name()).as_bytes());
        BlindIndex::new(URL_SAFE_NO_PAD.encode(tag))
    }
}

/// What one client holds: of IPv6 a whole /64, since whoever has one address has them all.
fn network(address: IpAddr) -> IpAddr {
    const HOST_BITS: u32 = 64;
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> HOST_BITS << HOST_BITS)),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// Counts `count` uses of limited fields, or says when to come back.
pub(crate) async fn admit(edge: &Edge, client: Option<IpAddr>, count: u32) -> Result<(), Problem> {
    if count == 0 {
        return Ok(());
    }
    let key = edge.clients.of(edge.platform, "", client);
    edge.limits.admit(&key, count, edge.rules.public).await.map_err(|wait| {
        meter::REFUSALS.add(1, ["public"]);
        Problem::from(wait)
    })
}

/// Counts a key that is nobody's, apart from what strangers may do: those who come from behind the
/// same address can still sign in.
pub(crate) async fn count_guess(edge: &Edge, client: Option<IpAddr>) -> Result<(), Wait> {
    let key = edge.clients.of(edge.platform, " key", client);
    edge.limits.admit(&key, 1, edge.rules.public).await.inspect_err(|_| meter::REFUSALS.add(1, ["key"]))
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_schema;

    use super::*;

    const SDL: &str = "type Query { health: String! lookUp: Int @limited }
        type Mutation { login(a: Int): Int! @limited register: Int @deprecated @limited createTodo: Int }
        type Other { login: Int @limited }
        directive @limited on FIELD_DEFINITION";

    fn counted(query: &str) -> u32 {
        let document = async_graphql::parser::parse_query(query).expect("a document");
        let (_, operation) = document.operations.iter().next().expect("an operation");
        let fields = LimitedFields::of(parse_schema(SDL).unwrap());
        fields.count(operation.node.ty, &operation.node.selection_set.node, &document.fragments)
    }

    #[test]
    fn each_alias_and_each_use_of_a_fragment_counts() {
        for (query, count) in [
            ("{ health }", 0),
            ("{ lookUp health login }", 1),
            ("mutation { a: login b: login c: register d: createTodo }", 3),
            (
                "mutation { ...F ...F ... { login } ... on Mutation { login { login } } } \
              fragment F on Mutation { x: login ...G } fragment G on Mutation { y: register }",
                6,
            ),
            ("subscription { login }", 0),
            ("mutation { ...Nowhere }", 0),
        ] {
            assert_eq!(counted(query), count, "{query}");
        }
    }

    #[test]
    fn a_client_is_one_whatever_its_address_in_its_network() {
        let keys = ClientKeys::new([7; 32]);
        let key = |text: &str| keys.of(Platform::User, "", Some(text.parse().expect("an address")));
        assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff::9"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_eq!(key("::ffff:203.0.113.9"), key("203.0.113.9"));
        assert_ne!(key("203.0.113.9"), key("203.0.113.8"));
        assert_ne!(keys.of(Platform::Portal, "", None), keys.of(Platform::User, "", None));
        assert!(!key("203.0.113.9").as_str().contains("203"));
    }
}
