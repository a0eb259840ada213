//! Whether values are such as the description of the Bot API allows.

use serde::Deserialize;
use serde_json::{Map, Value};
use std::{
    collections::{BTreeMap, HashMap},
    sync::OnceLock,
};

/// A parameter or field that holds a file which came with the request is an object with this field.
pub(super) const UPLOAD: &str = "$upload";

/// What a value may be.
#[derive(Debug)]
pub(super) enum Kind {
    Integer,
    Float,
    Boolean,
    String,
    File,
    Array(Box<Kind>),
    Named(usize),
    Union(Vec<Kind>),
}

/// A parameter of a method or a field of a type.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) required: bool,
    constant: Option<String>,
}

/// A method.
#[derive(Debug)]
pub(super) struct Method {
    pub(super) name: String,
    pub(super) fields: Vec<Field>,
}

#[derive(Debug)]
enum Shape {
    Fields(Vec<Field>),
    Union(Vec<Kind>),
}

/// The description of the API, made ready for many checks.
pub(super) struct Spec {
    methods: HashMap<String, Method>,
    names: HashMap<String, usize>,
    types: Vec<(String, Shape)>,
}

#[derive(Deserialize)]
struct Raw {
    methods: BTreeMap<String, RawFields>,
    types: BTreeMap<String, RawFields>,
}

#[derive(Deserialize)]
struct RawFields {
    #[serde(default)]
    fields: Vec<RawField>,
    subtypes: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct RawField {
    name: String,
    types: Vec<String>,
    #[serde(default)]
    required: bool,
    #[serde(rename = "const")]
    constant: Option<String>,
}

impl Spec {
    /// The one description; it is read when it is first needed.
    pub(super) fn get() -> &'static Self {
        static SPEC: OnceLock<Spec> = OnceLock::new();
        SPEC.get_or_init(Self::read)
    }

    fn read() -> Self {
        let raw = include_str!("bot-api-10.3.json");
        let raw: Raw = serde_json::from_str(raw).expect("the description is JSON of this form");
        let names = raw.types.keys().cloned().zip(0..).collect();
        let fields = |fields: Vec<RawField>| {
            let field = |field: RawField| Field {
                kind: union(&field.types, &names),
                name: field.name,
                required: field.required,
                constant: field.constant,
            };
            fields.into_iter().map(field).collect::<Vec<_>>()
        };
        let methods = raw.methods.into_iter().map(|(name, method)| {
            let fields = fields(method.fields);
            (name.to_lowercase(), Method { name, fields })
        });
        let methods = methods.collect();
        let types = raw.types.into_iter().map(|(name, described)| {
            let shape = match described.subtypes {
                Some(subtypes) => {
                    Shape::Union(subtypes.iter().map(|name| kind(name, &names)).collect())
                }
                None => Shape::Fields(fields(described.fields)),
            };
            (name, shape)
        });
        let types = types.collect();
        Self {
            methods,
            names,
            types,
        }
    }

    /// The method of this name, in whatever case it is written.
    pub(super) fn method(&self, name: &str) -> Option<&Method> {
        self.methods.get(&name.to_lowercase())
    }

    /// What is wrong with the parameters of a call.
    pub(super) fn call(&self, method: &Method, params: &Map<String, Value>) -> Vec<String> {
        let mut found = vec![];
        self.fields(&method.name, &method.fields, params, &mut found);
        found
    }

    /// What is wrong with a value of the type of this name.
    pub(super) fn value(&self, name: &str, value: &Value) -> Vec<String> {
        let mut found = vec![];
        match self.names.get(name) {
            Some(index) => self.check(name, &Kind::Named(*index), value, &mut found),
            None => found.push(format!("{name}: no such type")),
        }
        found
    }

    fn fields(
        &self,
        path: &str,
        fields: &[Field],
        object: &Map<String, Value>,
        found: &mut Vec<String>,
    ) {
        let mut known = 0;
        for field in fields {
            let Some(value) = object.get(&field.name) else {
                if field.required {
                    found.push(format!("{path}: {} is missing", field.name));
                }
                continue;
            };
            known += 1;
            let path = format!("{path}.{}", field.name);
            if let Some(constant) = &field.constant
                && value != constant.as_str()
            {
                found.push(format!("{path}: {value} is not {constant:?}"));
            }
            self.check(&path, &field.kind, value, found);
        }
        if known < object.len() {
            let unknown = |name: &&String| !fields.iter().any(|field| field.name == **name);
            let unknown = object.keys().filter(unknown);
            found.extend(unknown.map(|name| format!("{path}: {name} is unknown")));
        }
    }

    fn check(&self, path: &str, kind: &Kind, value: &Value, found: &mut Vec<String>) {
        let fits = match kind {
            Kind::Integer => value.is_i64() || value.is_u64(),
            Kind::Float => value.is_number(),
            Kind::Boolean => value.is_boolean(),
            Kind::String => value.is_string(),
            Kind::File => is_upload(value),
            Kind::Array(item) => match value.as_array() {
                Some(items) => {
                    for (index, value) in items.iter().enumerate() {
                        self.check(&format!("{path}[{index}]"), item, value, found);
                    }
                    true
                }
                None => false,
            },
            Kind::Named(index) => match &self.types[*index].1 {
                Shape::Union(kinds) => return self.union(path, kinds, value, found),
                Shape::Fields(fields) => match value.as_object() {
                    Some(object) => {
                        self.fields(path, fields, object, found);
                        true
                    }
                    None => false,
                },
            },
            Kind::Union(kinds) => return self.union(path, kinds, value, found),
        };
        if !fits {
            let value = short(value);
            found.push(format!("{path}: {value} is not {}", self.named(kind)));
        }
    }

    /// What is wrong is said of the member that comes closest.
    fn union(&self, path: &str, kinds: &[Kind], value: &Value, found: &mut Vec<String>) {
        let mut closest: Option<Vec<String>> = None;
        for kind in kinds.iter().filter(|kind| self.meant(kind, value)) {
            let mut wrong = vec![];
            self.check(path, kind, value, &mut wrong);
            if closest
                .as_ref()
                .is_none_or(|closest| wrong.len() < closest.len())
            {
                closest = Some(wrong);
            }
        }
        if let Some(mut wrong) = closest {
            found.append(&mut wrong);
            return;
        }
        let kinds: Vec<String> = kinds.iter().map(|kind| self.named(kind)).collect();
        let (kinds, value) = (kinds.join(", "), short(value));
        found.push(format!("{path}: {value} is none of {kinds}"));
    }

    /// Whether a value can be meant as one of this kind: JSON's type and the constants are right.
    fn meant(&self, kind: &Kind, value: &Value) -> bool {
        match kind {
            Kind::Integer | Kind::Float => value.is_number(),
            Kind::Boolean => value.is_boolean(),
            Kind::String => value.is_string(),
            Kind::File => is_upload(value),
            Kind::Array(_) => value.is_array(),
            Kind::Union(kinds) => kinds.iter().any(|kind| self.meant(kind, value)),
            Kind::Named(index) => match &self.types[*index].1 {
                Shape::Union(kinds) => kinds.iter().any(|kind| self.meant(kind, value)),
                Shape::Fields(fields) => {
                    value.is_object()
                        && !is_upload(value)
                        && fields.iter().all(|field| {
                            let constant = field.constant.as_deref();
                            constant.is_none_or(|constant| value[&field.name] == constant)
                        })
                }
            },
        }
    }

    fn named(&self, kind: &Kind) -> String {
        match kind {
            Kind::Array(item) => format!("Array of {}", self.named(item)),
            Kind::Named(index) => self.types[*index].0.clone(),
            Kind::Union(kinds) => {
                let kinds: Vec<String> = kinds.iter().map(|kind| self.named(kind)).collect();
                kinds.join(" or ")
            }
            simple => format!("{simple:?}"),
        }
    }
}

fn is_upload(value: &Value) -> bool {
    value.get(UPLOAD).is_some()
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn union(types: &[String], names: &HashMap<String, usize>) -> Kind {
    match types {
        [one] => kind(one, names),
        many => Kind::Union(many.iter().map(|name| kind(name, names)).collect()),
    }
}

fn kind(name: &str, names: &HashMap<String, usize>) -> Kind {
    if let Some(item) = name.strip_prefix("Array of ") {
        return Kind::Array(Box::new(kind(item, names)));
    }
    match name {
        "Integer" => Kind::Integer,
        "Float" => Kind::Float,
        "Boolean" => Kind::Boolean,
        "String" => Kind::String,
        "InputFile" => Kind::File,
        named => Kind::Named(*names.get(named).expect("each type is described")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(method: &str, params: &Value) -> Vec<String> {
        let spec = Spec::get();
        let method = spec.method(method).expect("it is described");
        spec.call(method, params.as_object().expect("an object"))
    }

    #[test]
    fn nested_values_are_checked_against_the_type_that_is_meant() {
        let good = json!({"chat_id": 1, "rich_message": {"blocks": [
            {"type": "paragraph", "text": ["a", {"type": "bold", "text": ["b", {"type": "italic", "text": "c"}]}]},
            {"type": "list", "items": [{"blocks": [{"type": "divider"}]}]},
        ]}, "reply_markup": {"inline_keyboard": [[{"text": "x", "callback_data": "y"}]]}});
        assert_eq!(found("SENDRICHMESSAGE", &good), Vec::<String>::new());
        let with = |pointer: &str, value: Value| {
            let mut bad = good.clone();
            *bad.pointer_mut(pointer).expect("it is there") = value;
            found("sendRichMessage", &bad)
        };
        assert_eq!(
            with("/rich_message/blocks/0/text/1/text/1/text", json!(5)).len(),
            1
        );
        let bold = with(
            "/rich_message/blocks/0/text/1",
            json!({"type": "bold", "txt": "a"}),
        );
        assert_eq!(bold.len(), 2, "{bold:?}");
        let list = with("/rich_message/blocks/1/items/0", json!({"text": "a"}));
        assert_eq!(list.len(), 2, "{list:?}");
        assert_eq!(with("/reply_markup/inline_keyboard/0", json!({})).len(), 1);
        assert_eq!(with("/chat_id", json!(1.5)).len(), 1);
        assert_eq!(
            with("/rich_message/blocks/0", json!({"type": "colour"})).len(),
            1
        );
    }

    #[test]
    fn missing_and_unknown_parameters_are_found() {
        assert_eq!(found("sendMessage", &json!({"chat_id": "@a"})).len(), 1);
        let unknown = json!({"chat_id": "@a", "text": "b", "colour": "c"});
        assert_eq!(
            found("sendMessage", &unknown),
            ["sendMessage: colour is unknown"]
        );
        assert!(Spec::get().method("sendLetter").is_none());
    }
}
