//! Fuzz target: `testkit::oracles::message::rtf_bodies`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| testkit::oracles::message::rtf_bodies(data));
