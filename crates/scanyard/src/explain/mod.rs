//! Explains failures of every contract in the catalogue. Pure: words or an answer in, an explanation out.

mod answered;
mod pasted;
mod printed;
mod question;
mod reading;
mod show;

pub use answered::{Hints, answer};
pub use question::{Asked, Question, without_address};
pub use reading::words;
pub use show::show;
