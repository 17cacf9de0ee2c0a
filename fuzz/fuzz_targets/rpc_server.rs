//! Fuzz target: `testkit::oracles::rpc::server`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| testkit::oracles::rpc::server(data));
