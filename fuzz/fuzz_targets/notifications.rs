//! Fuzz target: `testkit::oracles::mapi::notifications`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| testkit::oracles::mapi::notifications(data));
