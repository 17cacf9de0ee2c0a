//! Fuzz target: `testkit::oracles::recording::recordings`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| testkit::oracles::recording::recordings(data));
