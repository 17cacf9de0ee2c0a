//! Fuzz target: `testkit::oracles::message::messages_read`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| testkit::oracles::message::messages_read(data));
