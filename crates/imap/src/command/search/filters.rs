//! Searches that are kept by name, as annotations of the server, and named in others.
//!
//! Start at [`put_in`]. Standards: RFC 5466.

use super::super::Desk;
use super::super::metadata::{Known, of_server};
use crate::codec::Fault;
use crate::codec::metadata::{Entry, Scope};
use crate::codec::search::{CRITERIA_MAX, Criterion, DEPTH_MAX};
use crate::refusal::Refusal;

/// Where the server's annotations hold them.
const VALUES: &str = "/filters/values/";

/// Filters within one another; also what ends a circle. At least 3 (RFC 5466 §3.1).
const PASSES_MAX: usize = 8;

/// Filters that are put in the places of names in one search.
const FILTERS_MAX: usize = 64;

/// Puts what they say in the places of the filters that a criterion names.
///
/// Errors: [`Refusal::UndefinedFilter`], also for one that leads back to itself; a search that
/// becomes too long or too deep.
pub(crate) fn put_in(criterion: &mut Criterion, desk: &Desk<'_>) -> Result<(), Refusal> {
    if !criterion.names_filters() {
        return Ok(());
    }
    let mut filters = Filters {
        known: of_server(&desk.home.read()?)?,
        substitutions_left: FILTERS_MAX,
        criteria_left: CRITERIA_MAX,
    };
    filters.put_in(criterion, 0, 0)
}

/// Errors: what is to be kept is no search. Source: RFC 5466 §3.2.
pub(crate) fn check(entry: &Entry, value: Option<&[u8]>) -> Result<(), Refusal> {
    let (Some(name), Some(value)) = (name_of(entry), value) else {
        return Ok(());
    };
    let by_name = Criterion::read(format!("FILTER {name}").as_bytes());
    match (by_name, Criterion::read(value)) {
        (Ok(Criterion::Filter(_)), Ok(_)) => Ok(()),
        _ => Err(Refusal::Never(
            "NO A filter needs a name and a whole search",
        )),
    }
}

fn name_of(entry: &Entry) -> Option<&str> {
    let (head, name) = entry.name.split_at_checked(VALUES.len())?;
    head.eq_ignore_ascii_case(VALUES).then_some(name)
}

struct Filters {
    known: Vec<Known>,
    substitutions_left: usize,
    criteria_left: usize,
}

impl Filters {
    /// Recursion is bounded by [`DEPTH_MAX`], whatever the filters hold.
    fn put_in(
        &mut self,
        criterion: &mut Criterion,
        depth: usize,
        passes: usize,
    ) -> Result<(), Refusal> {
        let left = self.criteria_left.checked_sub(1);
        self.criteria_left = left.filter(|_| depth <= DEPTH_MAX).ok_or(TOO_LONG)?;
        match criterion {
            Criterion::All(inner) | Criterion::Any(inner) => inner
                .iter_mut()
                .try_for_each(|inner| self.put_in(inner, depth + 1, passes)),
            Criterion::Not(inner) | Criterion::Fuzzy(inner) => {
                self.put_in(inner, depth + 1, passes)
            }
            Criterion::Filter(name) => {
                let unknown = || Refusal::UndefinedFilter(name.clone());
                if passes >= PASSES_MAX {
                    return Err(unknown());
                }
                self.substitutions_left = self.substitutions_left.checked_sub(1).ok_or(TOO_LONG)?;
                let mut found = self.named(name).ok_or_else(unknown)?;
                self.put_in(&mut found, depth + 1, passes + 1)?;
                *criterion = found;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// One's own goes before one that all share.
    fn named(&self, name: &str) -> Option<Criterion> {
        let of_scope = |scope| {
            let mut entries = self
                .known
                .iter()
                .filter(move |(entry, _)| entry.scope == scope);
            entries.find(|(entry, _)| {
                name_of(entry).is_some_and(|known| known.eq_ignore_ascii_case(name))
            })
        };
        let found = of_scope(Scope::Private).or_else(|| of_scope(Scope::Shared));
        Criterion::read(&found?.1).ok()
    }
}

const TOO_LONG: Refusal = Refusal::Fault(Fault::Limit("Search with its filters is too long"));
