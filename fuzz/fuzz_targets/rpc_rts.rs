//! Fuzz target: `testkit::oracles::rpc::rts`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| testkit::oracles::rpc::rts(data));
