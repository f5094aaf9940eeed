//! Explains failures of every contract in the catalogue. Pure: words or an answer in, an explanation out.

mod pasted;
mod question;
mod reading;
mod show;

pub use question::{Asked, Question};
pub use reading::{Hints, answer, words};
pub use show::show;
