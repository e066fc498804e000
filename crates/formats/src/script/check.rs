//! A command or test as it was written, held against its form.

use super::compare::{Comparator, MatchKind, Matching, Relation, regular_expression};
use super::extension::{Extension, Extensions};
use super::fault::Complaint;
use super::grammar::{self, ADDRESS_PART, Form, Kind, MATCH_TYPE, Nested, Slot, Tag};
use super::program::{Node, Value};
use super::syntax::{Argument, Raw};
use super::text::Text;

/// What has been required so far, and what of it was used.
#[derive(Debug, Default)]
pub(super) struct Scope {
    pub extensions: Extensions,
    pub used: Extensions,
}

impl Scope {
    fn need(&mut self, needed: Option<Extension>, what: &str, at: usize) -> Result<(), Complaint> {
        let Some(extension) = needed else {
            return Ok(());
        };
        self.used.add(extension);
        if self.extensions.has(extension) {
            return Ok(());
        }
        let text = format!("`{what}` needs `require \"{}\";`", extension.name());
        Err(Complaint::new(at, text))
    }
}

/// The form of a node; `None` when its name is not known.
pub(super) fn form(raw: &Raw<'_>, kind: Kind) -> Option<&'static Form> {
    grammar::form(kind, raw.name)
}

/// What to say of a name that is not known.
pub(super) fn unknown(raw: &Raw<'_>, kind: Kind) -> Complaint {
    let (what, other_kind, other) = match kind {
        Kind::Command => ("command", Kind::Test, "a test"),
        Kind::Test => (
            "test",
            Kind::Command,
            "a command; is a `;` missing before it?",
        ),
    };
    let text = if grammar::form(other_kind, raw.name).is_some() {
        format!("`{}` is {other}", raw.name)
    } else {
        format!("there is no {what} `{}`", raw.name)
    };
    Complaint::new(raw.at.offset, text)
}

/// Makes a node of what was written, taking its arguments.
pub(super) fn node(
    raw: &mut Raw<'_>,
    form: &'static Form,
    scope: &mut Scope,
) -> Result<Node, Complaint> {
    let at = raw.at.offset;
    scope.need(form.needs, form.name, at)?;
    check_shape(raw, form)?;
    let mut arguments = std::mem::take(&mut raw.arguments).into_iter().peekable();
    let (mut positional, mut tagged) = (Vec::new(), Vec::new());
    while let Some((argument, at)) = arguments.next() {
        let Argument::Tag(name) = argument else {
            positional.push((argument, at));
            continue;
        };
        if !positional.is_empty() {
            let text = format!("`:{name}` must stand before the other arguments");
            return Err(Complaint::new(at, text));
        }
        let tag = known_tag(form, name, &tagged, scope, at)?;
        let value = match tag.slot {
            None => Value::Nothing,
            Some(slot) => {
                let next = arguments.next_if(|(next, _)| !matches!(next, Argument::Tag(_)));
                let Some((argument, at)) = next else {
                    return Err(Complaint::new(
                        at,
                        format!("`{}` needs {}", tag.name, say(slot)),
                    ));
                };
                value(argument, slot, tag.name, scope.extensions, at)?
            }
        };
        tagged.push((tag, value));
    }
    let positional = place(positional, form, scope.extensions, at)?;
    let node = Node {
        verb: form.verb,
        line: raw.at.line,
        matching: matching(&tagged, scope).map_err(|text| Complaint::new(at, text))?,
        positional,
        tagged: tagged
            .into_iter()
            .map(|(tag, value)| (tag.name, value))
            .collect(),
    };
    let ruled = form
        .rule
        .map_or(Ok(()), |rule| rule(&node))
        .and_then(|()| check_keys(&node));
    ruled
        .map_err(|text| Complaint::new(at, text))
        .map(|()| node)
}

/// Constant regular expressions are tried now, so that their writer hears of it and not a letter.
fn check_keys(node: &Node) -> Result<(), String> {
    if node.matching.kind != MatchKind::Regex {
        return Ok(());
    }
    let keys = node.texts(node.positional.len().saturating_sub(1)).iter();
    keys.filter_map(Text::as_constant)
        .try_for_each(|key| regular_expression(key, node.matching.comparator).map(drop))
}

/// Tests and block are there where they belong, and nowhere else.
fn check_shape(raw: &Raw<'_>, form: &Form) -> Result<(), Complaint> {
    let name = form.name;
    let text = match (form.nested, raw.tests.as_slice(), raw.has_list) {
        (Nested::None, [], false) | (Nested::One, [_], false) | (Nested::Many, [_, ..], true) => {
            None
        }
        (Nested::None, ..) => Some(format!("`{name}` takes no test; is a `;` or `,` missing?")),
        (Nested::One, ..) => Some(format!("`{name}` needs exactly one test behind it")),
        (Nested::Many, ..) => Some(format!("`{name}` needs tests in parentheses behind it")),
    };
    let text = text.or_else(|| match (form.has_block, raw.block.is_some()) {
        (true, false) => Some(format!("`{name}` needs a block in braces")),
        (false, true) => Some(format!("`{name}` takes no block")),
        _ => None,
    });
    text.map_or(Ok(()), |text| Err(Complaint::new(raw.at.offset, text)))
}

fn known_tag(
    form: &'static Form,
    name: &str,
    before: &[(&'static Tag, Value)],
    scope: &mut Scope,
    at: usize,
) -> Result<&'static Tag, Complaint> {
    let full = format!(":{name}");
    let Some(tag) = grammar::tag(form, &full) else {
        let text = format!("`{}` has no argument `{full}`", form.name);
        return Err(Complaint::new(at, text));
    };
    scope.need(tag.needs, tag.name, at)?;
    for (earlier, _) in before {
        if earlier.name == tag.name {
            return Err(Complaint::new(at, format!("`{}` is given twice", tag.name)));
        }
        if earlier.group.is_some() && earlier.group == tag.group {
            let (one, other) = (earlier.name, tag.name);
            return Err(Complaint::new(
                at,
                format!("`{one}` and `{other}` exclude each other"),
            ));
        }
    }
    Ok(tag)
}

/// Brings the other arguments to their places.
fn place(
    given: Vec<(Argument<'_>, usize)>,
    form: &Form,
    extensions: Extensions,
    at: usize,
) -> Result<Vec<Value>, Complaint> {
    let is_optional = |slot: &&Slot| matches!(slot, Slot::MaybeText | Slot::MaybeTexts);
    let needed = form.slots.iter().filter(|slot| !is_optional(slot)).count();
    let (count, name) = (given.len(), form.name);
    if count > form.slots.len() {
        let at = given.get(form.slots.len()).map_or(at, |(_, at)| *at);
        return Err(Complaint::new(
            at,
            format!("`{name}` has too many arguments"),
        ));
    }
    let mut given = given.into_iter();
    let mut values = Vec::with_capacity(form.slots.len());
    for slot in form.slots {
        if count == needed && is_optional(&slot) {
            values.push(Value::Nothing);
            continue;
        }
        let Some((argument, at)) = given.next() else {
            let text = format!("{} is missing behind `{name}`", say(*slot));
            return Err(Complaint::new(at, text));
        };
        values.push(value(argument, *slot, name, extensions, at)?);
    }
    Ok(values)
}

fn value(
    argument: Argument<'_>,
    slot: Slot,
    name: &str,
    extensions: Extensions,
    at: usize,
) -> Result<Value, Complaint> {
    let complain = |text: String| Complaint::new(at, text);
    let text = |text: String| Text::parse(text, extensions).map_err(complain);
    match (argument, slot) {
        (Argument::Number(number), Slot::Number) => Ok(Value::Number(number)),
        (Argument::Text(one), Slot::Text | Slot::Texts | Slot::MaybeText | Slot::MaybeTexts) => {
            Ok(Value::Texts(vec![text(one)?]))
        }
        (Argument::Texts(all), Slot::Texts | Slot::MaybeTexts) => Ok(Value::Texts(
            all.into_iter().map(text).collect::<Result<_, _>>()?,
        )),
        _ => Err(complain(format!("`{name}` needs {} here", say(slot)))),
    }
}

fn say(slot: Slot) -> &'static str {
    match slot {
        Slot::Number => "a number",
        Slot::Text | Slot::MaybeText => "a string",
        Slot::Texts | Slot::MaybeTexts => "a string or a list of strings",
    }
}

/// How a test compares, from its tags.
fn matching(tagged: &[(&'static Tag, Value)], scope: &mut Scope) -> Result<Matching, String> {
    let constant = |value: &Value| match value {
        Value::Texts(texts) => texts.first().and_then(Text::as_constant).map(str::to_owned),
        _ => None,
    };
    let mut matching = Matching::default();
    for (tag, value) in tagged {
        if tag.name == ":comparator" {
            let name = constant(value).ok_or("a comparator's name cannot hold variables")?;
            matching.comparator = comparator(&name, scope)?;
        } else if tag.group == Some(MATCH_TYPE) {
            let relation = || {
                let relation = constant(value).as_deref().and_then(Relation::named);
                relation.ok_or(format!(
                    "behind `{}` stands gt, ge, lt, le, eq or ne",
                    tag.name
                ))
            };
            matching.kind = match tag.name {
                ":contains" => MatchKind::Contains,
                ":matches" => MatchKind::Matches,
                ":regex" => MatchKind::Regex,
                ":list" => MatchKind::List,
                ":value" => MatchKind::Value(relation()?),
                ":count" => MatchKind::Count(relation()?),
                _ => MatchKind::Is,
            };
        } else {
            debug_assert!(tag.group != Some(ADDRESS_PART) || tag.slot.is_none());
        }
    }
    let has_parts = matching.comparator != Comparator::AsciiNumeric;
    match matching.kind {
        MatchKind::Contains | MatchKind::Matches | MatchKind::Regex if !has_parts => {
            Err("numbers can only be compared whole, with `:is`, `:value` or `:count`".to_owned())
        }
        _ => Ok(matching),
    }
}

fn comparator(name: &str, scope: &mut Scope) -> Result<Comparator, String> {
    let comparator =
        Comparator::named(name).ok_or_else(|| format!("there is no comparator `{name}`"))?;
    let extension = comparator.extension();
    scope.used.add(extension);
    let is_basic = matches!(comparator, Comparator::Octet | Comparator::AsciiCasemap);
    if is_basic || scope.extensions.has(extension) {
        Ok(comparator)
    } else {
        Err(format!(
            "`{name}` needs `require \"{}\";`",
            extension.name()
        ))
    }
}
