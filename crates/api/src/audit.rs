//! The audit trail.

use postern_domain::{AuditId, Timestamp};

crate::wire! {
    pub struct AuditRecord {
        pub id: AuditId,
        pub at: Timestamp,
        /// `user:5 (anna)`, `agent:7 (web1)`, `system`, `anonymous`
        pub actor: String,
        /// The API token used, if one was.
        pub token_id: Option<i64>,
        /// Operation, as in the API: `job_cancel`.
        pub action: String,
        /// `job:42`
        pub object: String,
        pub outcome: AuditOutcome,
        /// JSON, where the change has one.
        pub before: Option<serde_json::Value>,
        pub after: Option<serde_json::Value>,
        /// Why it was refused.
        pub reason: Option<String>,
        /// Address the request came from.
        pub address: Option<String>,
        /// SHA-256 over this record and the hash before it, hexadecimal.
        pub hash: String,
    }

    #[derive(Copy, Eq)]
    #[serde(rename_all = "lowercase")]
    pub enum AuditOutcome {
        Done,
        Refused,
    }

    pub struct AuditVerification {
        pub intact: bool,
        /// Records checked.
        pub checked: i64,
        /// Hash of the newest record: keep it elsewhere, and a later cut of the end shows.
        pub head: Option<String>,
        /// First record that does not fit, and why.
        pub broken: Option<AuditBreak>,
    }

    pub struct AuditBreak {
        pub id: AuditId,
        pub problem: String,
    }
}
