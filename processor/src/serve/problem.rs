//! Errors as `application/problem+json` (RFC 9457). A problem tells the caller what to do; what
//! the database said stays in the log.

use std::time::Duration;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::telemetry::chain;

/// How long a caller is asked to wait when something is away, in seconds.
const COME_BACK: u64 = 5;

/// Why a request was not answered (RFC 9457).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Problem {
    /// What kind of problem, in few words: the reason phrase of the status.
    pub title: &'static str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    /// What exactly is wrong and what to do about it.
    pub detail: String,
    /// When to come back, in seconds, as the header says.
    #[serde(skip)]
    retry_after: Option<u64>,
}

impl Problem {
    fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or("Error");
        Self {
            title,
            status: status.as_u16(),
            detail: detail.into(),
            retry_after: None,
        }
    }

    /// The request is wrong.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// There is no token, or a wrong one.
    pub fn unauthorized() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "this API wants a token; send it in the header Authorization, as `Bearer …`",
        )
    }

    /// Whoever asks may not.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, detail)
    }

    /// There is no such thing.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// The path leads nowhere.
    pub fn nothing_here() -> Self {
        Self::not_found("there is nothing here; openapi.json says what there is")
    }

    /// A cursor leads nowhere.
    pub fn no_such_page() -> Self {
        Self::not_found("this cursor leads to no page of this list; begin without one")
    }

    /// The method is not for this path.
    pub fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "this path only answers GET and HEAD",
        )
    }

    /// Somebody asks too often.
    pub fn too_many_requests(wait: Duration) -> Self {
        Self {
            retry_after: Some(wait.as_secs() + 1),
            ..Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "you ask more often than you may (api.limits.requestsPerSecond); slow down",
            )
        }
    }

    /// It can't be answered for now.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self {
            retry_after: Some(COME_BACK),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
        }
    }

    /// It took too long.
    pub fn timed_out() -> Self {
        Self::new(
            StatusCode::GATEWAY_TIMEOUT,
            "the database did not answer in time; ask for fewer rows or try again later",
        )
    }

    /// What a query that failed is to the caller. What the database said goes to the log.
    pub fn of_failed(error: &sqlx::Error) -> Self {
        let problem = Self::of_database(error);
        tracing::warn!(
            status = problem.status,
            error = chain(error),
            "a query failed"
        );
        problem
    }

    /// What a database error is to the caller.
    fn of_database(error: &sqlx::Error) -> Self {
        let code = match error {
            sqlx::Error::Database(refusal) => refusal.code(),
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::Protocol(_)
            | sqlx::Error::WorkerCrashed => {
                return Self::unavailable("the database can't be reached; try again later");
            }
            _ => None,
        };
        match code.as_deref() {
            Some("57014") => Self::timed_out(),
            Some("42P01" | "42703" | "3F000") => {
                Self::unavailable("the table is not there yet; try again later")
            }
            // Connection, authorization, resources, operator intervention, system: it will pass,
            // or somebody has to see to the database.
            Some(code)
                if ["08", "28", "3D", "53", "57", "58"].contains(&&code[..2])
                    || code == "42501" =>
            {
                Self::unavailable("the database refuses to answer; try again later")
            }
            _ => Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the query failed; the log of the API says why",
            ),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let wait = self.retry_after;
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        let kind = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, kind);
        if let Some(wait) = wait {
            headers.insert(header::RETRY_AFTER, wait.into());
        }
        if status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            headers.insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unreachable_database_asks_to_come_back() {
        let response = Problem::of_database(&sqlx::Error::PoolTimedOut).into_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[header::RETRY_AFTER], "5");
        assert_eq!(
            response.headers()[header::CONTENT_TYPE],
            "application/problem+json"
        );
    }

    #[test]
    fn what_is_nobodys_fault_outside_is_ours() {
        assert_eq!(Problem::of_database(&sqlx::Error::RowNotFound).status, 500);
    }
}
