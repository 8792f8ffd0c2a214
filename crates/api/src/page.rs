//! Lists: pages by cursor, with search, filters and sorting.

use serde::{Deserialize, Serialize};

/// One page of a list. `next_cursor` is absent on the last page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Page<T> {
    pub items: Vec<T>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// The query of a list operation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListRequest {
    /// 1 to 500; 50 when absent.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before, with the same filters and sorting.
    pub cursor: Option<String>,
    /// Text contained in the name (or what the list says).
    pub search: Option<String>,
    /// `name` or, descending, `-name`.
    pub sort: Option<String>,
    /// Pairs of field and value; all must hold. Several values of one field are separated by commas: any may hold.
    pub filter: Vec<(String, String)>,
}

impl ListRequest {
    /// As pairs of a query string: `filter` repeats as `filter=field:value`.
    pub fn to_query(&self) -> Vec<(&'static str, String)> {
        let mut pairs = Vec::new();
        if let Some(limit) = self.limit {
            pairs.push(("limit", limit.to_string()));
        }
        for (key, value) in [
            ("cursor", &self.cursor),
            ("search", &self.search),
            ("sort", &self.sort),
        ] {
            if let Some(value) = value {
                pairs.push((key, value.clone()));
            }
        }
        pairs.extend(
            self.filter
                .iter()
                .map(|(field, value)| ("filter", format!("{field}:{value}"))),
        );
        pairs
    }
}
