//! Fuzz target: `testkit::oracles::mapi::fast_transfer`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| testkit::oracles::mapi::fast_transfer(data));
