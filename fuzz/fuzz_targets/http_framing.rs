//! Fuzz target: `testkit::oracles::http::framing`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| testkit::oracles::http::framing(data));
