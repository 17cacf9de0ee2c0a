//! Fuzz target: `testkit::oracles::mapi::aux_blocks`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| testkit::oracles::mapi::aux_blocks(data));
