//! Field classes: from JSON to types, with their roles and the fields that they refer to.

use std::collections::HashMap;

use super::error::{Fault, Parsed};
use super::json::{Json, Object};
use super::locate::{Level, Located, Place};
use super::names::{ROLE_MARK, ROLES, name_of_role};
use super::properties::{
    Ranges, base, bits, encoding, fixed, float, in_bit_order, is_reversed, media_type, minimum_alignment,
    ranges,
};
use crate::ctf2::{Blob, Boolean, Choice, Length, Optional, Text, TextEncoding, VariableInteger};
use crate::tsdl::scope::{MAX_DEPTH, MAX_NODES};
use crate::types::{
    Array, Encoding, Enumeration, Field, FieldRef, Integer, Mapping, Scope, Sequence, Structure, Type,
};

/// Reads field classes, with what was declared before.
#[derive(Debug, Default)]
pub(super) struct Classes {
    /// Field class aliases.
    aliases: HashMap<String, Json>,
    /// Most nodes that may still be made: aliases are read anew wherever they are used, so metadata of a few hundred
    /// bytes could ask for more memory than there is.
    nodes_left: Option<usize>,
    /// Whether the metadata stream has a UUID.
    pub(super) has_uuid: bool,
}

/// Where the structure of a scope is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Root<'s> {
    pub(super) scope: Scope,
    /// The scopes before, with the names that they are read with.
    pub(super) before: &'s [(Scope, &'s Structure)],
    /// The default clock.
    pub(super) clock: Option<&'s str>,
}

/// A type, and its roles.
struct Read {
    ty: Type,
    roles: Vec<String>,
}

impl From<Type> for Read {
    fn from(ty: Type) -> Read {
        Read { ty, roles: Vec::new() }
    }
}

impl Classes {
    /// Declares an alias.
    pub(super) fn declare(&mut self, name: &str, class: &Json) -> Parsed<()> {
        if self.aliases.contains_key(name) {
            return Err(Fault::new(format!("a second field class alias `{name}`")));
        }
        // Read once where it stands, so that its mistakes are told there, and it refers to aliases before only.
        let mut reader =
            Reader { classes: self, place: None, clock: None, depth: 0, scope: Scope::EventFields };
        reader.class(class).map_err(|fault| fault.under("field-class"))?;
        self.aliases.insert(name.to_owned(), class.clone());
        Ok(())
    }

    /// Reads the structure of a scope.
    pub(super) fn scope(&mut self, class: &Json, root: Root<'_>) -> Parsed<Structure> {
        let Root { scope, before, clock } = root;
        let place = Place { scope, before, levels: Vec::new() };
        let mut reader = Reader { classes: self, place: Some(place), clock, depth: 0, scope };
        match reader.class(class)?.ty {
            Type::Structure(structure) => Ok(structure),
            other => Err(Fault::new(format!("must be a structure, not a {}", other.kind()))),
        }
    }

    fn pay(&mut self, nodes: usize) -> Parsed<()> {
        let left = self.nodes_left.unwrap_or(MAX_NODES).checked_sub(nodes);
        self.nodes_left = left;
        if left.is_some() {
            return Ok(());
        }
        self.nodes_left = Some(0);
        Err(Fault::new(format!(
            "with this the types would take too much memory: more than {MAX_NODES} fields and labels"
        )))
    }
}

/// Goes through one field class.
struct Reader<'c, 's> {
    classes: &'c mut Classes,
    /// Where it is. Aliases are nowhere.
    place: Option<Place<'s>>,
    clock: Option<&'s str>,
    depth: usize,
    scope: Scope,
}

impl Reader<'_, '_> {
    /// A field class, or the name of an alias.
    fn class(&mut self, json: &Json) -> Parsed<Read> {
        if let Json::Text(name) = json {
            let Some(class) = self.classes.aliases.get(name) else {
                return Err(Fault::new(format!("there is no field class alias `{name}` before")));
            };
            let class = class.clone();
            return self.class_of(&class);
        }
        self.class_of(json)
    }

    fn class_of(&mut self, json: &Json) -> Parsed<Read> {
        if let Json::Text(_) = json {
            return self.class(json);
        }
        self.classes.pay(1)?;
        if self.depth >= MAX_DEPTH {
            return Err(Fault::new(format!("field classes are nested more than {MAX_DEPTH} deep")));
        }
        self.depth += 1;
        let read = self.object(json.object()?);
        self.depth -= 1;
        read
    }

    fn object(&mut self, object: &Object) -> Parsed<Read> {
        let kind = object.required("type", Json::text)?;
        Ok(match kind {
            "fixed-length-bit-array" => bits(object, Vec::new())?.into(),
            "fixed-length-bit-map" => {
                let flags = object.required("flags", |flags| self.mappings(flags))?;
                if flags.is_empty() {
                    return Err(Fault::new("must have at least one flag").under("flags"));
                }
                bits(object, flags)?.into()
            }
            "fixed-length-boolean" => {
                // The order of its bits makes no difference, but has to be one.
                is_reversed(object)?;
                Type::from(Boolean { container: fixed(object, false)? }).into()
            }
            "fixed-length-unsigned-integer" | "fixed-length-signed-integer" => {
                self.integer(object, kind == "fixed-length-signed-integer")?
            }
            "fixed-length-floating-point-number" => float(object)?.into(),
            "variable-length-unsigned-integer" | "variable-length-signed-integer" => {
                let signed = kind == "variable-length-signed-integer";
                let base = base(object)?;
                let mappings = object.optional("mappings", |maps| self.mappings(maps))?.unwrap_or_default();
                let roles = self.roles(object)?;
                check_unsigned(signed, &roles)?;
                let clock = self.clock_of(&roles)?;
                Read { ty: VariableInteger { signed, base, mappings, clock }.into(), roles }
            }
            "null-terminated-string" => match encoding(object)? {
                TextEncoding::Utf8 => Type::String(Encoding::Utf8).into(),
                encoding => Type::from(Text { encoding, length: Length::UntilNull }).into(),
            },
            "static-length-string" => {
                let length = Length::Fixed(object.required("length", Json::integer)?);
                Type::from(Text { encoding: encoding(object)?, length }).into()
            }
            "dynamic-length-string" => {
                let length = Length::Recorded(self.length(object)?);
                Type::from(Text { encoding: encoding(object)?, length }).into()
            }
            "static-length-blob" => {
                let length = Length::Fixed(object.required("length", Json::integer)?);
                let roles = self.roles(object)?;
                Read { ty: Blob { length, media_type: media_type(object)? }.into(), roles }
            }
            "dynamic-length-blob" => {
                let length = Length::Recorded(self.length(object)?);
                Type::from(Blob { length, media_type: media_type(object)? }).into()
            }
            "structure" => Type::from(self.structure(object)?).into(),
            "static-length-array" => {
                let length = object.required("length", Json::integer)?;
                let min_alignment_bits = minimum_alignment(object)?;
                let element = Box::new(self.inner(object, "element-field-class")?.ty);
                Type::from(Array { element, length, min_alignment_bits }).into()
            }
            "dynamic-length-array" => {
                let length = self.length(object)?;
                let min_alignment_bits = minimum_alignment(object)?;
                let element = Box::new(self.inner(object, "element-field-class")?.ty);
                Type::from(Sequence { element, length, min_alignment_bits }).into()
            }
            "optional" => self.optional(object)?,
            "variant" => self.choice(object)?,
            other => {
                return Err(Fault::new(format!("there is no field class of type `{other}`")).under("type"));
            }
        })
    }

    fn integer(&mut self, object: &Object, signed: bool) -> Parsed<Read> {
        let roles = self.roles(object)?;
        check_unsigned(signed, &roles)?;
        let clock = self.clock_of(&roles)?;
        let container = Integer { base: base(object)?, clock, ..fixed(object, signed)? };
        if roles.iter().any(|role| role == "packet-magic-number") && container.size_bits != 32 {
            return Err(Fault::new("a packet magic number has 32 bits"));
        }
        let mappings = object.optional("mappings", |maps| self.mappings(maps))?.unwrap_or_default();
        let ty = if mappings.is_empty() {
            Type::Integer(container)
        } else {
            Type::Enumeration(Enumeration { container, mappings })
        };
        Ok(Read { ty: in_bit_order(object, ty)?, roles })
    }

    /// Labels or flags with their ranges, in the order of the metadata.
    fn mappings(&mut self, json: &Json) -> Parsed<Vec<Mapping>> {
        let mut mappings = Vec::new();
        for (label, value) in &json.object()?.0 {
            let ranges = ranges(value).map_err(|fault| fault.under(label))?;
            self.classes.pay(ranges.len())?;
            mappings.extend(ranges.into_iter().map(|(first, last)| Mapping::range(label, first, last)));
        }
        Ok(mappings)
    }

    fn roles(&self, object: &Object) -> Parsed<Vec<String>> {
        let read = |json: &Json| {
            let role = |(at, role): (usize, &Json)| {
                let role = role.text().map_err(|fault| fault.at(at))?;
                match ROLES.contains(&role) {
                    true => Ok(role.to_owned()),
                    false => Err(Fault::new(format!("there is no role `{role}`")).at(at)),
                }
            };
            json.array()?.iter().enumerate().map(role).collect::<Parsed<Vec<String>>>()
        };
        let roles = object.optional("roles", read)?.unwrap_or_default();
        if roles.iter().any(|role| role == "metadata-stream-uuid") {
            if object.get("length") != Some(&Json::Integer(16)) {
                return Err(Fault::new("a metadata stream UUID is a BLOB of 16 bytes"));
            }
            if self.place.is_some() && !self.classes.has_uuid {
                return Err(Fault::new("the preamble has no UUID that packets could repeat"));
            }
        }
        Ok(roles)
    }

    /// The clock, if the roles in this scope make it a time.
    fn clock_of(&self, roles: &[String]) -> Parsed<Option<String>> {
        let is_time = |role: &String| {
            matches!(name_of_role(role, self.scope), Some("timestamp" | "timestamp_begin" | "timestamp_end"))
        };
        match (self.place.is_some() && roles.iter().any(is_time), self.clock) {
            (false, _) => Ok(None),
            (true, Some(clock)) => Ok(Some(clock.to_owned())),
            (true, None) => {
                Err(Fault::new("is a time, but the data stream class has no `default-clock-class-id`"))
            }
        }
    }

    fn structure(&mut self, object: &Object) -> Parsed<Structure> {
        let min_alignment_bits = minimum_alignment(object)?;
        let is_root = self.place.as_ref().is_some_and(|place| place.levels.is_empty());
        self.enter(Level::Structure { fields: Vec::new(), current: String::new() });
        let mut detached = Vec::new();
        let mut names = std::collections::HashSet::new();
        let mut role_names = std::collections::HashSet::new();
        let members = object.optional("member-classes", Json::array)?.unwrap_or_default();
        for (at, member) in members.iter().enumerate() {
            let (name, read) = self.member(member).map_err(|fault| fault.at(at).under("member-classes"))?;
            let fault = |cause: String| Fault::new(cause).at(at).under("member-classes");
            if !names.insert(name.clone()) {
                return Err(fault(format!("a second member named `{name}`")));
            }
            if read.roles.iter().any(|role| role == "packet-magic-number")
                && self.scope == Scope::PacketHeader
                && self.place.is_some()
                && !(is_root && at == 0)
            {
                return Err(fault("a packet magic number must be the first field of the packet".to_owned()));
            }
            let name = match role_name(&read.roles, self.scope).map_err(fault)? {
                Some(role) if self.place.is_some() => {
                    if !role_names.insert(role) {
                        let cause = "a second member of one structure with this role: this program reads one";
                        return Err(fault(cause.to_owned()));
                    }
                    format!("{name}{ROLE_MARK}{role}")
                }
                _ => name,
            };
            let field = Field { name, ty: read.ty };
            match self.place.as_mut().and_then(|place| place.levels.last_mut()) {
                Some(Level::Structure { fields, .. }) => fields.push(field),
                _ => detached.push(field),
            }
        }
        let fields = match self.leave() {
            Some(Level::Structure { fields, .. }) => fields,
            _ => detached,
        };
        Ok(Structure { fields, min_alignment_bits })
    }

    fn member(&mut self, json: &Json) -> Parsed<(String, Read)> {
        let object = json.object()?;
        let name = object.required("name", Json::text)?.to_owned();
        if name.contains(ROLE_MARK) {
            return Err(Fault::new("has a record separator in it").under("name"));
        }
        if let Some(Level::Structure { current, .. }) =
            self.place.as_mut().and_then(|place| place.levels.last_mut())
        {
            current.clone_from(&name);
        }
        let read = object.required("field-class", |class| self.class(class))?;
        self.classes.pay(1)?;
        Ok((name, read))
    }

    fn enter(&mut self, level: Level) {
        if let Some(place) = &mut self.place {
            place.levels.push(level);
        }
    }

    fn leave(&mut self) -> Option<Level> {
        self.place.as_mut().and_then(|place| place.levels.pop())
    }

    /// The type of elements, or of what may be there.
    fn inner(&mut self, object: &Object, key: &str) -> Parsed<Read> {
        self.enter(Level::Inner);
        let read = object.required(key, |class| self.class(class));
        self.leave();
        read
    }

    /// The field that holds a length.
    fn length(&self, object: &Object) -> Parsed<FieldRef> {
        object.required("length-field-location", |json| {
            let Some(Located { reference, types }) = self.located(json)? else { return Ok(nowhere()) };
            for ty in &types {
                match ty.in_order() {
                    Type::Integer(Integer { signed: false, .. })
                    | Type::Enumeration(Enumeration { container: Integer { signed: false, .. }, .. })
                    | Type::VariableInteger(VariableInteger { signed: false, .. }) => {}
                    other => {
                        let cause = format!("`{reference}` is no unsigned integer, but a {}", other.kind());
                        return Err(Fault::new(cause.replace('>', "").replace(ROLE_MARK, " as ")));
                    }
                }
            }
            Ok(reference)
        })
    }

    fn located(&self, json: &Json) -> Parsed<Option<Located>> {
        self.place.as_ref().map(|place| place.locate(json)).transpose()
    }

    /// An optional field has the roles of what it holds.
    fn optional(&mut self, object: &Object) -> Parsed<Read> {
        let ranges = object.optional("selector-field-ranges", ranges)?;
        self.classes.pay(ranges.as_ref().map_or(0, Vec::len))?;
        let selector = object.required("selector-field-location", |json| {
            let Some(located) = self.located(json)? else { return Ok(nowhere()) };
            let is_boolean = |ty: &Type| matches!(ty, Type::Boolean(_));
            let all_booleans = located.types.iter().all(is_boolean);
            if !all_booleans {
                check_selector(&located)?;
                if ranges.is_none() {
                    return Err(Fault::new("an integer decides, but there are no `selector-field-ranges`"));
                }
            }
            Ok(located.reference)
        })?;
        // Ranges do not count for booleans; a located field is one or it is not.
        let is_boolean = self.located(object.get("selector-field-location").unwrap_or(&Json::Null))?;
        let is_boolean = is_boolean.is_some_and(|at| matches!(at.types.first(), Some(Type::Boolean(_))));
        let Read { ty, roles } = self.inner(object, "field-class")?;
        let content = Box::new(Field { name: String::new(), ty });
        let ty = Optional { selector, ranges: ranges.filter(|_| !is_boolean), content }.into();
        Ok(Read { ty, roles })
    }

    /// A variant has the roles of its options, which must be the same.
    fn choice(&mut self, object: &Object) -> Parsed<Read> {
        let selector = object.required("selector-field-location", |json| {
            let Some(located) = self.located(json)? else { return Ok(nowhere()) };
            check_selector(&located)?;
            Ok(located.reference)
        })?;
        let mut choice = Choice { selector, options: Vec::new(), ranges: Vec::new() };
        let mut names = std::collections::HashSet::new();
        let mut all_roles: Option<Vec<String>> = None;
        let options = object.required("options", Json::array)?;
        for (at, option) in options.iter().enumerate() {
            let in_option = |fault: Fault| fault.at(at).under("options");
            self.enter(Level::Option(at));
            let read = self.option(option);
            self.leave();
            let (field, ranges, roles) = read.map_err(in_option)?;
            if *all_roles.get_or_insert_with(|| roles.clone()) != roles {
                let cause = "has other roles than the option before: this program does not read that";
                return Err(in_option(Fault::new(cause)));
            }
            if !field.name.is_empty() && !names.insert(field.name.clone()) {
                return Err(in_option(Fault::new(format!("a second option named `{}`", field.name))));
            }
            choice.options.push(field);
            choice.ranges.push(ranges);
        }
        if choice.options.is_empty() {
            return Err(Fault::new("must have at least one option").under("options"));
        }
        let mut all: Vec<(i128, i128)> = choice.ranges.iter().flatten().copied().collect();
        all.sort_unstable();
        if let Some(pair) = all.windows(2).find(|pair| pair[0].1 >= pair[1].0) {
            // Ranges of one option may overlap.
            let chosen_by = |value: i128| {
                let holds =
                    |ranges: &Vec<(i128, i128)>| ranges.iter().any(|(a, b)| (*a..=*b).contains(&value));
                choice.ranges.iter().filter(|ranges| holds(ranges)).count()
            };
            if chosen_by(pair[1].0) > 1 {
                let cause = format!("the selector {} chooses two options", pair[1].0);
                return Err(Fault::new(cause).under("options"));
            }
        }
        Ok(Read { ty: choice.into(), roles: all_roles.unwrap_or_default() })
    }

    fn option(&mut self, json: &Json) -> Parsed<(Field, Ranges, Vec<String>)> {
        let object = json.object()?;
        let name = object.optional_text("name")?.unwrap_or_default();
        let ranges = object.required("selector-field-ranges", ranges)?;
        self.classes.pay(ranges.len() + 1)?;
        let Read { ty, roles } = object.required("field-class", |class| self.class(class))?;
        Ok((Field { name, ty }, ranges, roles))
    }
}

/// What aliases refer to before they are used.
fn nowhere() -> FieldRef {
    FieldRef { scope: None, path: Vec::new() }
}

/// The name that its roles give to a field in this scope.
fn role_name(roles: &[String], scope: Scope) -> Result<Option<&'static str>, String> {
    let mut names: Vec<&'static str> = roles.iter().filter_map(|role| name_of_role(role, scope)).collect();
    names.dedup();
    // The content of a packet is all of it where nothing else is said.
    if names.contains(&"packet_size") && names.contains(&"content_size") {
        names.retain(|name| *name != "content_size");
    }
    match names.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        _ => Err(format!("this program does not read a field with all the roles {}", roles.join(", "))),
    }
}

fn check_unsigned(signed: bool, roles: &[String]) -> Parsed<()> {
    if signed && !roles.is_empty() { Err(Fault::new("only unsigned integers have roles")) } else { Ok(()) }
}

/// Selectors of variants and optional fields: integers of one signedness.
fn check_selector(located: &Located) -> Parsed<()> {
    let signedness = |ty: &Type| match ty.in_order() {
        Type::Integer(integer) | Type::Enumeration(Enumeration { container: integer, .. }) => {
            Some(integer.signed)
        }
        Type::VariableInteger(integer) => Some(integer.signed),
        _ => None,
    };
    let mut kinds = located.types.iter().map(signedness);
    let first = kinds.next().flatten();
    match first {
        None => {
            let kind = located.types.first().map_or("nothing", |ty| ty.kind());
            Err(Fault::new(format!("what decides is no integer, but a {kind}")))
        }
        Some(_) if kinds.all(|kind| kind == first) => Ok(()),
        Some(_) => Err(Fault::new("what decides is signed in one option and unsigned in another")),
    }
}
