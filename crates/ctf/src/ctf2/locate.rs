//! Field locations: from the words of the metadata to the path of a field that lies before
//! (CTF2-SPEC-2.0, 6.4.2).

use super::error::{Fault, Parsed};
use super::json::Json;
use super::names::{name_step, own_name};
use crate::ctf2::{ANY_OPTION, option_step};
use crate::types::{Field, FieldRef, Scope, Structure, Type};

/// Where in a scope a field class is read: the compound types around it, outermost first.
#[derive(Debug)]
pub(super) enum Level {
    /// A structure, with the fields that were read so far and the name of the one that is read.
    Structure { fields: Vec<Field>, current: String },
    /// The option of that number.
    Option(usize),
    /// An element of an array, or the content of an optional field.
    Inner,
}

/// What a field location starts from: the scopes that are there, and the place in the last of them.
#[derive(Debug)]
pub(super) struct Place<'s> {
    pub(super) scope: Scope,
    /// The scopes before, as far as they exist, with the names that they are read with.
    pub(super) before: &'s [(Scope, &'s Structure)],
    pub(super) levels: Vec<Level>,
}

/// What was found: the path, and the type there. Several types if it may be a field of several options.
#[derive(Debug)]
pub(super) struct Located {
    pub(super) reference: FieldRef,
    pub(super) types: Vec<Type>,
}

/// Where the way through a path has come to.
#[derive(Debug, Clone)]
enum At<'a> {
    /// In the structure of that level, which is being read.
    Reading(usize),
    /// At fields that were read, by the path up to them.
    Read(Vec<&'a Type>),
}

impl Place<'_> {
    /// Finds the field that a location means.
    pub(super) fn locate(&self, json: &Json) -> Parsed<Located> {
        let object = json.object()?;
        let origin = object.optional("origin", |value| scope_of(value.text()?))?;
        let path = object.required("path", Json::array)?;
        let under_path = |fault: Fault| fault.under("path");
        let names = path.iter().enumerate().map(|(index, step)| match step {
            Json::Null => Ok(None),
            step => step.text().map(Some).map_err(|fault| fault.at(index).under("path")),
        });
        let names: Vec<Option<&str>> = names.collect::<Parsed<_>>()?;
        if !matches!(names.last(), Some(Some(_))) {
            return Err(under_path(Fault::new("must end with the name of a field")));
        }
        self.walk(origin, &names).map_err(under_path)
    }

    fn walk(&self, origin: Option<Scope>, names: &[Option<&str>]) -> Parsed<Located> {
        let scope = origin.unwrap_or(self.scope);
        // What each step came from, so that `null` finds back, and the path up to there.
        let mut trail: Vec<(At<'_>, usize)> = Vec::new();
        let mut path: Vec<String> = Vec::new();
        let root;
        let mut at = if scope == self.scope {
            let structures = (0..self.levels.len())
                .filter(|at| matches!(self.levels[*at], Level::Structure { .. }))
                .collect::<Vec<_>>();
            let depth = if origin.is_some() { 1 } else { structures.len() };
            // From the root down, as if it had been named.
            for level in &structures[..depth.saturating_sub(1)] {
                trail.push((At::Reading(*level), path.len()));
                self.step_in(*level, &mut path);
            }
            let Some(level) = structures.get(depth.wrapping_sub(1)) else {
                return Err(Fault::new("there is no structure around it"));
            };
            At::Reading(*level)
        } else {
            let found = self.before.iter().find(|(other, _)| *other == scope);
            let Some((_, structure)) = found else {
                return Err(Fault::new(format!("{} is not there, or comes later", scope_name(scope))));
            };
            root = Type::Structure((*structure).clone());
            At::Read(vec![&root])
        };
        for name in names {
            let Some(name) = name else {
                let Some((before, length)) = trail.pop() else {
                    return Err(Fault::new("there is no structure around the outermost one"));
                };
                at = before;
                path.truncate(length);
                continue;
            };
            trail.push((at.clone(), path.len()));
            at = match at {
                At::Reading(level) => self.named_in_level(level, name, &mut path)?,
                At::Read(types) => named_in_types(&types, name, &mut path)?,
            };
        }
        match at {
            At::Reading(_) => Err(Fault::new("is a structure that is not read yet")),
            At::Read(types) => Ok(Located {
                reference: FieldRef { scope: Some(scope), path },
                types: types.into_iter().cloned().collect(),
            }),
        }
    }

    /// Adds the steps from the structure of that level to the next structure within.
    fn step_in(&self, level: usize, path: &mut Vec<String>) {
        if let Level::Structure { current, .. } = &self.levels[level] {
            path.push(name_step(current));
        }
        for inner in &self.levels[level + 1..] {
            match inner {
                Level::Option(option) => path.push(option_step(*option)),
                Level::Inner => {}
                Level::Structure { .. } => break,
            }
        }
    }

    fn named_in_level<'a>(&'a self, level: usize, name: &str, path: &mut Vec<String>) -> Parsed<At<'a>> {
        let Level::Structure { fields, current } = &self.levels[level] else {
            return Err(Fault::new("is in no structure"));
        };
        if own_name(current) == name {
            let next = self.levels[level + 1..]
                .iter()
                .position(|inner| matches!(inner, Level::Structure { .. }))
                .map(|at| level + 1 + at);
            let Some(next) = next else {
                return Err(Fault::new(format!("`{name}` is the field itself")));
            };
            self.step_in(level, path);
            return Ok(At::Reading(next));
        }
        let Some(field) = fields.iter().find(|field| own_name(&field.name) == name) else {
            return Err(Fault::new(format!("there is no field `{name}` before")));
        };
        path.push(name_step(&field.name));
        Ok(At::Read(vec![&field.ty]))
    }
}

/// The fields of that name within fields that were read.
fn named_in_types<'a>(types: &[&'a Type], name: &str, path: &mut Vec<String>) -> Parsed<At<'a>> {
    let mut found: Vec<(&Field, usize)> = Vec::new();
    for ty in types {
        fields_named(ty, name, 0, &mut found)?;
    }
    let Some((first, options)) = found.first() else {
        return Err(Fault::new(format!("there is no field `{name}` before")));
    };
    if found.iter().any(|(field, other)| field.name != first.name || other != options) {
        return Err(Fault::new(format!(
            "`{name}` means fields of different roles or depths in several options: this program does not read that"
        )));
    }
    path.extend(std::iter::repeat_n(ANY_OPTION.to_owned(), *options));
    path.push(name_step(&first.name));
    Ok(At::Read(found.into_iter().map(|(field, _)| &field.ty).collect()))
}

/// Fields of that name in a type, each with the number of options that lead there.
fn fields_named<'a>(
    ty: &'a Type,
    name: &str,
    options: usize,
    found: &mut Vec<(&'a Field, usize)>,
) -> Parsed<()> {
    match ty {
        Type::Structure(structure) => {
            found.extend(
                structure
                    .fields
                    .iter()
                    .find(|field| own_name(&field.name) == name)
                    .map(|field| (field, options)),
            );
            Ok(())
        }
        Type::Optional(optional) => fields_named(&optional.content.ty, name, options, found),
        Type::Choice(choice) => {
            choice.options.iter().try_for_each(|option| fields_named(&option.ty, name, options + 1, found))
        }
        Type::Array(_) | Type::Sequence(_) => Err(Fault::new(format!(
            "`{name}` would be in an array that is over: nobody knows in which element"
        ))),
        other => {
            Err(Fault::new(format!("`{name}` would be in {}, which has no fields", with_article(other))))
        }
    }
}

fn with_article(ty: &Type) -> String {
    let kind = ty.kind();
    let article = if kind.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {kind}")
}

/// The name of a scope in a field location.
pub(super) fn scope_name(scope: Scope) -> &'static str {
    match scope {
        Scope::PacketHeader => "packet-header",
        Scope::PacketContext => "packet-context",
        Scope::EventHeader => "event-record-header",
        Scope::StreamEventContext => "event-record-common-context",
        Scope::EventContext => "event-record-specific-context",
        Scope::EventFields => "event-record-payload",
    }
}

fn scope_of(name: &str) -> Parsed<Scope> {
    let found = Scope::ALL.into_iter().find(|scope| scope_name(*scope) == name);
    found.ok_or_else(|| Fault::new(format!("there is no origin `{name}`")))
}
