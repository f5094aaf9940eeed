//! Prints `docs/SENTINEL.md` to stdout.

fn main() {
    print!("{}", scanyard_engines::sentinel::manual());
}
