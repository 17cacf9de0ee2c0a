//! Fuzz target: `testkit::oracles::rpc::client`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| testkit::oracles::rpc::client(data));
