//! Fuzz target: `testkit::oracles::identity::pass_through`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| testkit::oracles::identity::pass_through(data));
