//! Fuzz target: `testkit::oracles::identity::relayed`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| testkit::oracles::identity::relayed(data));
