//! Of edits at the same time the later one is refused, and told who made the one before it. For what is saved without its
//! last author: those are looked up in the audit trail.

use postern_domain::permission::Reach;
use postern_store::{ListQuery, SortDirection, Tx, audit};

use crate::error::{Error, Result};

/// What is about to be changed.
pub(crate) struct Edited<'a> {
    /// Of the refusal.
    pub(crate) code: &'static str,
    /// By which it is changed, as the audit trail calls it.
    pub(crate) action: &'static str,
    /// As the audit trail calls it.
    pub(crate) object: String,
    /// As people call it.
    pub(crate) what: &'static str,
    pub(crate) name: &'a str,
    /// Of what it says now.
    pub(crate) sha256: &'a str,
}

impl Edited<'_> {
    /// `based_on`: the digest of what the edit began with; without it the edit is for whatever is there.
    pub(crate) async fn check(self, tx: &mut Tx<'_>, based_on: Option<&str>) -> Result<()> {
        if based_on.is_none_or(|digest| digest == self.sha256) {
            return Ok(());
        }
        let everywhere = Reach {
            everywhere: true,
            ..Reach::default()
        };
        let filter = audit::Filter {
            action: vec![self.action.to_owned()],
            object: vec![self.object],
            ..audit::Filter::default()
        };
        let newest = ListQuery {
            limit: 1,
            cursor: None,
            direction: SortDirection::Descending,
        };
        let records = audit::list(tx, &everywhere, &filter, &newest).await?;
        let who = records
            .first()
            .map_or("somebody else", |record| record.actor.as_str());
        Err(refused(self.code, self.what, self.name, who))
    }
}

/// The refusal of an edit of what somebody changed since. `what`: what people call a thing of that kind.
pub(crate) fn refused(code: &'static str, what: &str, name: &str, who: &str) -> Error {
    let detail =
        format!("{what} {name:?} was changed by {who} meanwhile. Load it again and repeat the edit.");
    Error::conflict(code, detail)
}
