//! The API described in OpenAPI, for the pipeline it serves: its fields, its windows, its limits.

mod operations;
mod rows;

use sensorstream_crds::runtime::ServeConfig;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ComponentsBuilder, HttpMethod, Info, ObjectBuilder, OpenApi, PathItem, Paths, PathsBuilder,
        path::{Operation, ParameterBuilder, ParameterIn},
        schema::{Schema, Type},
        security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme},
    },
};

use self::operations::{list, of_type, one, operation, problem, query, span};
use super::{
    column::ColumnType,
    health::Health,
    problem::Problem,
    routes,
    shape::Pipeline,
    tail::record::{DeadLetter, SentAlert},
    window_rows::WindowRows,
};

/// How a login is named in the description.
const LOGIN: &str = "bearerToken";

const EVENTS: &str = "\
What happens, as server-sent events. `health` (Health) comes at once and then every two seconds; `readings` \
({ readings: Reading[], skipped: boolean }) at most once a second, oldest first, the newest thousand if there are more, \
which `skipped` says; `alerts` (Alert[]) and `dead-letters` (DeadLetter[]) as they come. Each event has an id; a client \
that comes back with the header Last-Event-ID goes on from there, and the event `gap` ({ of }) says of which list not \
everything since can be sent. A reading that came too late for the watermark is not among the events.";

/// The description of the API of one pipeline whose windows' tables are these.
pub(super) fn document(config: &ServeConfig, windows: &[WindowRows]) -> OpenApi {
    let mut info = Info::new(config.pipeline.name.as_str(), env!("CARGO_PKG_VERSION"));
    info.description = Some(format!(
        "What the pipeline {} makes, to be read. Lists are arrays; the header Link leads to the next page.",
        config.pipeline
    ));
    let mut document = OpenApi::new(info, paths(config, windows));
    let mut components = schemas(config, windows);
    if config
        .auth
        .as_ref()
        .is_some_and(|auth| auth.bearer_token.is_some())
    {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        components = components.security_scheme(LOGIN, scheme);
        document.security = Some(vec![SecurityRequirement::new(LOGIN, Vec::<String>::new())]);
    }
    document.components = Some(components.build());
    document
}

fn paths(config: &ServeConfig, windows: &[WindowRows]) -> Paths {
    let greatest = config.limits.page_size;
    let by_key = query(
        "key",
        &format!("Only of this `{}`.", config.input.key),
        rows::key(ColumnType::of_key(&config.input)),
    );
    let mut paths = PathsBuilder::new()
        .path(
            routes::PIPELINE,
            get(one("pipeline", "What the pipeline is.", "Pipeline").build()),
        )
        .path(
            routes::HEALTH,
            get(one("health", "How it is now.", "Health").build()),
        );
    if config.outputs.table.is_some() {
        let latest = one("latest", "The newest reading, by event time.", "Reading")
            .parameter(by_key.clone())
            .response("404", problem("There is no reading yet."));
        let history = list(
            "history",
            "The newest readings, oldest first; the next page has older ones.",
            "Reading",
            greatest,
        )
        .parameter(by_key.clone())
        .parameters(Some(span("event time")));
        let keys = list(
            "keys",
            "The newest reading of each key, in the order of keys.",
            "Reading",
            greatest,
        );
        paths = paths
            .path(routes::LATEST, get(latest.build()))
            .path(routes::HISTORY, get(history.build()))
            .path(routes::KEYS, get(keys.build()));
    }
    for window in windows {
        let name = &window.name;
        let summary = format!("The rows of the window `{name}`, the newest first.");
        let mut rows = list(
            &format!("window_{name}"),
            &summary,
            &row_name(window),
            greatest,
        )
        .parameters(Some(span("window's end")));
        if window.keyed {
            rows = rows.parameter(by_key.clone());
        }
        let path = routes::WINDOW.replace("{window}", name);
        paths = paths.path(path, get(rows.build()));
    }
    let alerts = list(
        "alerts",
        "The newest alerts, the newest first.",
        "Alert",
        greatest,
    );
    let dead_letters = list(
        "deadLetters",
        "The newest records that could not be used, the newest first.",
        "DeadLetter",
        greatest,
    );
    paths
        .path(routes::ALERTS, get(alerts.build()))
        .path(routes::DEAD_LETTERS, get(dead_letters.build()))
        .path(routes::EVENTS, get(events().parameter(by_key).build()))
        .path(routes::OPENAPI, get(description()))
        .build()
}

fn events() -> utoipa::openapi::path::OperationBuilder {
    let id = ObjectBuilder::new().schema_type(Type::String).build();
    let last = ParameterBuilder::new()
        .name("Last-Event-ID")
        .parameter_in(ParameterIn::Header)
        .description(Some("The id of the last event that came."))
        .schema(Some(Schema::Object(id)))
        .build();
    let text = ObjectBuilder::new().schema_type(Type::String).build();
    operation("events", "What happens, as it happens.")
        .description(Some(EVENTS))
        .parameter(last)
        .response(
            "200",
            of_type(
                "text/event-stream",
                "Events without end.",
                Schema::Object(text),
            ),
        )
}

fn description() -> Operation {
    let any = ObjectBuilder::new().schema_type(Type::Object).build();
    let mut operation = operation("openapi", "This description.")
        .response(
            "200",
            of_type("application/json", "This description.", Schema::Object(any)),
        )
        .build();
    // Nobody needs a login to learn that one is needed.
    operation.security = Some(Vec::new());
    operation
}

fn schemas(config: &ServeConfig, windows: &[WindowRows]) -> ComponentsBuilder {
    let mut named = Vec::new();
    add::<Pipeline>(&mut named);
    add::<Health>(&mut named);
    add::<SentAlert>(&mut named);
    add::<DeadLetter>(&mut named);
    add::<Problem>(&mut named);
    let mut components = ComponentsBuilder::new().schemas_from_iter(named);
    if config.outputs.table.is_some() {
        let reading = rows::reading(&config.input.fields);
        components = components.schema("Reading", Schema::Object(reading));
    }
    for window in windows {
        components = components.schema(row_name(window), Schema::Object(rows::row(window)));
    }
    components
}

fn add<T: ToSchema>(named: &mut Vec<(String, utoipa::openapi::RefOr<Schema>)>) {
    named.push((T::name().into_owned(), <T as PartialSchema>::schema()));
    T::schemas(named);
}

/// What a window's rows are called.
fn row_name(window: &WindowRows) -> String {
    format!("Row_{}", window.name)
}

fn get(operation: Operation) -> PathItem {
    PathItem::new(HttpMethod::Get, operation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::tests::with_windows;

    #[test]
    fn the_document_follows_the_spec() {
        let config = with_windows();
        let windows = WindowRows::all(&config).unwrap();
        insta::assert_json_snapshot!(document(&config, &windows));
    }
}
