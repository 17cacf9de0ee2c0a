//! Fuzz target: `testkit::oracles::mapi::rtf`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| testkit::oracles::mapi::rtf(data));
