//! Fuzz target: `testkit::oracles::identity::tokens`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| testkit::oracles::identity::tokens(data));
