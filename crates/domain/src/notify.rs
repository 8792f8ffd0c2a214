//! Messages to people and programs: to whom, about what, and when one that did not arrive is tried again.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

use crate::member::Member;

/// What a message tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    /// Somebody is asked for an approval.
    ApprovalOpened,
    /// An approval still waits.
    ApprovalReminder,
    ApprovalEnded,
    InstanceEnded,
    /// A step of a workflow says something.
    StepNotify,
    /// Somebody tries whether messages arrive.
    Test,
}

impl Topic {
    pub const ALL: &'static [Self] = &[
        Self::ApprovalOpened,
        Self::ApprovalReminder,
        Self::ApprovalEnded,
        Self::InstanceEnded,
        Self::StepNotify,
        Self::Test,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ApprovalOpened => "approval_opened",
            Self::ApprovalReminder => "approval_reminder",
            Self::ApprovalEnded => "approval_ended",
            Self::InstanceEnded => "instance_ended",
            Self::StepNotify => "step_notify",
            Self::Test => "test",
        }
    }

    /// Whether webhooks can ask to be told of it; the others are sent to those they are for.
    pub const fn can_be_subscribed(self) -> bool {
        !matches!(self, Self::StepNotify | Self::Test)
    }
}

/// Where a message is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It is sent as soon as its time has come.
    Waiting,
    /// The receiver took it.
    Delivered,
    /// Given up; somebody may send it again.
    Dead,
}

impl DeliveryState {
    pub const ALL: &'static [Self] = &[Self::Waiting, Self::Delivered, Self::Dead];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    Email,
    Webhook,
}

impl Channel {
    pub const ALL: &'static [Self] = &[Self::Email, Self::Webhook];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Webhook => "webhook",
        }
    }
}

/// The waits between the tries of one message, in seconds: over 17 hours together, so that a night is survived.
const WAITS: [u64; 7] = [5, 30, 120, 600, 3600, 4 * 3600, 12 * 3600];

/// How long after a failed try the next one is; `None`: that was the last.
pub fn wait_after(attempt: u32) -> Option<Duration> {
    let index = usize::try_from(attempt).ok()?.checked_sub(1)?;
    WAITS.get(index).copied().map(Duration::from_secs)
}

/// Whom a step notifies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipient {
    Member(Member),
    /// An address.
    Email(String),
    /// The name of a webhook.
    Webhook(String),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecipientError {
    #[error("{0:?} is nobody: give user:ID, role:NAME, email:ADDRESS or webhook:NAME")]
    Form(String),
    #[error(transparent)]
    Member(#[from] crate::member::MemberError),
    #[error(transparent)]
    Email(#[from] EmailError),
}

impl FromStr for Recipient {
    type Err = RecipientError;
    fn from_str(text: &str) -> Result<Self, RecipientError> {
        match text.split_once(':') {
            Some(("email", address)) => {
                check_email(address)?;
                Ok(Self::Email(address.to_owned()))
            }
            Some(("webhook", name)) if !name.is_empty() => Ok(Self::Webhook(name.to_owned())),
            Some(("role" | "user", _)) => Ok(Self::Member(text.parse()?)),
            _ => Err(RecipientError::Form(text.to_owned())),
        }
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Member(member) => member.fmt(f),
            Self::Email(address) => write!(f, "email:{address}"),
            Self::Webhook(name) => write!(f, "webhook:{name}"),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no e-mail address: give one such as ada@example.org")]
pub struct EmailError(String);

/// Octets of an address (RFC 5321, 4.5.3.1.3, without the angle brackets).
const EMAIL_BYTES: usize = 254;

/// Addresses of the plain kind: no quoted local parts, no comments, nothing that ends a line.
pub fn check_email(text: &str) -> Result<(), EmailError> {
    let plain = |part: &str, more: &[u8]| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || more.contains(&byte))
            && !part.starts_with('.')
            && !part.ends_with('.')
            && !part.contains("..")
    };
    let fits = text.len() <= EMAIL_BYTES;
    match text.rsplit_once('@') {
        Some((local, host)) if fits && plain(local, b".!#$%&'*+/=?^_`{|}~-") && plain(host, b".-") => Ok(()),
        _ => Err(EmailError(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipients_are_read_as_they_are_written() {
        for text in [
            "user:5",
            "role:operator",
            "email:ada@example.org",
            "webhook:pager",
        ] {
            assert_eq!(text.parse::<Recipient>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "ada",
            "ada@example.org",
            "user:x",
            "role:king",
            "email:ada",
            "webhook:",
            "sms:1",
        ] {
            assert!(text.parse::<Recipient>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_address_holds_nothing_that_a_mail_server_could_take_for_a_command() {
        for good in ["a@b", "ada.lovelace+ops@mail.example.org", "o'hara@example.org"] {
            assert_eq!(check_email(good), Ok(()));
        }
        let long = format!("{}@example.org", "a".repeat(250));
        for bad in [
            "",
            "@",
            "a@",
            "@b",
            "a b@c",
            "a@b\r\nRCPT TO:<x@y>",
            "a@b\0",
            "<a@b>",
            "a@b>",
            "\"a\"@b",
            ".a@b",
            "a..b@c",
            "a@b..c",
            "a@b.",
            "ä@b",
            long.as_str(),
        ] {
            assert!(check_email(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_message_is_tried_again_for_more_than_a_night_and_then_given_up() {
        let waits: Vec<Duration> = (1..).map_while(wait_after).collect();
        assert!(waits.is_sorted() && waits.len() == 7, "{waits:?}");
        assert!(waits.iter().sum::<Duration>() > Duration::from_secs(12 * 3600));
        assert_eq!(wait_after(0), None);
    }
}
