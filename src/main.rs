//! The program `jetfit`: the command line of the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Mesa's layer that chooses a default adapter complains where there is no display; the choice is
    // ours. SAFETY: no other thread runs yet.
    unsafe { std::env::set_var("NODEVICE_SELECT", "1") };
    jetfit::cli::main(std::env::args_os()).into()
}
