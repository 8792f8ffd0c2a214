//! An order: one attempt of one job, signed by the server for one agent.
//!
//! The signature covers the exact text that was sent, so both sides agree byte for byte without a canonical form.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use crate::{
    keys::{PublicKey, SigningKey},
    payload::JobPayload,
    seal::SealedSecrets,
};

/// Separates these signatures from any other use of the key.
const CONTEXT: &[u8] = b"postern-order-v1\n";
const VERSION: u32 = 1;

/// Unknown fields are refused: an agent must not run what it only half understands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    pub version: u32,
    pub agent_id: i64,
    pub job_id: i64,
    pub attempt_id: i64,
    /// Number of the try within the job, from 1.
    pub attempt: u32,
    /// Rises with every order an agent is given. An agent refuses one that is not above the highest it has seen.
    pub fence: i64,
    /// The agent starts it only between these two, in microseconds since the epoch.
    pub not_before_us: i64,
    pub not_after_us: i64,
    pub timeout_seconds: u32,
    /// Takes the slot that is kept for critical work when the others are full.
    #[serde(default)]
    pub critical: bool,
    pub work: JobPayload,
    /// Values of the secrets that the work names, for this agent and this attempt only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secrets: Option<SealedSecrets>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedOrder {
    /// JSON text of an [`Order`], exactly as signed.
    pub order: String,
    /// Ed25519, base64.
    pub signature: String,
}

#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    #[error("the order's signature is not the server's")]
    Signature,
    #[error("the order is for agent {0}")]
    OtherAgent(i64),
    /// Signed by the server, yet not understood: a newer version, an unknown type or field. The attempt is
    /// known, so the refusal can be reported.
    #[error("the order is of a kind this agent does not know: {reason}; upgrade the agent")]
    NotUnderstood { attempt_id: i64, reason: String },
    #[error("the order cannot be read at all")]
    Unreadable,
}

impl SignedOrder {
    pub fn sign(order: &Order, key: &SigningKey) -> Result<Self, serde_json::Error> {
        let text = serde_json::to_string(order)?;
        let signature = STANDARD.encode(key.sign(&signed_bytes(&text)));
        Ok(Self {
            order: text,
            signature,
        })
    }

    /// Checks signature, agent, version and payload, in this order. Fence and times are the journal's business.
    pub fn open(&self, key: &PublicKey, agent_id: i64) -> Result<Order, OrderError> {
        let signature = STANDARD
            .decode(&self.signature)
            .map_err(|_| OrderError::Signature)?;
        if !key.verify(&signed_bytes(&self.order), &signature) {
            return Err(OrderError::Signature);
        }
        let envelope: Envelope = serde_json::from_str(&self.order).map_err(|_| OrderError::Unreadable)?;
        if envelope.agent_id != agent_id {
            return Err(OrderError::OtherAgent(envelope.agent_id));
        }
        let not_understood = |reason: String| OrderError::NotUnderstood {
            attempt_id: envelope.attempt_id,
            reason,
        };
        if envelope.version != VERSION {
            return Err(not_understood(format!("order version {}", envelope.version)));
        }
        let order: Order =
            serde_json::from_str(&self.order).map_err(|error| not_understood(error.to_string()))?;
        order
            .work
            .check()
            .map_err(|error| not_understood(error.to_string()))?;
        Ok(order)
    }
}

impl Order {
    pub const VERSION: u32 = VERSION;
}

/// The part of an order that every version has.
#[derive(Deserialize)]
struct Envelope {
    version: u32,
    agent_id: i64,
    attempt_id: i64,
}

fn signed_bytes(text: &str) -> Vec<u8> {
    [CONTEXT, text.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::Command;

    fn order() -> Order {
        Order {
            version: VERSION,
            agent_id: 7,
            job_id: 1,
            attempt_id: 2,
            attempt: 1,
            fence: 3,
            not_before_us: 0,
            not_after_us: 10,
            timeout_seconds: 300,
            critical: false,
            work: JobPayload::Command(Command {
                argv: vec!["true".into()],
                ..Default::default()
            }),
            secrets: None,
        }
    }

    fn sign_text(text: &str, key: &SigningKey) -> SignedOrder {
        SignedOrder {
            order: text.into(),
            signature: STANDARD.encode(key.sign(&signed_bytes(text))),
        }
    }

    #[test]
    fn a_signed_order_opens_for_its_agent_only() {
        let key = SigningKey::generate().unwrap();
        let signed = SignedOrder::sign(&order(), &key).unwrap();
        assert_eq!(signed.open(key.public(), 7).unwrap(), order());
        assert!(matches!(
            signed.open(key.public(), 8),
            Err(OrderError::OtherAgent(7))
        ));
        let other = SigningKey::generate().unwrap();
        assert!(matches!(
            signed.open(other.public(), 7),
            Err(OrderError::Signature)
        ));
        let changed = SignedOrder {
            order: signed.order.replace("true", "evil"),
            ..signed
        };
        assert!(matches!(
            changed.open(key.public(), 7),
            Err(OrderError::Signature)
        ));
    }

    #[test]
    fn what_is_not_known_is_refused_with_its_attempt() {
        let key = SigningKey::generate().unwrap();
        let good = serde_json::to_value(order()).unwrap();
        for (field, value) in [
            ("version", serde_json::json!(2)),
            ("sudo", serde_json::json!(true)),
            ("work", serde_json::json!({"type": "reboot", "payload": {}})),
            (
                "work",
                serde_json::json!({"type": "command", "payload": {"argv": []}}),
            ),
        ] {
            let mut changed = good.clone();
            changed[field] = value;
            let result = sign_text(&changed.to_string(), &key).open(key.public(), 7);
            assert!(
                matches!(result, Err(OrderError::NotUnderstood { attempt_id: 2, .. })),
                "{changed}"
            );
        }
        assert!(matches!(
            sign_text("[]", &key).open(key.public(), 7),
            Err(OrderError::Unreadable)
        ));
    }
}
