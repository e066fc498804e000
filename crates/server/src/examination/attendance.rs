//! Examiners that follow a connection from its beginning, and what each keeps of it.
//!
//! A connection has an attendance of its own, empty where no examiner follows. Start at
//! [`Attendance::hear`].

use super::{Looking, survived};
use engine::examination::stage::Stage;
use engine::examination::{Decision, Examination, Examined};
use std::future::Future;
use std::pin::Pin;

/// What a follower will say of a stage.
pub type Hearing<'a> = Pin<Box<dyn Future<Output = Decision> + Send + 'a>>;
/// That a follower has gone.
pub type Parting<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Someone who follows one connection; what fails is theirs to judge, within a time of their own.
pub trait Follower: Send {
    /// Hears what the peer says; what is to become of it.
    fn hear<'a>(&'a mut self, stage: &'a Stage) -> Hearing<'a>;

    /// Looks at the letter that all this led to. `so_far` is what the examiners before have said.
    ///
    /// Errors: a line for the log; the letter goes on without this word.
    fn examine<'a>(&'a mut self, letter: &'a Examination, so_far: &'a Examined) -> Looking<'a>;

    /// The connection has ended.
    fn part(&mut self) -> Parting<'_>;
}

/// Those who follow one connection.
#[derive(Default)]
pub struct Attendance {
    /// Each with its place among the examiners.
    followers: Vec<(usize, Box<dyn Follower>)>,
}

impl Attendance {
    /// Of these.
    pub(super) fn new(followers: Vec<(usize, Box<dyn Follower>)>) -> Self {
        Self { followers }
    }

    /// Tells all of a stage, until one of them refuses it.
    pub async fn hear(&mut self, stage: &Stage) -> Decision {
        for (_, follower) in &mut self.followers {
            let decision = survived(follower.hear(stage), || Decision::Accept).await;
            if decision != Decision::Accept {
                return decision;
            }
        }
        Decision::Accept
    }

    /// The one that is the examiner at this place.
    pub(super) fn at(&mut self, place: usize) -> Option<&mut dyn Follower> {
        let found = self.followers.iter_mut().find(|(at, _)| *at == place);
        found.map(|(_, follower)| &mut **follower as &mut dyn Follower)
    }

    /// Lets all go.
    pub async fn part(&mut self) {
        for (_, mut follower) in self.followers.drain(..) {
            survived(follower.part(), || ()).await;
        }
    }
}
