//! What one document may cost: a meter that all readers of it share.

use std::cell::Cell;

/// Work that is left, in bytes read or made.
///
/// Everything that a hostile file can have done again and again (an object looked up, a stream
/// unfolded, a form drawn) takes from it, so that the whole ends whatever the file refers to.
#[derive(Debug)]
pub(super) struct Work(Cell<usize>);

impl Work {
    pub(super) fn new(bytes: usize) -> Self {
        Self(Cell::new(bytes))
    }

    /// Takes as much as there is; false when that was less than asked for.
    pub(super) fn take(&self, bytes: usize) -> bool {
        let left = self.0.get();
        self.0.set(left.saturating_sub(bytes));
        bytes <= left
    }

    pub(super) fn left(&self) -> usize {
        self.0.get()
    }

    pub(super) fn is_done(&self) -> bool {
        self.0.get() == 0
    }
}
