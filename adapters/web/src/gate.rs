//! The gate: what a document may cost before anything of it runs.
//!
//! First the bytes are counted, because the parser recurses as deep as a document nests. Then the
//! document is parsed once and weighed with fragments counted at each use, because validation walks
//! them that way: a few small fragments that spread each other are an exponential document.
//!
//! Clients send the same few documents all the time, with other variables. Those that were let
//! through once are remembered, parsed: parsing cost a tenth of a small mutation. With which shapes of
//! variables they were validated is remembered too: validating cost another tenth.

mod known;
mod scan;
mod shape;
mod weigh;

use std::sync::Arc;

use application::{Code, Problem};
use async_graphql::{
    Request, Variables,
    parser::{
        self, parse_query, parse_schema,
        types::{DocumentOperations, ExecutableDocument, OperationDefinition, OperationType},
    },
};

use crate::{EdgeRules, public::LimitedFields};

use self::{
    known::{Known, KnownDocuments},
    shape::Shapes,
};
pub use self::{
    scan::{DIRECTIVES_MAX, NESTING_MAX, TOKENS_MAX},
    weigh::EXPANDED_FIELDS_MAX,
};

/// The longest operation name that is logged, in bytes.
const OPERATION_NAME_BYTES_MAX: usize = 64;

/// What a client wants run, as it came in.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) query: String,
    pub(crate) operation_name: Option<String>,
    pub(crate) variables: Variables,
}

/// A request that may be run.
pub(crate) struct Admitted {
    pub(crate) request: Request,
    pub(crate) kind: OperationType,
    /// For the log.
    pub(crate) name: Option<String>,
    /// For metrics.
    pub(crate) label: Option<Arc<str>>,
    /// How many fields it asks for that are limited.
    pub(crate) limited: u32,
    /// How it is to be validated.
    pub(crate) validity: Validity,
}

/// Whether a document was validated before, with variables of the same shape.
pub(crate) struct Validity {
    known: Arc<Known>,
    shape: u64,
}

impl Validity {
    /// Whether it was.
    pub(crate) fn is_known(&self) -> bool {
        self.known.validated.contains(self.shape)
    }

    /// It is valid: it ran, and nothing was wrong with it.
    pub(crate) fn learn(&self) {
        self.known.validated.insert(self.shape);
    }
}

/// The gate of one schema, under one set of rules.
#[derive(Default)]
pub(crate) struct Gate {
    limited: LimitedFields,
    known: KnownDocuments,
    shapes: Shapes,
}

impl Gate {
    /// The gate of the schema with this text.
    pub(crate) fn of(sdl: &str) -> Self {
        let schema = parse_schema(sdl).expect("async-graphql reads the schemas that it writes");
        let shapes = Shapes::of(&schema);
        Self { limited: LimitedFields::of(schema), known: KnownDocuments::default(), shapes }
    }

    /// Lets a request through, or says why not.
    pub(crate) fn admit(&self, wanted: Wanted, rules: &EdgeRules) -> Result<Admitted, Problem> {
        let known = match self.known.get(&wanted.query) {
            Some(known) => known,
            None => self.known.keep(&wanted.query, parse(&wanted.query, rules)?),
        };
        let shape = self.shapes.shape(wanted.operation_name.as_deref(), &wanted.variables);
        Ok(admitted(wanted, Validity { known, shape }, &self.limited))
    }
}

/// Parses a document that may be run, or says why it may not.
fn parse(query: &str, rules: &EdgeRules) -> Result<ExecutableDocument, Problem> {
    if query.len() > rules.document_bytes {
        return Err(too_complex(format!("the document is larger than {} bytes", rules.document_bytes)));
    }
    scan::check(query)?;
    let document = parse_query(query).map_err(|error| syntax(&error))?;
    weigh::check(&document, rules)?;
    Ok(document)
}

fn admitted(wanted: Wanted, validity: Validity, limited_fields: &LimitedFields) -> Admitted {
    let Wanted { query, operation_name, variables } = wanted;
    let document = validity.known.document.clone();
    let operation_name = operation_name.filter(|name| !name.is_empty());
    let chosen = chosen(&document, operation_name.as_deref());
    let kind = chosen.map_or(OperationType::Query, |(_, operation)| operation.ty);
    let limited = chosen.map_or(0, |(_, operation)| {
        limited_fields.count(kind, &operation.selection_set.node, &document.fragments)
    });
    let label = chosen.map(|(_, operation)| limited_fields.label(&operation.selection_set.node));
    // Names are ASCII by the grammar, so that any byte is a boundary.
    let name = chosen.and_then(|(name, _)| name);
    let name = name.map(|name| name[..name.len().min(OPERATION_NAME_BYTES_MAX)].to_owned());
    let mut request = Request::new(query).variables(variables);
    request.operation_name = operation_name;
    request.set_parsed_query(document);
    Admitted { request, kind, name, label, limited, validity }
}

pub(crate) fn too_complex(message: impl Into<String>) -> Problem {
    Problem::new(Code::QueryTooComplex, message)
}

pub(crate) fn invalid(message: impl Into<String>) -> Problem {
    Problem::new(Code::ValidationFailed, message)
}

/// The name and the operation that will run. A name that is not in the document is refused by
/// validation later.
fn chosen<'d>(
    document: &'d ExecutableDocument,
    name: Option<&str>,
) -> Option<(Option<&'d str>, &'d OperationDefinition)> {
    match (&document.operations, name) {
        (DocumentOperations::Single(operation), _) => Some((None, &operation.node)),
        (DocumentOperations::Multiple(operations), Some(name)) => {
            operations.get_key_value(name).map(|(name, operation)| (Some(name.as_str()), &operation.node))
        }
        (DocumentOperations::Multiple(operations), None) => {
            operations.iter().next().map(|(name, operation)| (Some(name.as_str()), &operation.node))
        }
    }
}

/// A syntax error in one line; the parser draws a picture.
fn syntax(error: &parser::Error) -> Problem {
    let text = error.to_string();
    let reason = text.rsplit_once("= ").map_or(text.as_str(), |(_, reason)| reason).trim();
    match error.positions().next() {
        Some(at) => invalid(format!("syntax error at {}:{}: {reason}", at.line, at.column)),
        None => invalid(format!("syntax error: {reason}")),
    }
}

#[cfg(test)]
mod tests {
    use std::{fmt::Write, time::Instant};

    use super::*;

    fn refusal(query: &str) -> Option<(Code, String)> {
        let started = Instant::now();
        let wanted = Wanted { query: query.to_owned(), ..Wanted::default() };
        let refusal = Gate::default().admit(wanted, &EdgeRules::production()).err();
        // Without optimisation a few milliseconds become tens.
        assert!(started.elapsed().as_millis() < 200, "{:?}", started.elapsed());
        refusal.map(|problem| (problem.code, problem.message))
    }

    fn code(query: &str) -> Option<Code> {
        refusal(query).map(|(code, _)| code)
    }

    #[test]
    fn a_known_document_is_admitted_with_the_variables_and_the_operation_of_each_time() {
        let gate = Gate::default();
        let query = "query One($id: ID!) { todo(id: $id) { id } } mutation Two { logout }";
        for (name, kind) in
            [("One", OperationType::Query), ("Two", OperationType::Mutation), ("One", OperationType::Query)]
        {
            let variables = Variables::from_json(serde_json::json!({ "id": name }));
            let wanted = Wanted { query: query.to_owned(), operation_name: Some(name.to_owned()), variables };
            let mut admitted =
                gate.admit(wanted, &EdgeRules::production()).unwrap_or_else(|_| panic!("it may run"));
            assert_eq!((admitted.kind, admitted.name.as_deref()), (kind, Some(name)));
            assert_eq!(admitted.request.variables["id"].to_string(), format!("{name:?}"));
            assert_eq!(admitted.request.parsed_query().expect("parsed").operations.iter().count(), 2);
        }
        assert_eq!(gate.known.documents(), 1);
    }

    #[test]
    fn what_may_not_run_is_not_remembered() {
        let gate = Gate::default();
        for query in ["{", "{...A} fragment A on Q {...A}", "{ __schema { types { name } } }"] {
            for _ in 0..2 {
                let wanted = Wanted { query: query.to_owned(), ..Wanted::default() };
                assert!(gate.admit(wanted, &EdgeRules::production()).is_err(), "{query}");
            }
        }
        assert_eq!(gate.known.documents(), 0);
    }

    #[test]
    fn honest_documents_pass() {
        for query in [
            "{health}",
            "query Todos($first: Int = 20) { todos(first: $first, filter: {done: {eq: false}}) { nodes { id owner { id } tags { id } } } }",
            "# a comment with { and @ and \"\n{ health }",
            r#"{ todo(id: "a { b ( c [ @ \" d") { ...F } } fragment F on Todo { text }"#,
            r#"{ a(text: """block " with { and \""" inside""") }"#,
        ] {
            assert_eq!(refusal(query), None, "{query}");
        }
    }

    #[test]
    fn bombs_do_not_pass() {
        let aliases = (0..1_000).fold(String::from("{"), |mut text, n| {
            let _ = write!(text, "a{n}:health ");
            text
        }) + "}";
        let nested = "{a".repeat(50) + &"}".repeat(50);
        let lists = format!("{{a(b: {}{})}}", "[".repeat(7_000), "]".repeat(7_000));
        for (name, bomb) in [
            ("1,000 aliases", aliases),
            ("10,000 directives", format!("{{health {}}}", "@a".repeat(10_000))),
            ("directives under the size", format!("{{health {}}}", "@a".repeat(5_000))),
            ("depth 50", nested),
            ("depth 5,000", "{a".repeat(5_000)),
            ("nested lists", lists),
            ("200 KB", format!("{{health}} #{}", "x".repeat(200 * 1024))),
            ("tokens", format!("{{{}}}", "a,".repeat(7_000))),
        ] {
            assert_eq!(code(&bomb), Some(Code::QueryTooComplex), "{name}");
        }
    }

    #[test]
    fn fragments_are_counted_at_each_use() {
        let mut wide = String::from("{...F0}");
        for n in 0..40 {
            let _ = write!(wide, " fragment F{n} on Query {{ ...F{} ...F{} }}", n + 1, n + 1);
        }
        wide.push_str(" fragment F40 on Query { health }");
        assert_eq!(code(&wide), Some(Code::QueryTooComplex));

        let aliases = "{...A ...B} fragment A on Query {...C ...C} fragment B on Query {...C ...C}
            fragment C on Query {a:h b:h c:h d:h}";
        assert_eq!(
            refusal(aliases).map(|(_, text)| text),
            Some("the document has more than 15 aliases".to_owned())
        );

        let deep = "{a{a{a{...F}}}} fragment F on Q {a{a{a{a{a}}}}}";
        assert_eq!(code(deep), Some(Code::QueryTooComplex));
    }

    #[test]
    fn cycles_and_nonsense_are_refused() {
        assert_eq!(
            code("{...A} fragment A on Q {...B} fragment B on Q {a{...A}}"),
            Some(Code::ValidationFailed)
        );
        assert_eq!(code("{...A} fragment A on Q {...A}"), Some(Code::ValidationFailed));
        for nonsense in ["", "{", "}", "query", "{a}{b}", "\"", "\"\"\"", "{a(b:\"\\", "🦀"] {
            assert_eq!(code(nonsense), Some(Code::ValidationFailed), "{nonsense}");
        }
    }

    #[test]
    fn a_syntax_error_is_one_line() {
        let (_, text) = refusal("{ health(").expect("refused");
        assert!(text.starts_with("syntax error at 1:") && !text.contains('\n'), "{text}");
    }
}
