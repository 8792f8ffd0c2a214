//! What every list command takes.

use clap::Args;
use postern_api::{ListRequest, Page};

use crate::output::Console;

#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    /// Only those with this text in their name
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Order by a field; with a minus in front, descending
    #[arg(long, value_name = "FIELD", allow_hyphen_values = true)]
    sort: Option<String>,
    /// Show at most this many
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

impl ListArguments {
    /// Values of one field: any may hold. Different fields: all must.
    pub(crate) fn request(&self, filters: &[(&str, &[String])]) -> ListRequest {
        ListRequest {
            search: self.search.clone(),
            sort: self.sort.clone(),
            filter: filters
                .iter()
                .filter(|(_, values)| !values.is_empty())
                .map(|(field, values)| ((*field).to_owned(), values.join(",")))
                .collect(),
            ..ListRequest::default()
        }
    }

    pub(crate) fn limit(&self) -> usize {
        usize::try_from(self.limit).unwrap_or(usize::MAX)
    }
}

/// Says that a list goes on, or that there is nothing.
pub(crate) fn closing<T>(console: &Console, page: &Page<T>, things: &str) {
    if page.items.is_empty() {
        console.note(&format!("no {things}"));
    } else if page.next_cursor.is_some() {
        console.note(&format!(
            "there are more {things}: show more with --limit, or narrow down with --search"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_one_field_are_joined_and_empty_fields_are_left_out() {
        let arguments = ListArguments {
            search: None,
            sort: Some("-name".into()),
            limit: 50,
        };
        let states = ["failed".to_owned(), "timeout".to_owned()];
        let request = arguments.request(&[("state", &states), ("agent", &[])]);
        assert_eq!(
            request.filter,
            [("state".to_owned(), "failed,timeout".to_owned())]
        );
        assert_eq!(request.sort.as_deref(), Some("-name"));
    }
}
