//! What is asked of the annotations of an item.

use super::Needle;
use crate::account::annotations::{Annotation, Audience};
use std::fmt::Debug;
use std::sync::Arc;

/// Which names of annotations are meant; how that is said is the client's matter.
pub trait NameTest: Debug + Send + Sync {
    /// True for a name that is meant.
    fn fits(&self, name: &str) -> bool;
}

/// What at least one annotation must be like.
#[derive(Debug, Clone)]
pub struct AnnotationTest {
    /// Whom it is for; `None` for both.
    pub audience: Option<Audience>,
    /// Its name.
    pub names: Arc<dyn NameTest>,
    /// What it contains.
    pub needle: Needle,
}

impl AnnotationTest {
    /// True for one that is like that.
    pub fn fits(&self, annotation: &Annotation) -> bool {
        let is_for = self
            .audience
            .is_none_or(|audience| audience == annotation.audience);
        is_for
            && self.names.fits(&annotation.name)
            && self
                .needle
                .is_in(&String::from_utf8_lossy(&annotation.value))
    }
}
