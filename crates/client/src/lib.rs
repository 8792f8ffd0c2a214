//! Typed client of the REST API: one method per operation, named as the operation is everywhere else.
//!
//! Every call has a deadline, a download one for each of its pieces. What can be repeated without harm (reading, and
//! creating under an [`IdempotencyKey`]) is repeated when the connection fails; everything else is tried once and the caller
//! learns that its fate is unknown. The client keeps no session of its own and reads no environment.

mod credentials;
mod download;
mod error;
mod events;
mod operations;
mod paging;
mod random;
mod transport;
mod trust;

pub use credentials::{Credentials, SESSION_COOKIE, Secret};
pub use download::Download;
pub use error::{Error, SetupError};
pub use events::{
    EventReader, Events, InstanceNews, InstanceWatch, JobEvent, JobEvents, RawEvent, StreamError, Told,
};
pub use operations::{Output, Revoke, SignedIn};
pub use random::IdempotencyKey;
pub use transport::Client;
pub use trust::Trust;

pub use reqwest::Url;
