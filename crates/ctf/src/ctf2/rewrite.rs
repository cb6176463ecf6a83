//! Field classes of a trace class of CTF 2 as metadata again: its names become roles, its paths field locations.
//!
//! The names of fields with roles were forgotten when they were read (`names`): they are called as their roles are in
//! CTF 1.8, unless another field has that name.

use super::locate::scope_name;
use super::names::{ROLES, name_of_role};
use super::write::{Written, fixed, float_class, list, object, quoted};
use crate::ctf2::{BitArray, Length, TextEncoding};
use crate::decode::Scopes;
use crate::types::{
    Base, ByteOrder, Encoding, Field, FieldRef, Integer, Mapping, Scope, Structure, Type, ranges,
};

/// The entries of a JSON object.
type Entries = Vec<(&'static str, String)>;

/// Writes the structure of one scope.
pub(super) fn structure(scopes: Scopes<'_>, scope: Scope, structure: &Structure) -> Written {
    Rewriter { scopes, scope }.structure(structure)
}

struct Rewriter<'t> {
    scopes: Scopes<'t>,
    scope: Scope,
}

impl Rewriter<'_> {
    fn structure(&self, structure: &Structure) -> Written {
        let mut members = Vec::with_capacity(structure.fields.len());
        for field in &structure.fields {
            let class = self.class(&field.ty, self.role_of(field))?;
            let name = quoted(&member_name(structure, field));
            members.push(object(&[("name", name), ("field-class", class)]));
        }
        let mut class = vec![("type", quoted("structure")), ("member-classes", list(members))];
        minimum_alignment(structure.min_alignment_bits, &mut class);
        Ok(object(&class))
    }

    fn role_of(&self, field: &Field) -> Option<&'static str> {
        ROLES.into_iter().find(|role| name_of_role(role, self.scope) == Some(field.name.as_str()))
    }

    /// A class; what is optional, or one of several, has the role inside.
    fn class(&self, ty: &Type, role: Option<&'static str>) -> Written {
        let mut class: Entries = Vec::new();
        let mut kind = |kind: &str| class.push(("type", quoted(kind)));
        match ty {
            Type::Reversed(inner) => return self.fixed_length(inner, true, role),
            Type::Integer(_)
            | Type::Enumeration(_)
            | Type::Float(_)
            | Type::BitArray(_)
            | Type::Boolean(_) => {
                return self.fixed_length(ty, false, role);
            }
            Type::VariableInteger(variable) => {
                kind(if variable.signed {
                    "variable-length-signed-integer"
                } else {
                    "variable-length-unsigned-integer"
                });
                base(variable.base, &mut class);
                named_values("mappings", &variable.mappings, &mut class);
                class.extend(role.map(|role| ("roles", list([quoted(role)]))));
            }
            Type::String(Encoding::Ascii | Encoding::Utf8 | Encoding::None) => kind("null-terminated-string"),
            Type::Text(text) => {
                match &text.length {
                    Length::UntilNull => kind("null-terminated-string"),
                    Length::Fixed(_) => kind("static-length-string"),
                    Length::Recorded(_) => kind("dynamic-length-string"),
                }
                self.length(&text.length, &mut class)?;
                if text.encoding != TextEncoding::Utf8 {
                    class.push(("encoding", quoted(text.encoding.keyword())));
                }
            }
            Type::Blob(blob) => {
                kind(match &blob.length {
                    Length::Recorded(_) => "dynamic-length-blob",
                    Length::Fixed(_) | Length::UntilNull => "static-length-blob",
                });
                self.length(&blob.length, &mut class)?;
                class.push(("media-type", quoted(&blob.media_type)));
                class.extend(role.map(|role| ("roles", list([quoted(role)]))));
            }
            Type::Structure(structure) => return self.structure(structure),
            Type::Array(array) => {
                kind("static-length-array");
                class.push(("length", array.length.to_string()));
                class.push(("element-field-class", self.class(&array.element, None)?));
                minimum_alignment(array.min_alignment_bits, &mut class);
            }
            Type::Sequence(sequence) => {
                kind("dynamic-length-array");
                class.push(("length-field-location", self.location(&sequence.length)?));
                class.push(("element-field-class", self.class(&sequence.element, None)?));
                minimum_alignment(sequence.min_alignment_bits, &mut class);
            }
            Type::Optional(optional) => {
                kind("optional");
                class.push(("selector-field-location", self.location(&optional.selector)?));
                let ranges = optional.ranges.as_deref().map(range_set);
                class.extend(ranges.map(|ranges| ("selector-field-ranges", ranges)));
                class.push(("field-class", self.class(&optional.content.ty, role)?));
            }
            Type::Choice(choice) => {
                kind("variant");
                class.push(("selector-field-location", self.location(&choice.selector)?));
                let mut options = Vec::with_capacity(choice.options.len());
                for (option, ranges) in choice.options.iter().zip(&choice.ranges) {
                    let mut entries: Entries = Vec::new();
                    entries.extend(option.name.strip_prefix('_').map(|name| ("name", quoted(name))));
                    entries.push(("selector-field-ranges", range_set(ranges)));
                    entries.push(("field-class", self.class(&option.ty, role)?));
                    options.push(object(&entries));
                }
                class.push(("options", list(options)));
            }
            Type::Variant(_) => return Err("a variant that goes by labels in a trace of CTF 2".to_owned()),
        }
        Ok(object(&class))
    }

    fn fixed_length(&self, ty: &Type, is_reversed: bool, role: Option<&'static str>) -> Written {
        let (kind, integer, mappings): (_, &Integer, &[Mapping]) = match ty {
            Type::Float(float) => return Ok(float_class(float, is_reversed)),
            Type::Integer(integer) => (None, integer, &[]),
            Type::Enumeration(labels) => (None, &labels.container, &labels.mappings),
            Type::Boolean(boolean) => (Some("fixed-length-boolean"), &boolean.container, &[]),
            Type::BitArray(BitArray { container, flags }) if flags.is_empty() => {
                (Some("fixed-length-bit-array"), container, flags)
            }
            Type::BitArray(BitArray { container, flags }) => (Some("fixed-length-bit-map"), container, flags),
            other => return Err(format!("a {} of which the bits have an order", other.kind())),
        };
        let number =
            if integer.signed { "fixed-length-signed-integer" } else { "fixed-length-unsigned-integer" };
        let mut class = vec![("type", quoted(kind.unwrap_or(number)))];
        fixed(integer.size_bits, integer.alignment_bits, integer.byte_order, &mut class);
        bit_order(integer.byte_order, is_reversed, &mut class);
        if kind.is_none() {
            base(integer.base, &mut class);
        }
        named_values(if kind.is_none() { "mappings" } else { "flags" }, mappings, &mut class);
        class.extend(role.map(|role| ("roles", list([quoted(role)]))));
        Ok(object(&class))
    }

    fn length(&self, length: &Length, class: &mut Entries) -> Result<(), String> {
        match length {
            Length::UntilNull => {}
            Length::Fixed(bytes) => class.push(("length", bytes.to_string())),
            Length::Recorded(field) => class.push(("length-field-location", self.location(field)?)),
        }
        Ok(())
    }

    /// The location of a field, from the outermost structure of its scope on.
    fn location(&self, reference: &FieldRef) -> Written {
        let unknown = || format!("`{reference}` is no field before");
        let scope = reference.scope.unwrap_or(self.scope);
        let root =
            self.scopes.iter().find(|(other, _)| *other == scope).and_then(|(_, structure)| *structure);
        let mut names = Vec::new();
        let mut structures = vec![root.ok_or_else(unknown)?];
        for step in reference.path.iter().filter(|step| !step.starts_with('#')) {
            let found = structures.iter().filter_map(|structure| {
                let field = structure.field(step)?;
                Some((member_name(structure, field), field))
            });
            let found: Vec<(String, &Field)> = found.collect();
            let (name, _) = found.first().ok_or_else(unknown)?;
            names.push(quoted(name));
            structures = found.iter().flat_map(|(_, field)| structures_in(&field.ty)).collect();
        }
        Ok(object(&[("origin", quoted(scope_name(scope))), ("path", list(names))]))
    }
}

/// The structures that a path goes on in: the type itself, or those in its elements and options.
fn structures_in(ty: &Type) -> Vec<&Structure> {
    match ty {
        Type::Structure(structure) => vec![structure],
        other => other.parts().flat_map(structures_in).collect(),
    }
}

/// The name of a member: its own, or that of its role.
fn member_name(structure: &Structure, field: &Field) -> String {
    if let Some(own) = field.name.strip_prefix('_') {
        return own.to_owned();
    }
    let mut name = field.name.clone();
    while structure.fields.iter().any(|other| other.name.strip_prefix('_') == Some(&name)) {
        name.push('\'');
    }
    name
}

fn minimum_alignment(bits: u32, class: &mut Entries) {
    if bits > 1 {
        class.push(("minimum-alignment", bits.to_string()));
    }
}

fn base(base: Base, class: &mut Entries) {
    if base != Base::Decimal {
        class.push(("preferred-display-base", base.radix().to_string()));
    }
}

/// The order of bits, where it is not that which belongs to the byte order.
pub(super) fn bit_order(order: ByteOrder, is_reversed: bool, class: &mut Entries) {
    if is_reversed {
        let first = if order == ByteOrder::Little { "last-to-first" } else { "first-to-last" };
        class.push(("bit-order", quoted(first)));
    }
}

fn range_set(ranges: &[(i128, i128)]) -> String {
    list(ranges.iter().map(|(first, last)| list([first.to_string(), last.to_string()])))
}

/// Labels or flags; those that are there several times are one with several ranges.
pub(super) fn named_values(key: &'static str, mappings: &[Mapping], class: &mut Entries) {
    let mut named: Vec<(&str, Vec<(i128, i128)>)> = Vec::new();
    for (label, first, last) in ranges(mappings) {
        match named.iter_mut().find(|(known, _)| *known == label) {
            Some((_, ranges)) => ranges.push((first, last)),
            None => named.push((label, vec![(first, last)])),
        }
    }
    if !named.is_empty() {
        let named: Vec<_> = named.iter().map(|(label, ranges)| (label, range_set(ranges))).collect();
        class.push((key, object(&named)));
    }
}
