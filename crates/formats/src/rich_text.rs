//! Rich Text Format as letters of Outlook have it: packed, with HTML or a plain text inside it.
//!
//! Nothing is rendered and no picture is read. What is damaged gives the text that could still be
//! read; nothing recurses, and output never exceeds what the caller allows.
//!
//! Start at [`packed`] for the compression, at [`text_of`] for what a document says and at
//! [`enclosing_html`] and [`enclosing_text`] for documents that enclose another form.
//!
//! Standards: [MS-OXRTFCP] (compression), [MS-OXRTFEX] (HTML and text inside), Rich Text Format
//! 1.9.1.

mod lexer;
pub mod packed;
mod reader;
mod sink;
mod writer;

pub use reader::{Enclosed, html_of, text_of, words_of};
pub use writer::{enclosing_html, enclosing_text};

#[cfg(test)]
mod tests;
