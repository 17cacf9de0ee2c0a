//! Fuzz target: `testkit::oracles::mapi::rop_requests`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| testkit::oracles::mapi::rop_requests(data));
