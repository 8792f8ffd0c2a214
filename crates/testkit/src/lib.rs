//! What tests of the whole server stand on: a real server in this process, people with a role at a scope,
//! agents that speak the real protocol, and a clock the test moves.
//!
//! A development dependency only. It goes behind the API where a test needs a state the API cannot make (a
//! second tenant, a user without the cost of a password), and waits for conditions, never for a length of time.

mod builders;
mod clock;
mod people;
mod postgres;
mod server;
mod sim_agent;
mod template;
mod until;
mod wire;

pub use builders::{argv, key, on, script, targets};
pub use clock::FakeClock;
pub use people::{Person, Tenant};
pub use postern_client as client;
pub use server::{Database, Operation, TestServer};
pub use sim_agent::{Refusal, SimAgent, facts};
pub use until::{LIMIT, until, within};
pub use wire::{Answer, Wire};
