//! End-to-end tests: the program `mapiproxy` between third-party clients and servers.
//!
//! `cargo xtask test` builds the program and installs the others: impacket, scapy, pyspnego and
//! requests in `target/venv`, tshark and curl. Every test has loopback addresses, a folder and processes of its
//! own, so that all of them can run at once.

mod harness;

mod accounts;
mod address_book;
mod bad_clients;
mod bad_http;
mod bad_stubs;
mod bad_upstreams;
mod bare_machine;
mod capturing;
mod checking;
mod checking_files;
mod checking_online;
mod client_program;
mod command_line;
mod decoding;
mod decrypting;
mod deferred;
mod demo;
mod ending_sessions;
mod endpoints;
mod foreign_recordings;
mod guessing;
mod hooks;
mod http_clients;
mod http_edge;
mod http_foreign;
mod http_lab;
mod http_relayed;
mod http_service_account;
mod http_sessions;
mod load;
mod loops;
mod memory;
mod notifications;
mod ntlm_foreign;
mod proxy_protocol;
mod recordings;
mod replaying;
mod rpc_memory;
mod samba;
mod sealed;
mod sessions;
mod stopping;
mod store;
mod synchronization;
mod transparency;
mod unauthenticated;
mod upstream_losses;
mod upstream_outages;
mod with_lab;
mod witness;
