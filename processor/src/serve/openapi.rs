//! The API described in OpenAPI, for the pipeline it serves.

use sensorstream_crds::runtime::ServeConfig;
use serde_json::Value;
use utoipa::openapi::{
    ComponentsBuilder, Content, HttpMethod, Info, ObjectBuilder, OpenApi, PathItem, PathsBuilder,
    Ref, Required, ResponseBuilder,
    path::{Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn},
    schema::{ArrayBuilder, Object, Schema, Type},
};

use super::{
    reading_schema,
    routes::{DEFAULT_LIMIT, GREATEST_LIMIT},
};

/// The description of the API of one pipeline.
pub(super) fn document(config: &ServeConfig) -> OpenApi {
    let mut info = Info::new(config.pipeline.name.as_str(), env!("CARGO_PKG_VERSION"));
    info.description = Some(format!("Readings of the pipeline {}.", config.pipeline));
    let key = key_parameter(config);
    let latest = operation("latest", "The newest reading, by event time.")
        .parameter(key.clone())
        .response(
            "200",
            json("The newest reading.", Ref::from_schema_name("Reading")),
        )
        .response("404", problem("There is no reading yet."))
        .build();
    let history = operation("history", "The newest readings, oldest first.")
        .parameter(limit_parameter())
        .parameter(key)
        .response(
            "200",
            json(
                "The readings.",
                ArrayBuilder::new()
                    .items(Ref::from_schema_name("Reading"))
                    .build(),
            ),
        )
        .build();
    let paths = PathsBuilder::new()
        .path("/latest", get(latest))
        .path("/history", get(history));
    let components = ComponentsBuilder::new()
        .schema(
            "Reading",
            Schema::Object(reading_schema::reading(&config.input.fields)),
        )
        .schema("Problem", Schema::Object(problem_schema()));
    let mut document = OpenApi::new(info, paths.build());
    document.components = Some(components.build());
    document
}

fn get(operation: Operation) -> PathItem {
    PathItem::new(HttpMethod::Get, operation)
}

/// What every operation can answer besides its own.
fn operation(id: &str, summary: &str) -> OperationBuilder {
    OperationBuilder::new()
        .operation_id(Some(id))
        .summary(Some(summary))
        .response(
            "400",
            problem("A parameter is wrong; the detail says which."),
        )
        .response(
            "503",
            problem("The database can't be reached; Retry-After says when to come back."),
        )
        .response("504", problem("The database did not answer in time."))
}

fn key_parameter(config: &ServeConfig) -> Parameter {
    let field = config
        .input
        .fields
        .iter()
        .find(|field| field.name == config.input.key);
    ParameterBuilder::new()
        .name("key")
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some(format!(
            "Only readings with this `{}`.",
            config.input.key
        )))
        .schema(field.map(|field| Schema::Object(reading_schema::value(field))))
        .build()
}

fn limit_parameter() -> Parameter {
    let schema = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(1_isize))
        .maximum(Some(GREATEST_LIMIT as isize))
        .default(Some(Value::from(DEFAULT_LIMIT)));
    ParameterBuilder::new()
        .name("limit")
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some("How many readings at most."))
        .schema(Some(Schema::Object(schema.build())))
        .build()
}

fn json(
    description: &str,
    schema: impl Into<utoipa::openapi::RefOr<Schema>>,
) -> utoipa::openapi::Response {
    let content = Content::new(Some(schema));
    ResponseBuilder::new()
        .description(description)
        .content("application/json", content)
        .build()
}

fn problem(description: &str) -> utoipa::openapi::Response {
    let content = Content::new(Some(Ref::from_schema_name("Problem")));
    ResponseBuilder::new()
        .description(description)
        .content("application/problem+json", content)
        .build()
}

fn problem_schema() -> Object {
    let text = |description: &str| {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some(description))
    };
    ObjectBuilder::new()
        .description(Some("Why a request was not answered (RFC 9457)."))
        .property("title", text("What kind of problem, in few words."))
        .required("title")
        .property(
            "status",
            ObjectBuilder::new()
                .schema_type(Type::Integer)
                .description(Some("The HTTP status.")),
        )
        .required("status")
        .property(
            "detail",
            text("What exactly is wrong and what to do about it."),
        )
        .required("detail")
        .build()
}

#[cfg(test)]
mod tests {
    use crate::serve::tests::config;

    #[test]
    fn the_document_follows_the_spec() {
        insta::assert_json_snapshot!(super::document(&config()));
    }
}
