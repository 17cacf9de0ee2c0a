//! Fuzz target: `testkit::oracles::mapi::properties`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| testkit::oracles::mapi::properties(data));
