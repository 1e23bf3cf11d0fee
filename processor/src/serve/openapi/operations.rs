//! What is common to operations: their parameters, and what they can answer.

use serde_json::Value;
use utoipa::openapi::{
    Content, HeaderBuilder, KnownFormat, ObjectBuilder, Ref, RefOr, Required, Response,
    ResponseBuilder, SchemaFormat,
    path::{OperationBuilder, Parameter, ParameterBuilder, ParameterIn},
    schema::{ArrayBuilder, Object, Schema, Type},
};

use crate::serve::page::DEFAULT_LIMIT;

/// An operation with what every one can answer besides its own.
pub(super) fn operation(id: &str, summary: &str) -> OperationBuilder {
    OperationBuilder::new()
        .operation_id(Some(id))
        .summary(Some(summary))
        .response("400", problem("A parameter is wrong; the detail says which."))
        .response(
            "401",
            problem("The API wants a token (`Authorization: Bearer …`), and this is none of the good ones."),
        )
        .response("403", problem("Whoever asks may not, or did not ask through the API's proxy."))
        .response("429", later("Too many requests; Retry-After says when to come back."))
        .response(
            "503",
            later("The database or Kafka can't be reached, or a limit is reached; Retry-After says when to come back."),
        )
        .response("500", problem("Something is wrong with the API; its log says what."))
        .response("504", problem("The database did not answer in time."))
}

/// An operation that answers with one thing.
pub(super) fn one(id: &str, summary: &str, of: &str) -> OperationBuilder {
    let content = Content::new(Some(Ref::from_schema_name(of)));
    operation(id, summary).response("200", ok(content).build())
}

/// An operation that answers with a page of a list.
pub(super) fn list(id: &str, summary: &str, of: &str, greatest: u32) -> OperationBuilder {
    let items = ArrayBuilder::new().items(Ref::from_schema_name(of)).build();
    let link = HeaderBuilder::new()
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .description(Some(
            "Where the next page is, if there is one: `<?cursor=…>; rel=\"next\"` (RFC 8288).",
        ))
        .build();
    let answer = ok(Content::new(Some(items))).header("Link", link);
    operation(id, summary)
        .parameter(limit(greatest))
        .parameter(query(
            "cursor",
            "Where the page before ended, out of its Link.",
            ObjectBuilder::new().schema_type(Type::String).build(),
        ))
        .response("200", answer.build())
        .response("404", problem("The cursor leads to no page of this list."))
}

/// An optional parameter in the query.
pub(super) fn query(name: &str, description: &str, schema: Object) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(Schema::Object(schema)))
        .build()
}

/// The parameters for a span of time.
pub(super) fn span(about: &str) -> [Parameter; 2] {
    let time = || {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .build()
    };
    [
        query(
            "from",
            &format!("Only rows whose {about} is not before this."),
            time(),
        ),
        query(
            "to",
            &format!("Only rows whose {about} is before this."),
            time(),
        ),
    ]
}

/// An answer that says what is wrong.
pub(super) fn problem(description: &str) -> Response {
    problem_builder(description).build()
}

/// The same, with when to come back.
fn later(description: &str) -> Response {
    let seconds = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(0_isize));
    let wait = HeaderBuilder::new()
        .schema(Some(seconds))
        .description(Some("When to come back, in seconds."))
        .build();
    problem_builder(description)
        .header("Retry-After", wait)
        .build()
}

fn problem_builder(description: &str) -> ResponseBuilder {
    let content = Content::new(Some(Ref::from_schema_name("Problem")));
    ResponseBuilder::new()
        .description(description)
        .content("application/problem+json", content)
}

/// An answer of a media type other than JSON.
pub(super) fn of_type(
    media: &str,
    description: &str,
    schema: impl Into<RefOr<Schema>>,
) -> Response {
    ResponseBuilder::new()
        .description(description)
        .content(media, Content::new(Some(schema)))
        .build()
}

fn ok(content: Content) -> ResponseBuilder {
    ResponseBuilder::new()
        .description("What was asked for.")
        .content("application/json", content)
}

fn limit(greatest: u32) -> Parameter {
    let default = DEFAULT_LIMIT.min(greatest.into());
    let schema = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(1_isize))
        .maximum(Some(greatest as isize))
        .default(Some(Value::from(default)));
    query("limit", "How many rows at most.", schema.build())
}
