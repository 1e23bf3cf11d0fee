//! Pages of lists: how many rows, between which times, and where the page before ended. A cursor
//! is opaque to callers; the next page's is in the header `Link` (RFC 8288).

use axum::{
    Json,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use url::form_urlencoded;

use super::{column::written, given, problem::Problem};

/// How many rows are in an answer unless told.
pub const DEFAULT_LIMIT: i64 = 100;

/// The parameters of a list, as a caller wrote them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PageParameters {
    limit: Option<String>,
    key: Option<String>,
    from: Option<String>,
    to: Option<String>,
    cursor: Option<String>,
}

/// What a caller asks of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// How many rows at most.
    pub limit: i64,
    /// The earliest time, if any.
    pub from: Option<Timestamp>,
    /// The time that all are before, if any.
    pub to: Option<Timestamp>,
    /// The rows of this key alone.
    pub key: Option<String>,
    /// Where the page before ended.
    pub cursor: Option<String>,
}

impl PageParameters {
    /// Reads the parameters. Pages have `greatest` rows at most.
    pub fn read(self, greatest: i64) -> Result<Page, Problem> {
        let limit = match &self.limit {
            None => DEFAULT_LIMIT.min(greatest),
            Some(text) => text
                .parse()
                .ok()
                .filter(|limit| (1..=greatest).contains(limit))
                .ok_or_else(|| {
                    let given = shortened(text);
                    Problem::bad_request(format!(
                        "limit must be a whole number from 1 to {greatest}, not `{given}`"
                    ))
                })?,
        };
        Ok(Page {
            limit,
            from: time("from", self.from.as_deref())?,
            to: time("to", self.to.as_deref())?,
            key: self.key,
            cursor: self.cursor,
        })
    }
}

fn time(name: &str, text: Option<&str>) -> Result<Option<Timestamp>, Problem> {
    text.map(|text| {
        given::time(text).ok_or_else(|| {
            let given = shortened(text);
            Problem::bad_request(format!(
                "{name} must be an RFC 3339 time with offset or Z, such as 2025-08-17T12:00:00Z, not `{given}`"
            ))
        })
    })
    .transpose()
}

/// After all times that can be written.
pub fn latest() -> String {
    written(Timestamp::MAX)
}

/// What a caller wrote, no longer than is good for an error or a log.
pub fn shortened(text: &str) -> String {
    text.chars().take(100).collect()
}

impl Page {
    /// The span of time, as texts; where it is open, that of all times that can be written.
    pub fn span(&self) -> (String, String) {
        let from = self.from.unwrap_or(given::YEAR_ONE);
        (written(from), self.to.map_or_else(latest, written))
    }

    /// Where the page before ended, if there was one.
    pub fn after<C: DeserializeOwned>(&self) -> Result<Option<C>, Problem> {
        let cursor = self.cursor.as_deref();
        cursor
            .map(|cursor| {
                hex::decode(cursor)
                    .ok()
                    .and_then(|bytes| serde_json::from_slice(&bytes).ok())
                    .ok_or_else(Problem::no_such_page)
            })
            .transpose()
    }

    /// The answer with these rows. `last` is where they end, if there are more.
    pub fn answer<T: Serialize>(&self, rows: &[T], last: Option<&impl Serialize>) -> Response {
        let mut headers = HeaderMap::new();
        if let Some(link) = last.and_then(|last| self.next(last)) {
            headers.insert(header::LINK, link);
        }
        (headers, Json(rows)).into_response()
    }

    /// The link to the next page: relative, so that it holds behind a proxy's prefix.
    fn next(&self, last: &impl Serialize) -> Option<HeaderValue> {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("limit", &self.limit.to_string());
        let times = [("from", self.from), ("to", self.to)];
        for (name, time) in times {
            if let Some(time) = time {
                query.append_pair(name, &time.to_string());
            }
        }
        if let Some(key) = &self.key {
            query.append_pair("key", key);
        }
        let cursor = serde_json::to_vec(last).ok()?;
        query.append_pair("cursor", &hex::encode(cursor));
        HeaderValue::from_str(&format!("<?{}>; rel=\"next\"", query.finish())).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(parameters: PageParameters) -> Result<Page, Problem> {
        parameters.read(1000)
    }

    #[test]
    fn a_page_leads_to_the_next() {
        let page = read(PageParameters {
            limit: Some("2".into()),
            key: Some("a&b".into()),
            from: Some("2025-08-17T14:00:00+02:00".into()),
            ..PageParameters::default()
        })
        .unwrap();
        let link = page.next(&("x", 7)).unwrap();
        let cursor = hex::encode(r#"["x",7]"#);
        assert_eq!(
            link,
            format!(
                "<?limit=2&from=2025-08-17T12%3A00%3A00Z&key=a%26b&cursor={cursor}>; rel=\"next\""
            )
        );
        let page = Page {
            cursor: Some(cursor),
            ..page
        };
        assert_eq!(page.after().unwrap(), Some(("x".to_owned(), 7)));
    }

    #[test]
    fn a_cursor_of_another_list_is_no_page() {
        let page = |cursor: &str| Page {
            cursor: Some(cursor.into()),
            ..read(PageParameters::default()).unwrap()
        };
        for cursor in ["", "zz", "7b7d"] {
            assert_eq!(page(cursor).after::<(i64, i64)>().unwrap_err().status, 404);
        }
    }

    #[test]
    fn limits_and_times_are_checked() {
        for limit in ["0", "1001", "-1", "ten", ""] {
            let parameters = PageParameters {
                limit: Some(limit.into()),
                ..PageParameters::default()
            };
            assert!(
                read(parameters)
                    .unwrap_err()
                    .detail
                    .contains("from 1 to 1000")
            );
        }
        let parameters = PageParameters {
            to: Some("yesterday".into()),
            ..PageParameters::default()
        };
        assert!(
            read(parameters)
                .unwrap_err()
                .detail
                .starts_with("to must be")
        );
    }
}
