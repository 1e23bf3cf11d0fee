//! The web dashboard: files that are in the image, beside the program.

use std::path::Path;

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderValue, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use tower::ServiceExt;
use tower_http::services::ServeDir;

use super::problem::Problem;

/// The folder with files whose names follow from what is in them.
const HASHED: &str = "/assets/";

/// Answers with the files of a folder, and for what is not there with a problem.
pub fn files(folder: &Path) -> Router {
    let files = ServeDir::new(folder)
        .precompressed_br()
        .precompressed_gzip()
        .call_fallback_on_method_not_allowed(true)
        .fallback(tower::service_fn(async |request: Request| {
            Ok::<_, std::convert::Infallible>(nothing(&request))
        }));
    let serve = move |request: Request| {
        let files = files.clone();
        async move {
            let response = files.oneshot(request).await;
            response.map_or_else(|never| match never {}, |response| response.map(Body::new))
        }
    };
    Router::new()
        .fallback(serve)
        .layer(middleware::from_fn(cached))
}

fn nothing(request: &Request) -> Response {
    if request.method().is_safe() {
        Problem::nothing_here().into_response()
    } else {
        let mut response = Problem::method_not_allowed().into_response();
        let allowed = HeaderValue::from_static("GET,HEAD");
        response.headers_mut().insert(header::ALLOW, allowed);
        response
    }
}

/// What has its digest in its name may be kept for ever; the page that names it may not.
async fn cached(request: Request, next: Next) -> Response {
    let hashed = request.uri().path().starts_with(HASHED);
    let mut response = next.run(request).await;
    let keep = if hashed && response.status().is_success() {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let keep = HeaderValue::from_static(keep);
    response.headers_mut().insert(header::CACHE_CONTROL, keep);
    response
}
