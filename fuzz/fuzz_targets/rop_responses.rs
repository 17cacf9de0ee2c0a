//! Fuzz target: `testkit::oracles::mapi::rop_responses`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| testkit::oracles::mapi::rop_responses(data));
