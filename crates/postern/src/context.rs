//! What a command works with: the server as the signed-in user, and the console.

use postern_client::Client;

use crate::{config::Environment, failure::Failure, output::Console};

#[derive(Debug)]
pub(crate) struct Context<'a> {
    pub(crate) client: Client,
    pub(crate) console: &'a Console,
}

impl<'a> Context<'a> {
    pub(crate) fn signed_in(console: &'a Console) -> Result<Self, Failure> {
        Ok(Self {
            client: Environment::read()?.connect()?,
            console,
        })
    }
}
