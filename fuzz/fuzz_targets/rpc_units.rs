//! Fuzz target: `testkit::oracles::rpc::units`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| testkit::oracles::rpc::units(data));
