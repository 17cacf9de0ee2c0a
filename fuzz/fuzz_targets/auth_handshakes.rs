//! Fuzz target: `testkit::oracles::identity::handshake`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| testkit::oracles::identity::handshake(data));
