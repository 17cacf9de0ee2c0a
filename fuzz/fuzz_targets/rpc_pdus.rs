//! Fuzz target: `testkit::oracles::rpc::pdus`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| testkit::oracles::rpc::pdus(data));
