//! Fuzz target: `testkit::oracles::decrypt::key_logs`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| testkit::oracles::decrypt::key_logs(data));
