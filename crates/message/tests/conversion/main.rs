//! Messages of all kinds, generated from a seed, are converted to RFC 5322 and back.

mod generate;
mod readers;
mod survives;

use message::{Limits, Message, from_rfc5322, to_rfc5322};

/// The number of generated messages.
const MESSAGES: u64 = 300;

fn resolve(dn: &str) -> Option<String> {
    dn.strip_prefix("/o=known/cn=").map(|name| format!("{name}@example.com"))
}

fn converted(message: &Message) -> Vec<u8> {
    to_rfc5322(message, &Limits::default(), &resolve).expect("within the limits").bytes
}

#[test]
fn messages_survive_the_conversion_to_rfc_5322_and_back() {
    for seed in 0..MESSAGES {
        let message = generate::message(seed);
        let bytes = converted(&message);
        let back = from_rfc5322(&bytes, &Limits::default()).expect("within the limits");
        let text = String::from_utf8_lossy(&bytes);
        assert_eq!(back.losses, [], "seed {seed}\n{text}");
        let (found, expected) = (survives::of(&back.message), survives::of(&message));
        let differ = found.iter().zip(&expected).find(|(found, expected)| found != expected);
        assert_eq!(differ, None, "seed {seed}\n{text}");
        assert_eq!(found.len(), expected.len(), "seed {seed}");
    }
}

#[test]
fn a_message_that_was_read_is_written_as_it_was() {
    for seed in 0..MESSAGES {
        let bytes = converted(&generate::message(seed));
        let read = from_rfc5322(&bytes, &Limits::default()).expect("within the limits");
        let again = converted(&read.message);
        let third = from_rfc5322(&again, &Limits::default()).expect("within the limits");
        assert_eq!(survives::of(&third.message), survives::of(&read.message), "seed {seed}");
    }
}
