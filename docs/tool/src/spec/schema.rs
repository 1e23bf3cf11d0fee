//! What the types say of the spec's fields, as their schema has it.

use std::collections::BTreeMap;

use schemars::SchemaGenerator;
use sensorstream_crds::{
    SensorPipelineSpec,
    scalars::{BYTE_SIZE_PATTERN, DECIMAL_PATTERN, DURATION_PATTERN, PERCENT_PATTERN},
};
use serde_json::{Map, Value};

/// Fields with types of Kubernetes' own, which its documentation describes.
pub(super) const KUBERNETES: [(&str, &str); 2] = [
    (
        "resources",
        "https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/",
    ),
    (
        "tolerations",
        "https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/",
    ),
];

/// A rule in CEL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    /// What it says when it is broken.
    pub message: String,
    /// The expression.
    pub cel: String,
}

/// A field.
#[derive(Clone, Debug)]
pub(super) struct Field {
    /// Its name.
    pub name: String,
    /// What it says.
    pub description: String,
    /// Whether it has to be there.
    pub required: bool,
    /// What it is when left out.
    pub default: Option<Value>,
    /// Its type.
    pub type_: Type,
    /// What bounds it.
    pub bounds: Vec<String>,
    /// The only values allowed, with what each means.
    pub choices: Vec<(String, String)>,
    /// Its rules, unless they are those of a struct.
    pub rules: Vec<Rule>,
}

/// A field's type.
#[derive(Clone, Debug)]
pub(super) enum Type {
    /// Something without fields.
    Plain(String),
    /// A struct.
    Struct(Struct),
    /// A list of structs.
    List(Struct),
    /// What Kubernetes describes.
    Kubernetes(&'static str),
}

/// A struct at a place.
#[derive(Clone, Debug)]
pub(super) struct Struct {
    /// The place; `[]` stands for every entry of a list.
    pub path: String,
    /// What the type says of itself, if it is not what the field says.
    pub description: Option<String>,
    /// Its rules there.
    pub rules: Vec<Rule>,
    /// Its fields.
    pub fields: Vec<Field>,
    /// What two places have in common if they are of one type.
    pub properties: Value,
}

/// The spec.
pub(super) fn spec() -> Struct {
    let schema = SchemaGenerator::default().into_root_schema_for::<SensorPipelineSpec>();
    let schema = schema.to_value();
    let reader = Reader {
        definitions: schema["$defs"].as_object().cloned().unwrap_or_default(),
    };
    let spec = reader.resolved(&schema);
    reader.structure("spec", &spec)
}

impl Struct {
    /// The path of one of its fields.
    pub fn path_of(&self, field: &Field) -> String {
        format!("{}.{}", self.path, field.name)
    }

    /// It and all structs in it, each before those in it.
    pub fn all(&self) -> Vec<&Self> {
        let inner = self.fields.iter().filter_map(|field| field.type_.inner());
        std::iter::once(self)
            .chain(inner.flat_map(Self::all))
            .collect()
    }
}

impl Type {
    /// The struct in it.
    pub fn inner(&self) -> Option<&Struct> {
        match self {
            Self::Struct(inner) | Self::List(inner) => Some(inner),
            Self::Plain(_) | Self::Kubernetes(_) => None,
        }
    }
}

/// A schema with what it refers to.
struct Resolved {
    members: Map<String, Value>,
    /// What the field says, and what its type says, as far as they do.
    descriptions: Vec<String>,
    rules: Vec<Rule>,
}

impl Resolved {
    fn text(&self, member: &str) -> Option<&str> {
        self.members.get(member)?.as_str()
    }

    fn number(&self, member: &str) -> Option<i64> {
        let number = self.members.get(member)?;
        // Bounds are whole numbers, whatever the schema writes them as.
        number.as_i64().or_else(|| Some(number.as_f64()? as i64))
    }

    /// The type, of which null is no part.
    fn type_(&self) -> &str {
        let named = match self.members.get("type") {
            Some(Value::Array(types)) => types.iter().find(|type_| *type_ != "null"),
            other => other,
        };
        named.and_then(Value::as_str).unwrap_or_default()
    }
}

struct Reader {
    definitions: Map<String, Value>,
}

impl Reader {
    /// Follows references and takes away null.
    fn resolved(&self, schema: &Value) -> Resolved {
        let mut resolved = Resolved {
            members: Map::new(),
            descriptions: Vec::new(),
            rules: Vec::new(),
        };
        let mut next = Some(schema);
        while let Some(schema) = next {
            for (name, value) in schema.as_object().into_iter().flatten() {
                resolved
                    .members
                    .entry(name.clone())
                    .or_insert_with(|| value.clone());
            }
            resolved
                .descriptions
                .extend(schema["description"].as_str().map(one_line));
            let rules = schema["x-kubernetes-validations"].as_array();
            resolved.rules.extend(rules.into_iter().flatten().map(rule));
            let reference = schema["$ref"].as_str();
            let named = reference.and_then(|reference| reference.rsplit('/').next());
            let present = schema["anyOf"].as_array();
            next = named
                .and_then(|name| self.definitions.get(name))
                .or_else(|| present?.iter().find(|schema| schema["type"] != "null"));
        }
        resolved
    }

    fn structure(&self, path: &str, schema: &Resolved) -> Struct {
        let properties = &schema.members["properties"];
        let required = schema.members.get("required");
        let fields = properties.as_object().into_iter().flatten();
        Struct {
            path: path.to_owned(),
            description: schema.descriptions.last().cloned(),
            rules: schema.rules.clone(),
            fields: fields
                .map(|(name, schema)| {
                    let required = required.and_then(Value::as_array);
                    Field {
                        required: required.is_some_and(|names| names.iter().any(|n| n == name)),
                        ..self.field(&format!("{path}.{name}"), name, schema)
                    }
                })
                .collect(),
            properties: properties.clone(),
        }
    }

    fn field(&self, path: &str, name: &str, schema: &Value) -> Field {
        let schema = self.resolved(schema);
        let mut bounds = bounds(&schema);
        let type_ = self.type_(path, name, &schema, &mut bounds);
        Field {
            name: name.to_owned(),
            description: schema.descriptions.first().cloned().unwrap_or_default(),
            required: false,
            default: schema.members.get("default").cloned(),
            choices: choices(&schema),
            rules: if type_.inner().is_some() {
                Vec::new()
            } else {
                schema.rules.clone()
            },
            type_,
            bounds,
        }
    }

    fn type_(&self, path: &str, name: &str, schema: &Resolved, bounds: &mut Vec<String>) -> Type {
        if let Some((_, url)) = KUBERNETES.iter().find(|(field, _)| *field == name) {
            return Type::Kubernetes(url);
        }
        match schema.type_() {
            "object" if has_fields(schema) => Type::Struct(self.structure(path, schema)),
            "object" if schema.members.contains_key("additionalProperties") => {
                Type::Plain("map of strings".to_owned())
            }
            "object" => Type::Plain("empty object".to_owned()),
            "array" => {
                let entries = self.resolved(&schema.members["items"]);
                if has_fields(&entries) {
                    let path = format!("{path}[]");
                    return Type::List(Struct {
                        // The rules of the list are said with those of its entries.
                        rules: [schema.rules.clone(), entries.rules.clone()].concat(),
                        ..self.structure(&path, &entries)
                    });
                }
                let each = self::bounds(&entries).into_iter();
                bounds.extend(each.map(|bound| format!("each of {bound}")));
                Type::Plain(format!("list of {}s", scalar(&entries)))
            }
            _ => Type::Plain(scalar(schema)),
        }
    }
}

fn has_fields(schema: &Resolved) -> bool {
    let properties = schema.members.get("properties").and_then(Value::as_object);
    properties.is_some_and(|properties| !properties.is_empty())
}

/// The names of the scalars that have a pattern of their own, which the introduction describes.
fn named(schema: &Resolved) -> Option<&'static str> {
    let names = BTreeMap::from([
        (DURATION_PATTERN, "duration"),
        (BYTE_SIZE_PATTERN, "size"),
        (PERCENT_PATTERN, "percentage"),
        (DECIMAL_PATTERN, "decimal"),
    ]);
    names.get(schema.text("pattern")?).copied()
}

fn scalar(schema: &Resolved) -> String {
    let type_ = named(schema).unwrap_or_else(|| schema.type_());
    // What is one of several words is of no other type.
    if type_.is_empty() { "string" } else { type_ }.to_owned()
}

fn bounds(schema: &Resolved) -> Vec<String> {
    let span = |least: &str, greatest: &str, unit: &str| {
        Some(match (schema.number(least), schema.number(greatest)) {
            (Some(least), Some(greatest)) => format!("{least} to {greatest}{unit}"),
            (Some(least), None) => format!("{least}{unit} at least"),
            (None, Some(greatest)) => format!("{greatest}{unit} at most"),
            (None, None) => return None,
        })
    };
    let lengths = named(schema).is_none();
    let mut bounds: Vec<String> = [
        span("minimum", "maximum", ""),
        span("minLength", "maxLength", " characters").filter(|_| lengths),
        span("minItems", "maxItems", " entries"),
        span("minProperties", "maxProperties", " members"),
    ]
    .into_iter()
    .flatten()
    .collect();
    let pattern = schema.text("pattern").filter(|_| lengths);
    bounds.extend(pattern.map(|pattern| format!("the pattern `{pattern}`")));
    if schema.text("x-kubernetes-list-type") == Some("set") {
        bounds.push("no entry twice".to_owned());
    }
    let keys = schema.members.get("x-kubernetes-list-map-keys");
    if let Some(key) = keys.and_then(|keys| keys[0].as_str()) {
        bounds.push(format!("no `{key}` twice"));
    }
    bounds
}

fn choices(schema: &Resolved) -> Vec<(String, String)> {
    let words = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let described = schema.members.get("oneOf").and_then(Value::as_array);
    let plain = schema.members.get("enum").and_then(Value::as_array);
    let described = described.into_iter().flatten().map(|choice| {
        let description = choice["description"].as_str().map(one_line);
        (words(&choice["const"]), description.unwrap_or_default())
    });
    let plain = plain.into_iter().flatten();
    described
        .chain(plain.map(|choice| (words(choice), String::new())))
        .collect()
}

fn rule(rule: &Value) -> Rule {
    let text = |member: &str| rule[member].as_str().unwrap_or_default().to_owned();
    Rule {
        message: text("message"),
        cel: text("rule"),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
