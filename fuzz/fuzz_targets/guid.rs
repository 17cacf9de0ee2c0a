//! Fuzz target: `testkit::oracles::wire::guid`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| testkit::oracles::wire::guid(data));
