//! Fuzz target: `testkit::oracles::rpc::endpoints`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| testkit::oracles::rpc::endpoints(data));
