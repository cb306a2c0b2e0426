#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| jetfit_fuzz::expression(bytes));
