//! Fuzz target: `testkit::oracles::mapi::emsmdb`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| testkit::oracles::mapi::emsmdb(data));
