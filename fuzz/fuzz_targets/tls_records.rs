//! Fuzz target: `testkit::oracles::decrypt::tls_records`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| testkit::oracles::decrypt::tls_records(data));
