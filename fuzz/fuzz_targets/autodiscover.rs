//! Fuzz target: `testkit::oracles::mapi::autodiscover`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| testkit::oracles::mapi::autodiscover(data));
