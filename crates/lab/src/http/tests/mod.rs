//! Tests of the HTTP side: conversations on sockets, with the bytes of both sides.

mod address_book;
mod authentication;
mod autodiscover;
mod client;
mod codes;
mod hostile;
mod mailbox;
mod recorded;
mod sessions;
