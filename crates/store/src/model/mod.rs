//! What the keys mean: accounts, folders, items, overlays, changes, queue and directory.
