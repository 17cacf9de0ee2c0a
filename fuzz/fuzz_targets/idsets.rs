//! Fuzz target: `testkit::oracles::mapi::idsets`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| testkit::oracles::mapi::idsets(data));
