//! Lists longer than one page.

use postern_api::{ListRequest, Page};

use crate::Error;

/// Largest page the server gives.
pub(crate) const PAGE: u32 = 500;

/// Asks for pages until `limit` items are there or the list ends. `next_cursor` of the answer continues it.
pub(crate) async fn collect<T, F, A>(
    request: &ListRequest,
    limit: usize,
    mut list: F,
) -> Result<Page<T>, Error>
where
    F: FnMut(ListRequest) -> A,
    A: Future<Output = Result<Page<T>, Error>>,
{
    let mut all = Page {
        items: Vec::new(),
        next_cursor: request.cursor.clone(),
    };
    loop {
        let missing = u32::try_from(limit.saturating_sub(all.items.len())).unwrap_or(u32::MAX);
        let page = list(ListRequest {
            limit: Some(missing.clamp(1, PAGE)),
            cursor: all.next_cursor.take(),
            ..request.clone()
        })
        .await?;
        let stuck = page.items.is_empty();
        all.items.extend(page.items);
        all.next_cursor = page.next_cursor;
        if all.next_cursor.is_none() || stuck || all.items.len() >= limit {
            return Ok(all);
        }
    }
}
