//! Fuzz target: `testkit::oracles::mapi::nspi`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| testkit::oracles::mapi::nspi(data));
