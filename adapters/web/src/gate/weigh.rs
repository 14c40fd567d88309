//! What a parsed document weighs, with fragments counted at each use.

use std::collections::HashMap;

use application::Problem;
use async_graphql::{
    Positioned,
    parser::types::{ExecutableDocument, FragmentDefinition, Selection, SelectionSet},
};

use super::{invalid, too_complex};
use crate::EdgeRules;

/// The most selections of a document, fragments counted at each use.
pub const EXPANDED_FIELDS_MAX: usize = 1_000;
/// How deep selections and fragments may lead into each other: the recursion here.
const RECURSION_MAX: usize = 100;

/// Weights add up side by side; depth is the deepest.
#[derive(Debug, Clone, Copy, Default)]
struct Weight {
    selections: usize,
    aliases: usize,
    depth: usize,
}

impl Weight {
    fn beside(self, other: Self) -> Self {
        Self {
            selections: self.selections.saturating_add(other.selections),
            aliases: self.aliases.saturating_add(other.aliases),
            depth: self.depth.max(other.depth),
        }
    }
}

/// Refuses a document that is too heavy.
pub(super) fn check(document: &ExecutableDocument, rules: &EdgeRules) -> Result<(), Problem> {
    let mut scale =
        Scale { fragments: &document.fragments, known: HashMap::new(), introspection: !rules.production };
    let mut whole = Weight::default();
    for (_, operation) in document.operations.iter() {
        whole = whole.beside(scale.set(&operation.node.selection_set.node, 0)?);
    }
    // Fragments that nothing uses are walked by validation too.
    for name in document.fragments.keys() {
        scale.fragment(name.as_str(), 0)?;
    }
    if whole.aliases > rules.aliases {
        return Err(too_complex(format!("the document has more than {} aliases", rules.aliases)));
    }
    if whole.depth > rules.depth {
        return Err(too_complex(format!("the document is nested deeper than {}", rules.depth)));
    }
    if whole.selections > EXPANDED_FIELDS_MAX {
        return Err(too_complex(format!("the document selects more than {EXPANDED_FIELDS_MAX} fields")));
    }
    Ok(())
}

struct Scale<'d> {
    fragments: &'d HashMap<async_graphql::Name, Positioned<FragmentDefinition>>,
    /// `None` while a fragment is being weighed: whoever meets it then stands in a cycle.
    known: HashMap<&'d str, Option<Weight>>,
    /// Whether the schema may be asked about itself.
    introspection: bool,
}

impl<'d> Scale<'d> {
    fn set(&mut self, set: &'d SelectionSet, level: usize) -> Result<Weight, Problem> {
        if level > RECURSION_MAX {
            return Err(too_complex("the document nests too deep"));
        }
        set.items.iter().try_fold(Weight::default(), |sum, item| {
            let weight = self.selection(&item.node, level + 1)?;
            Ok(sum.beside(Weight { selections: weight.selections.saturating_add(1), ..weight }))
        })
    }

    fn selection(&mut self, selection: &'d Selection, level: usize) -> Result<Weight, Problem> {
        match selection {
            Selection::Field(field) => {
                // The schema would answer with null; a plain no is easier to understand. `__type`
                // is left to that null: it tells nothing, and HTTP conformance suites ask for it.
                if !self.introspection && field.node.name.node == "__schema" {
                    return Err(invalid("introspection is off"));
                }
                let inner = self.set(&field.node.selection_set.node, level)?;
                let alias = usize::from(field.node.alias.is_some());
                Ok(Weight { aliases: inner.aliases.saturating_add(alias), depth: inner.depth + 1, ..inner })
            }
            Selection::InlineFragment(fragment) => self.set(&fragment.node.selection_set.node, level),
            Selection::FragmentSpread(spread) => {
                self.fragment(spread.node.fragment_name.node.as_str(), level)
            }
        }
    }

    fn fragment(&mut self, name: &str, level: usize) -> Result<Weight, Problem> {
        // Validation refuses what does not exist.
        let Some((name, fragment)) = self.fragments.get_key_value(name) else { return Ok(Weight::default()) };
        match self.known.insert(name.as_str(), None) {
            Some(Some(weight)) => {
                self.known.insert(name.as_str(), Some(weight));
                Ok(weight)
            }
            Some(None) => Err(invalid(format!("the fragment {name} spreads itself"))),
            None => {
                let weight = self.set(&fragment.node.selection_set.node, level)?;
                self.known.insert(name.as_str(), Some(weight));
                Ok(weight)
            }
        }
    }
}
