//! The edge, driven from outside over real connections.

mod connections;
mod fixture;
mod http_rules;
mod limits;
mod logs;
mod pages;
mod socket;
mod sockets;
mod strangers;
