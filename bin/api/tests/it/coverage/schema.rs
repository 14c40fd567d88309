//! A surface as its stored schema describes it, and requests made from nothing else.

use std::{collections::HashMap, fmt::Write};

use async_graphql_parser::{
    parse_schema,
    types::{BaseType, FieldDefinition, InputValueDefinition, Type, TypeKind, TypeSystemDefinition},
};

/// How deep answers are asked for.
const DEPTH: usize = 3;
/// An id that nothing has.
pub(crate) const NOTHING: &str = "01890000-0000-7000-8000-000000000000";

/// A root field.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Field {
    /// `user` or `portal`.
    pub(crate) surface: &'static str,
    /// `query`, `mutation` or `subscription`.
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    /// Whether it carries `@limited`.
    pub(crate) limited: bool,
    /// Whether any of its arguments, however deep, is an id.
    pub(crate) takes_ids: bool,
}

impl std::fmt::Display for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {}", self.surface, self.kind, self.name)
    }
}

/// The types of a surface.
pub(crate) struct Schema {
    surface: &'static str,
    types: HashMap<String, TypeKind>,
}

impl Schema {
    /// The stored schema of a surface.
    pub(crate) fn of(surface: &'static str) -> Self {
        let text = match surface {
            "user" => include_str!("../../../../../schema/user.graphql"),
            _ => include_str!("../../../../../schema/portal.graphql"),
        };
        let document = parse_schema(text).expect("the stored schema is one");
        let types = document.definitions.into_iter().filter_map(|definition| match definition {
            TypeSystemDefinition::Type(it) => Some((it.node.name.node.to_string(), it.node.kind)),
            TypeSystemDefinition::Schema(_) | TypeSystemDefinition::Directive(_) => None,
        });
        Self { surface, types: types.collect() }
    }

    /// All root fields.
    pub(crate) fn fields(&self) -> Vec<Field> {
        let roots = [("query", "Query"), ("mutation", "Mutation"), ("subscription", "Subscription")];
        let mut all = Vec::new();
        for (kind, root) in roots {
            for field in self.fields_of(root) {
                let takes_ids =
                    field.arguments.iter().any(|argument| self.is_of_ids(&argument.node.ty.node, 0));
                let limited = field.directives.iter().any(|it| it.node.name.node == "limited");
                let name = field.name.node.to_string();
                all.push(Field { surface: self.surface, kind, name, limited, takes_ids });
            }
        }
        assert!(all.len() > 5, "the schema has root fields");
        all
    }

    /// A request for a field with every argument it needs. With `ids`, it also gives every id it
    /// could: the first of them, at every place where one fits.
    pub(crate) fn request(&self, field: &Field, id: Option<&str>) -> String {
        let root = match field.kind {
            "query" => "Query",
            "mutation" => "Mutation",
            _ => "Subscription",
        };
        let definition = self
            .fields_of(root)
            .into_iter()
            .find(|it| it.name.node == field.name.as_str())
            .expect("the field is there");
        let arguments: Vec<String> =
            definition.arguments.iter().filter_map(|argument| self.argument(&argument.node, id, 0)).collect();
        let arguments =
            if arguments.is_empty() { String::new() } else { format!("({})", arguments.join(", ")) };
        let selection = self.selection(&definition.ty.node, DEPTH).unwrap_or_default();
        format!("{} {{ {}{arguments}{selection} }}", field.kind, field.name)
    }

    fn fields_of(&self, name: &str) -> Vec<&FieldDefinition> {
        match self.types.get(name) {
            Some(TypeKind::Object(object)) => object.fields.iter().map(|field| &field.node).collect(),
            _ => Vec::new(),
        }
    }

    /// `name: value`, when it is needed or there is an id to put into it.
    fn argument(&self, of: &InputValueDefinition, id: Option<&str>, level: usize) -> Option<String> {
        let needed = !of.ty.node.nullable && of.default_value.is_none();
        let wanted = id.is_some() && self.is_of_ids(&of.ty.node, level);
        let name = of.name.node.as_str();
        (needed || wanted).then(|| format!("{name}: {}", self.value(name, &of.ty.node, id, level)))
    }

    fn value(&self, name: &str, ty: &Type, id: Option<&str>, level: usize) -> String {
        let named = match &ty.base {
            BaseType::List(inner) => return format!("[{}]", self.value(name, inner, id, level)),
            BaseType::Named(named) => named.as_str(),
        };
        match self.types.get(named) {
            Some(TypeKind::Enum(of)) => of.values[0].node.value.node.to_string(),
            Some(TypeKind::InputObject(of)) => {
                let fields = of.fields.iter().filter_map(|field| self.argument(&field.node, id, level + 1));
                format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
            }
            _ => match named {
                "ID" => format!("{:?}", id.unwrap_or(NOTHING)),
                "Int" => "1".to_owned(),
                "Float" => "1.5".to_owned(),
                "Boolean" => "true".to_owned(),
                "DateTime" => "\"2030-01-01T00:00:00Z\"".to_owned(),
                _ => format!("{:?}", text(name)),
            },
        }
    }

    /// Whether an id fits somewhere into a value of this type.
    fn is_of_ids(&self, ty: &Type, level: usize) -> bool {
        match &ty.base {
            BaseType::List(inner) => self.is_of_ids(inner, level),
            BaseType::Named(named) if named == "ID" => true,
            BaseType::Named(named) => match self.types.get(named.as_str()) {
                // Filters lead into each other.
                Some(TypeKind::InputObject(of)) if level < 3 => {
                    of.fields.iter().any(|field| self.is_of_ids(&field.node.ty.node, level + 1))
                }
                _ => false,
            },
        }
    }

    /// Everything that can be asked of a type without arguments; `None` of a scalar.
    fn selection(&self, ty: &Type, depth: usize) -> Option<String> {
        let named = match &ty.base {
            BaseType::List(inner) => return self.selection(inner, depth),
            BaseType::Named(named) => named.as_str(),
        };
        let TypeKind::Object(object) = self.types.get(named)? else { return None };
        let mut fields = String::new();
        for field in object.fields.iter().map(|field| &field.node) {
            if field.arguments.iter().any(|argument| !argument.node.ty.node.nullable) {
                continue;
            }
            let is_object = self.leads_to_object(&field.ty.node);
            match self.selection(&field.ty.node, depth.saturating_sub(1)) {
                Some(inner) if depth > 0 => {
                    let _ = write!(fields, " {}{inner}", field.name.node);
                }
                None if !is_object => {
                    let _ = write!(fields, " {}", field.name.node);
                }
                Some(_) | None => {}
            }
        }
        // So deep that only objects are left: their name is always there.
        if fields.is_empty() {
            fields.push_str(" __typename");
        }
        Some(format!(" {{{fields} }}"))
    }

    fn leads_to_object(&self, ty: &Type) -> bool {
        match &ty.base {
            BaseType::List(inner) => self.leads_to_object(inner),
            BaseType::Named(named) => matches!(self.types.get(named.as_str()), Some(TypeKind::Object(_))),
        }
    }
}

/// A text that passes for what an argument of that name wants.
fn text(name: &str) -> &'static str {
    match name.to_ascii_lowercase().as_str() {
        "email" => "somebody@coverage.test",
        it if it.contains("password") => "Correct7Horse",
        "username" | "identifier" => "somebody",
        "fullname" => "Some Body",
        "color" | "colour" => "#123456",
        "code" => "123456",
        "slug" => "some-slug",
        "mimetype" => "image/png",
        "originalname" => "picture.png",
        "aggregatetype" => "todo",
        "permissions" => "create-todo",
        "roles" => "Viewer",
        _ => "something",
    }
}
