//! Messages to people and programs. Rooms above write them down with the change that they tell of; they are sent a moment
//! later, again and again until they arrive or are given up.

pub(crate) mod deliver;
mod deliveries;
mod failure;
pub(crate) mod mail;
mod message;
pub(crate) mod retention;
pub(crate) mod routes;
mod webhooks;

pub(crate) use message::{News, notify, tell, tell_people};
pub(crate) use webhooks::Sender;
