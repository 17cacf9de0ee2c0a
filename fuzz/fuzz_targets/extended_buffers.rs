//! Fuzz target: `testkit::oracles::mapi::extended_buffers`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| testkit::oracles::mapi::extended_buffers(data));
