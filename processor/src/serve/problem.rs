//! Errors as `application/problem+json` (RFC 9457). A problem tells the caller what to do; what
//! the database said stays in the log.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

/// What seconds a caller is asked to wait when the database is away.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

/// Why a request was not answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// What kind of problem, in few words: the reason phrase of the status.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// What exactly is wrong and what to do about it.
    pub detail: String,
}

impl Problem {
    fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or("Error");
        Self {
            title,
            status: status.as_u16(),
            detail: detail.into(),
        }
    }

    /// The request is wrong.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// There is no such thing.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// The method is not for this path.
    pub fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "this path only answers GET and HEAD",
        )
    }

    /// It took too long.
    pub fn timed_out() -> Self {
        Self::new(
            StatusCode::GATEWAY_TIMEOUT,
            "the database did not answer in time; ask for fewer readings or try again later",
        )
    }

    /// What a database error is to the caller.
    pub fn of_database(error: &sqlx::Error) -> Self {
        let code = match error {
            sqlx::Error::Database(refusal) => refusal.code(),
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::Protocol(_)
            | sqlx::Error::WorkerCrashed => {
                return Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "the database can't be reached; try again later",
                );
            }
            _ => None,
        };
        match code.as_deref() {
            Some("57014") => Self::timed_out(),
            Some("42P01" | "42703" | "3F000") => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "the table of readings is not there yet; try again later",
            ),
            // Connection, authorization, resources, operator intervention, system: it will pass,
            // or somebody has to see to the database.
            Some(code)
                if ["08", "28", "3D", "53", "57", "58"].contains(&&code[..2])
                    || code == "42501" =>
            {
                Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "the database refuses to answer; try again later",
                )
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
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, RETRY_AFTER);
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
