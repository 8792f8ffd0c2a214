//! Bodies, path parameters and list queries, refused as problem documents.

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Request, path::ErrorKind, rejection::PathRejection},
    http::{HeaderMap, header, request::Parts},
};
use http_body_util::BodyExt as _;
use postern_api::ListRequest;
use postern_protocol::payload::JobPayload;
use postern_store::{Cursor, ListQuery, SortDirection};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::value::RawValue;

use super::API_BODY_BYTES;
use crate::error::Error;

/// A JSON body of the REST API.
#[derive(Debug)]
pub(crate) struct Json<T>(pub(crate) T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self, Error> {
        if !is_json(request.headers()) {
            return Err(Error::Malformed {
                code: "not_json",
                detail: "Send the body as JSON, with Content-Type: application/json.".into(),
            });
        }
        let bytes = body(request, API_BODY_BYTES).await?;
        parse(&bytes).map(Self)
    }
}

/// Reads at most `limit` bytes.
pub(crate) async fn body(request: Request, limit: usize) -> Result<Bytes, Error> {
    let declared = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse().ok());
    if declared.is_some_and(|length: usize| length > limit) {
        return Err(Error::TooLarge { limit });
    }
    let body = http_body_util::Limited::new(request.into_body(), limit);
    body.collect()
        .await
        .map(http_body_util::Collected::to_bytes)
        .map_err(|error| {
            if error.is::<http_body_util::LengthLimitError>() {
                Error::TooLarge { limit }
            } else {
                Error::Malformed {
                    code: "body_incomplete",
                    detail: "The request's body ended early. Send it again.".into(),
                }
            }
        })
}

pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(bytes).map_err(|error| {
        // The library calls it a mistake of syntax, too, when JSON has another shape than was asked for.
        let is_json = error.is_data()
            || (std::str::from_utf8(bytes).is_ok() && serde_json::from_slice::<IgnoredAny>(bytes).is_ok());
        if !is_json {
            return Error::Malformed {
                code: "json_syntax",
                detail: format!("The body is not JSON: {error}."),
            };
        }
        let (field, error) = place::<T>(bytes)
            .or_else(|| place_in_job(bytes))
            .unwrap_or_else(|| ("body".to_owned(), error));
        Error::invalid(field, words_of(&error))
    })
}

/// The field that JSON is wrong in; it is read once more for that. `None` when it is not one field.
fn place<T: DeserializeOwned>(json: &[u8]) -> Option<(String, serde_json::Error)> {
    let mut reader = serde_json::Deserializer::from_slice(json);
    let error = serde_path_to_error::deserialize::<_, T>(&mut reader).err()?;
    let is_whole = error.path().iter().next().is_none();
    (!is_whole).then(|| (error.path().to_string(), error.into_inner()))
}

/// What a job does stands beside the other fields of its creation, and is read after all of them: by then the library
/// no longer knows where it was.
fn place_in_job(json: &[u8]) -> Option<(String, serde_json::Error)> {
    #[derive(serde::Deserialize)]
    struct Work<'a> {
        #[serde(rename = "type", borrow)]
        kind: &'a RawValue,
        #[serde(borrow)]
        payload: &'a RawValue,
    }
    let Work { kind, payload } = serde_json::from_slice(json).ok()?;
    place::<JobPayload>(format!("{{\"type\":{kind},\"payload\":{payload}}}").as_bytes())
}

/// Without the position, which the field says.
fn words_of(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    match text.strip_suffix(&position).unwrap_or(&text) {
        // Where it may be one of several objects or words, and is something else.
        "expected value" => {
            "has another shape than it takes: compare it with the OpenAPI document".to_owned()
        }
        words => words.to_owned(),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    kind.split(';')
        .next()
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

/// Path parameters.
#[derive(Debug)]
pub(crate) struct Path<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let path = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        path.map(|axum::extract::Path(value)| Self(value))
            .map_err(|rejection| Error::Malformed {
                code: "path_invalid",
                detail: wrong_part(&rejection),
            })
    }
}

/// What part of an address is wrong, and what it must be.
fn wrong_part(rejection: &PathRejection) -> String {
    let kind = match rejection {
        PathRejection::FailedToDeserializePathParams(failed) => Some(failed.kind()),
        _ => None,
    };
    match kind {
        Some(
            ErrorKind::ParseError { value, .. }
            | ErrorKind::ParseErrorAtIndex { value, .. }
            | ErrorKind::ParseErrorAtKey { value, .. },
        ) => format!(
            "The address has {value:?} where it takes a number. Take ids and versions from the lists."
        ),
        // One of a few words: `unknown variant `foo`, expected `stdout` or `stderr``.
        Some(ErrorKind::Message(message) | ErrorKind::DeserializeError { message, .. }) => {
            let words = message.strip_prefix("unknown variant ");
            match words.and_then(|words| words.split_once(", expected ")) {
                Some((given, known)) => format!("The address has {given} where it takes {known}."),
                None => format!("The address has a part that is not known: {message}."),
            }
        }
        _ => "The address has a part that cannot be read. Take ids from the list.".to_owned(),
    }
}

/// The query string as pairs; operations that take others refuse what they do not know.
#[derive(Debug)]
pub(crate) struct Query(pub(crate) Vec<(String, String)>);

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let query = parts.uri.query().unwrap_or_default();
        Ok(Self(
            form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        ))
    }
}

impl Query {
    /// The value of the only parameter this operation knows.
    pub(crate) fn only(self, name: &str) -> Result<Option<String>, Error> {
        let mut found = None;
        for (key, value) in self.0 {
            if key != name {
                return Err(unknown_parameter(&key, name));
            }
            found = Some(value);
        }
        Ok(found)
    }
}

fn unknown_parameter(key: &str, known: &str) -> Error {
    Error::invalid(
        key,
        format!("is not a parameter of this operation; known are: {known}"),
    )
}

/// The query of a list, checked. Filters are still texts; the room knows their names.
#[derive(Debug)]
pub(crate) struct List {
    pub(crate) search: Option<String>,
    /// Field and wanted values.
    pub(crate) filters: Vec<(String, Vec<String>)>,
    pub(crate) page: ListQuery,
    pub(crate) sort: Option<String>,
}

pub(crate) const MAX_LIMIT: u32 = 500;
pub(crate) const DEFAULT_LIMIT: u32 = 50;
/// Longest search text and filter value.
const MAX_TEXT: usize = 200;
const MAX_FILTERS: usize = 20;
const MAX_VALUES: usize = 50;

impl<S: Sync> FromRequestParts<S> for List {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let Query(pairs) = Query::from_request_parts(parts, state).await?;
        let mut request = ListRequest::default();
        for (key, value) in pairs {
            if value.len() > MAX_TEXT * 4 || value.contains('\0') {
                return Err(Error::invalid(
                    key,
                    format!("is longer than {MAX_TEXT} characters or has a NUL"),
                ));
            }
            match key.as_str() {
                "limit" => {
                    let limit = value.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
                    request.limit = Some(
                        limit.ok_or_else(|| Error::invalid("limit", format!("must be 1 to {MAX_LIMIT}")))?,
                    );
                }
                "cursor" => request.cursor = Some(value),
                "search" => request.search = Some(value).filter(|text| !text.is_empty()),
                "sort" => request.sort = Some(value),
                "filter" => match value.split_once(':') {
                    Some((field, wanted)) => request.filter.push((field.to_owned(), wanted.to_owned())),
                    None => return Err(Error::invalid("filter", "has the form field:value")),
                },
                _ => return Err(unknown_parameter(&key, "limit, cursor, search, sort, filter")),
            }
        }
        Self::checked(request)
    }
}

impl List {
    fn checked(request: ListRequest) -> Result<Self, Error> {
        if request.filter.len() > MAX_FILTERS {
            return Err(Error::invalid("filter", format!("at most {MAX_FILTERS} at once")));
        }
        let mut filters = Vec::new();
        for (field, wanted) in request.filter {
            let wanted: Vec<_> = wanted.split(',').map(str::to_owned).collect();
            if wanted.len() > MAX_VALUES {
                return Err(Error::invalid(
                    "filter",
                    format!("at most {MAX_VALUES} values of one field"),
                ));
            }
            filters.push((field, wanted));
        }
        let direction = match &request.sort {
            Some(sort) if sort.starts_with('-') => SortDirection::Descending,
            _ => SortDirection::Ascending,
        };
        let cursor = request.cursor.as_deref().map(Cursor::decode).transpose()?;
        Ok(Self {
            search: request.search,
            filters,
            page: ListQuery {
                limit: request.limit.unwrap_or(DEFAULT_LIMIT),
                cursor,
                direction,
            },
            sort: request.sort.map(|sort| sort.trim_start_matches('-').to_owned()),
        })
    }

    /// The field to sort by, one of these; the first is the default. `default` is its direction.
    pub(crate) fn sort_by(
        &mut self,
        known: &[&'static str],
        default: SortDirection,
    ) -> Result<&'static str, Error> {
        match &self.sort {
            None => {
                self.page.direction = default;
                Ok(known[0])
            }
            Some(sort) => known.iter().copied().find(|name| name == sort).ok_or_else(|| {
                Error::invalid(
                    "sort",
                    format!(
                        "must be one of {}, with - in front for descending",
                        known.join(", ")
                    ),
                )
            }),
        }
    }
}

pub(crate) fn unknown_filter(field: &str, known: &str) -> Error {
    Error::invalid(
        "filter",
        format!("{field:?} cannot be filtered by; known are: {known}"),
    )
}

/// Reads the values of a filter, each in the words of its type.
pub(crate) fn words<T>(
    field: &str,
    values: &[String],
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, Error> {
    let read = |value: &String| {
        parse(value).ok_or_else(|| Error::invalid("filter", format!("{field}: unknown value {value:?}")))
    };
    values.iter().map(read).collect()
}

pub(crate) fn one_bool(field: &str, values: &[String]) -> Result<bool, Error> {
    match values {
        [only] => only
            .parse()
            .map_err(|_| Error::invalid("filter", format!("{field} must be true or false"))),
        _ => Err(Error::invalid("filter", format!("{field} takes one value"))),
    }
}

/// Makes a page of rows: the one row too many becomes the cursor.
pub(crate) fn page_of<Row, T>(
    mut rows: Vec<Row>,
    limit: u32,
    cursor: impl Fn(&Row) -> Cursor,
    convert: impl FnMut(Row) -> Result<T, Error>,
) -> Result<postern_api::Page<T>, Error> {
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next_cursor = rows.last().filter(|_| more).map(|row| cursor(row).encode());
    let items = rows.into_iter().map(convert).collect::<Result<_, _>>()?;
    Ok(postern_api::Page { items, next_cursor })
}

/// The query of a list, for the OpenAPI document.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "describes the query; `List` reads it")]
pub(crate) struct ListParameters {
    /// Items of a page, 1 to 500; 50 when absent.
    limit: Option<u32>,
    /// `next_cursor` of the page before, with the same search, filter and sort.
    cursor: Option<String>,
    /// Text contained in a name.
    search: Option<String>,
    /// A field, with - in front for descending.
    sort: Option<String>,
    /// `field:value`, repeated; all must hold. Values separated by commas: any of them.
    #[param(style = Form, explode = true)]
    filter: Option<Vec<String>>,
}
