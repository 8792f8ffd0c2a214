//! How the server says no to an agent: an RFC 9457 problem whose `code` is one of these.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalCode {
    EnrollmentTokenMalformed,
    EnrollmentTokenUnknown,
    EnrollmentTokenUsed,
    EnrollmentTokenExpired,
    EnrollmentTokenRevoked,
    CredentialInvalid,
    CredentialExpired,
    CredentialRevoked,
    /// Another credential was given out since; this one no longer counts.
    CredentialReplaced,
    /// Used from two machines; both are shut out.
    AgentLocked,
    AgentDeleted,
    ProofInvalid,
    /// The proof's time is off; the answer's `server_time_us` tells the right one.
    ProofClock,
    VersionUnsupported,
}

impl RefusalCode {
    pub const ALL: &'static [Self] = &[
        Self::EnrollmentTokenMalformed,
        Self::EnrollmentTokenUnknown,
        Self::EnrollmentTokenUsed,
        Self::EnrollmentTokenExpired,
        Self::EnrollmentTokenRevoked,
        Self::CredentialInvalid,
        Self::CredentialExpired,
        Self::CredentialRevoked,
        Self::CredentialReplaced,
        Self::AgentLocked,
        Self::AgentDeleted,
        Self::ProofInvalid,
        Self::ProofClock,
        Self::VersionUnsupported,
    ];

    /// The word in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EnrollmentTokenMalformed => "enrollment_token_malformed",
            Self::EnrollmentTokenUnknown => "enrollment_token_unknown",
            Self::EnrollmentTokenUsed => "enrollment_token_used",
            Self::EnrollmentTokenExpired => "enrollment_token_expired",
            Self::EnrollmentTokenRevoked => "enrollment_token_revoked",
            Self::CredentialInvalid => "credential_invalid",
            Self::CredentialExpired => "credential_expired",
            Self::CredentialRevoked => "credential_revoked",
            Self::CredentialReplaced => "credential_replaced",
            Self::AgentLocked => "agent_locked",
            Self::AgentDeleted => "agent_deleted",
            Self::ProofInvalid => "proof_invalid",
            Self::ProofClock => "proof_clock",
            Self::VersionUnsupported => "version_unsupported",
        }
    }

    /// What went wrong and what to do next, for the agent's log and the person who reads it.
    pub const fn text(self) -> &'static str {
        match self {
            Self::EnrollmentTokenMalformed => {
                "This is not an enrolment token: copy it whole from the page that created the agent"
            }
            Self::EnrollmentTokenUnknown => {
                "The server does not know this enrolment token: the agent was deleted, or the token is of another server"
            }
            Self::EnrollmentTokenUsed => {
                "This enrolment token was used before: make a new one on the agent's page"
            }
            Self::EnrollmentTokenExpired => {
                "This enrolment token has expired: make a new one on the agent's page"
            }
            Self::EnrollmentTokenRevoked => {
                "This enrolment token was revoked or replaced by a newer one: use the newest"
            }
            Self::CredentialInvalid => {
                "The credential was not issued by this server: enrol again with a new enrolment token"
            }
            Self::CredentialExpired => "The credential has expired: enrol again with a new enrolment token",
            Self::CredentialRevoked => {
                "The credential was revoked: an operator must give out a new enrolment token"
            }
            Self::CredentialReplaced => {
                "The credential was replaced by a newer one: this copy of the agent is out of date"
            }
            Self::AgentLocked => {
                "The credential was used from two machines and both are locked out: remove the copy, then enrol the right one with a new enrolment token"
            }
            Self::AgentDeleted => "The agent was deleted on the server",
            Self::ProofInvalid => {
                "The proof of key is missing or wrong: the credential does not belong to this agent's key"
            }
            Self::ProofClock => "The proof of key was made at another time: check the clock",
            Self::VersionUnsupported => {
                "The server does not speak this protocol version: upgrade the older side"
            }
        }
    }

    /// Whether trying again later can help without a person.
    pub const fn is_lasting(self) -> bool {
        !matches!(self, Self::ProofClock | Self::ProofInvalid)
    }
}

/// The members of the problem document that an agent reads.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RefusalBody {
    pub code: RefusalCode,
    #[serde(default)]
    pub detail: String,
    #[serde(default)]
    pub server_time_us: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_word_and_its_text() {
        for code in RefusalCode::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
            assert!(code.text().len() > 20);
        }
    }
}
