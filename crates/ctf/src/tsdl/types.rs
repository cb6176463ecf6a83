//! The grammar of types: specifiers, declarators, structures, enumerations, aliases (CTF 1.8.3, sections 4 and C.2).

use super::attributes::{Attribute, Value};
use super::error::ParseError;
use super::lex::Token;
use super::parse::{Parsed, Parser};
use super::scope::{Extent, MAX_DEPTH, Space, Specified, TooMuch};
use crate::types::{
    Array, Encoding, Enumeration, Field, FieldRef, Float, Integer, MAX_INTEGER_BITS, Mapping, MappingRange,
    Scope, Sequence, Structure, Type, Variant,
};

/// Words that name types by themselves and can stand together.
const TYPE_WORDS: [&str; 13] = [
    "const",
    "char",
    "double",
    "float",
    "int",
    "long",
    "short",
    "signed",
    "unsigned",
    "void",
    "_Bool",
    "_Complex",
    "_Imaginary",
];

/// Words that start a type and so cannot be an alias.
const TYPE_STARTS: [&str; 6] = ["integer", "floating_point", "string", "struct", "variant", "enum"];

/// What a declarator adds to a type.
#[derive(Debug)]
enum Dimension {
    Fixed(u64),
    Recorded(FieldRef),
}

impl Parser<'_> {
    /// A type declaration that is no field: `typealias`, `typedef`, or a named structure, variant or enumeration.
    /// Nothing if something else stands here.
    pub(super) fn type_declaration(&mut self) -> Parsed<bool> {
        if self.take_word("typealias") {
            self.typealias()?;
        } else if self.take_word("typedef") {
            let base = self.specifier()?;
            loop {
                let (name, ty) = self.declarator(base.clone())?;
                self.pay_for(&ty)?;
                self.define(Space::Alias, &name, Specified::Whole(ty))?;
                if !self.take_mark(",") {
                    break;
                }
            }
        } else {
            return Ok(false);
        }
        self.expect_mark(";", "after the declaration")?;
        Ok(true)
    }

    /// After `typealias`: `TYPE := NAME`.
    fn typealias(&mut self) -> Parsed<()> {
        let (specified, words) = self.specifier_with_words()?;
        let pointers = self.pointers();
        let mut ty = self.whole(specified, &words, &pointers)?;
        for dimension in self.dimensions()?.into_iter().rev() {
            ty = self.dimensioned(ty, dimension)?;
        }
        self.expect_mark(":=", "between a type and its alias")?;
        let name = self.type_words(true)?;
        let pointers = self.pointers();
        self.define(Space::Alias, &(name + &pointers), Specified::Whole(ty))
    }

    fn define(&mut self, space: Space, name: &str, specified: Specified) -> Parsed<()> {
        if self.scopes.define(space, name, specified) {
            return Ok(());
        }
        let what = match space {
            Space::Alias => "",
            Space::Structure => "struct ",
            Space::Enumeration => "enum ",
            Space::Variant => "variant ",
        };
        Err(self.fault_before(format!("the type `{what}{name}` is declared a second time")))
    }

    fn look_up(&mut self, space: Space, name: &str) -> Parsed<Option<Specified>> {
        self.scopes.look_up(space, name).map_err(|TooMuch| self.too_much())
    }

    fn pay_for(&mut self, ty: &Type) -> Parsed<()> {
        self.scopes.pay(Extent::of(ty).nodes).map_err(|TooMuch| self.too_much())
    }

    fn too_much(&self) -> ParseError {
        self.fault_before("the types of this trace would take too much memory when written out".to_owned())
    }

    /// A type without declarator, for `fields := TYPE`.
    pub(super) fn whole_type(&mut self) -> Parsed<Type> {
        let (specified, words) = self.specifier_with_words()?;
        self.whole(specified, &words, "")
    }

    /// A type specifier: either what it stands for or, for aliases, the words, since pointers of the declarator are
    /// part of an alias's name.
    fn specifier_with_words(&mut self) -> Parsed<(Option<Specified>, String)> {
        match self.peek_word() {
            Some(word) if TYPE_STARTS.contains(&word) => Ok((Some(self.specifier_start()?), String::new())),
            _ => Ok((None, self.type_words(false)?)),
        }
    }

    fn whole(&mut self, specified: Option<Specified>, words: &str, pointers: &str) -> Parsed<Type> {
        let specified = match specified {
            Some(specified) if pointers.is_empty() => specified,
            Some(_) => {
                return Err(self.fault_before("a pointer can only be to a type with an alias".to_owned()));
            }
            None => {
                let name = format!("{words}{pointers}");
                match self.look_up(Space::Alias, &name)? {
                    Some(specified) => specified,
                    None => return Err(self.fault_before(format!("there is no type `{name}`"))),
                }
            }
        };
        match specified {
            Specified::Whole(ty) => Ok(ty),
            Specified::Untagged(_) => {
                Err(self.fault_before("this variant lacks its tag: variant <tag> { … }".to_owned()))
            }
        }
    }

    fn specifier(&mut self) -> Parsed<Base> {
        let (specified, words) = self.specifier_with_words()?;
        Ok(Base { specified, words })
    }

    /// The words of an alias: `unsigned long`, `const char`, `uint8_t`.
    fn type_words(&mut self, is_new: bool) -> Parsed<String> {
        let mut words = String::new();
        let mut named = false;
        while let Some(word) = self.peek_word() {
            let is_type_word = TYPE_WORDS.contains(&word);
            // At most one name, and none after words like `int`: the next word is then the declarator's.
            if !is_type_word && named {
                break;
            }
            named |= word != "const";
            if !words.is_empty() {
                words.push(' ');
            }
            words.push_str(word);
            self.advance();
        }
        match (words.is_empty(), is_new) {
            (false, _) => Ok(words),
            (true, false) => Err(self.fault_expected("a type")),
            (true, true) => Err(self.fault_expected("a name for the type")),
        }
    }

    /// Stars (and their `const`) as they are part of an alias's name.
    fn pointers(&mut self) -> String {
        let mut pointers = String::new();
        loop {
            if self.take_mark("*") {
                pointers.push_str(" *");
            } else if !pointers.is_empty() && self.take_word("const") {
                pointers.push_str(" const");
            } else {
                return pointers;
            }
        }
    }

    /// A type that starts with a word of its own. Names that it gives are declared.
    pub(super) fn specifier_start(&mut self) -> Parsed<Specified> {
        self.nesting += 1;
        if self.nesting > MAX_DEPTH {
            return Err(self.fault_here(format!("types are nested more than {MAX_DEPTH} deep")));
        }
        let word = self.peek_word().unwrap_or_default();
        self.advance();
        let specified = match word {
            "integer" => Specified::Whole(self.integer()?.into()),
            "floating_point" => Specified::Whole(self.float()?.into()),
            "string" => Specified::Whole(self.string()?),
            "struct" => Specified::Whole(self.structure()?),
            "enum" => Specified::Whole(self.enumeration()?.into()),
            _ => self.variant()?,
        };
        self.nesting -= 1;
        Ok(specified)
    }

    fn integer(&mut self) -> Parsed<Integer> {
        let attributes = self.attributes("integer")?;
        let start = self.span_before();
        let (mut size, mut align) = (None, None);
        let mut integer = Integer::unsigned(0, 0, self.native);
        for Attribute { key, value, span } in attributes {
            let known = match key.as_str() {
                "size" => value
                    .integer()
                    .filter(|size| (1..=MAX_INTEGER_BITS).contains(size))
                    .map(|v| size = Some(v)),
                "align" => value.alignment().map(|v| align = Some(v)),
                "signed" => value.boolean().map(|v| integer.signed = v),
                "byte_order" => value.byte_order(self.native).map(|v| integer.byte_order = v),
                "base" => value.base().map(|v| integer.base = v),
                "encoding" => value.encoding().map(|v| integer.encoding = v),
                "map" => value.mapped_clock().map(|v| integer.clock = Some(v.to_owned())),
                _ => self.pass_over(&key, "an integer", &span),
            };
            if known.is_none() {
                return Err(self.fault_attribute(&key, "an integer", span));
            }
        }
        let Some(size) = size else {
            return Err(self.fault_at(start, "this integer lacks its size".to_owned()));
        };
        integer.size_bits = size;
        integer.alignment_bits = align.unwrap_or(default_alignment(size));
        Ok(integer)
    }

    fn float(&mut self) -> Parsed<Float> {
        let attributes = self.attributes("floating_point")?;
        let start = self.span_before();
        let mut align = None;
        let mut float =
            Float { exponent_bits: 0, mantissa_bits: 0, alignment_bits: 0, byte_order: self.native };
        let digits = |value: &Value| value.integer().filter(|bits| (1..=128).contains(bits));
        for Attribute { key, value, span } in attributes {
            let known = match key.as_str() {
                "exp_dig" => digits(&value).map(|v| float.exponent_bits = v),
                "mant_dig" => digits(&value).map(|v| float.mantissa_bits = v),
                "align" => value.alignment().map(|v| align = Some(v)),
                "byte_order" => value.byte_order(self.native).map(|v| float.byte_order = v),
                _ => self.pass_over(&key, "a floating point number", &span),
            };
            if known.is_none() {
                return Err(self.fault_attribute(&key, "a floating point number", span));
            }
        }
        if float.exponent_bits == 0 || float.mantissa_bits == 0 {
            return Err(
                self.fault_at(start, "this floating point number lacks exp_dig or mant_dig".to_owned())
            );
        }
        float.alignment_bits = align.unwrap_or(default_alignment(float.size_bits()));
        Ok(float)
    }

    fn string(&mut self) -> Parsed<Type> {
        let mut encoding = Encoding::Utf8;
        if self.peek_mark("{") {
            for Attribute { key, value, span } in self.attributes("string")? {
                match (key.as_str(), value.encoding()) {
                    ("encoding", Some(found)) => encoding = found,
                    ("encoding", None) => return Err(self.fault_attribute(&key, "a string", span)),
                    _ => self.warn_unknown(&key, "a string", &span),
                }
            }
        }
        Ok(Type::String(encoding))
    }

    /// After `struct`.
    fn structure(&mut self) -> Parsed<Type> {
        let name = self.take_name();
        let body = if self.peek_mark("{") {
            let fields = self.fields("structure")?;
            let min_alignment_bits = self.structure_alignment()?;
            Some(Structure { fields, min_alignment_bits })
        } else {
            None
        };
        match (name, body) {
            (name, Some(structure)) => {
                let ty = Type::Structure(structure);
                if let Some(name) = name {
                    self.define(Space::Structure, name, Specified::Whole(ty.clone()))?;
                }
                Ok(ty)
            }
            (Some(name), None) => match self.look_up(Space::Structure, name)? {
                Some(Specified::Whole(ty)) => Ok(ty),
                _ => Err(self.fault_before(format!("there is no type `struct {name}`"))),
            },
            (None, None) => Err(self.fault_expected("a name or `{` after `struct`")),
        }
    }

    fn structure_alignment(&mut self) -> Parsed<u32> {
        if !self.take_word("align") {
            return Ok(0);
        }
        self.expect_mark("(", "after `align`")?;
        let (value, span) = self.value()?;
        let Some(bits) = value.alignment() else {
            return Err(self.fault_at(span, "an alignment is a power of two of at most 4096 bits".to_owned()));
        };
        self.expect_mark(")", "after the alignment")?;
        Ok(if bits > 1 { bits } else { 0 })
    }

    /// After `variant`: `[NAME] [<tag>] [{ … }]`.
    fn variant(&mut self) -> Parsed<Specified> {
        let name = self.take_name();
        let tag = if self.take_mark("<") {
            let tag = self.reference()?;
            self.expect_mark(">", "after the variant's tag")?;
            Some(tag)
        } else {
            None
        };
        let options = if self.peek_mark("{") {
            let options = self.fields("variant")?;
            if options.is_empty() {
                return Err(self.fault_before("this variant has no options".to_owned()));
            }
            if let Some(name) = name {
                self.define(Space::Variant, name, Specified::Untagged(options.clone()))?;
            }
            options
        } else {
            let Some(name) = name else { return Err(self.fault_expected("a name or `{` after `variant`")) };
            match self.look_up(Space::Variant, name)? {
                Some(Specified::Untagged(options)) => options,
                _ => return Err(self.fault_before(format!("there is no type `variant {name}`"))),
            }
        };
        Ok(match tag {
            Some(tag) => Specified::Whole(Variant { tag, options, min_alignment_bits: 0 }.into()),
            None => Specified::Untagged(options),
        })
    }

    /// After `enum`: `[NAME] [: TYPE] [{ … }]`.
    fn enumeration(&mut self) -> Parsed<Enumeration> {
        let name = self.take_name();
        let container = if self.take_mark(":") { Some(self.whole_type()?) } else { None };
        if !self.peek_mark("{") {
            let (Some(name), None) = (name, container) else {
                return Err(self.fault_expected("`{` and the labels of the enumeration"));
            };
            return match self.look_up(Space::Enumeration, name)? {
                Some(Specified::Whole(Type::Enumeration(enumeration))) => Ok(enumeration),
                _ => Err(self.fault_before(format!("there is no type `enum {name}`"))),
            };
        }
        let container = match container {
            Some(container) => container,
            None => self.whole(None, "int", "")?,
        };
        let container = match container {
            Type::Integer(integer) => integer,
            Type::Enumeration(enumeration) => enumeration.container,
            other => {
                return Err(self.fault_before(format!(
                    "an enumeration is stored as an integer, not as a {}",
                    other.kind()
                )));
            }
        };
        let mappings = self.mappings()?;
        let enumeration = Enumeration { container, mappings };
        if let Some(name) = name {
            self.define(Space::Enumeration, name, Specified::Whole(enumeration.clone().into()))?;
        }
        Ok(enumeration)
    }

    fn mappings(&mut self) -> Parsed<Vec<Mapping>> {
        self.expect_mark("{", "before the labels")?;
        let mut mappings = Vec::new();
        while !self.take_mark("}") {
            let label = match self.peek() {
                Token::Word(word) => (*word).to_owned(),
                Token::Text(text) => text.clone(),
                _ => return Err(self.fault_expected("a label")),
            };
            self.advance();
            let range = if self.take_mark("=") {
                let first = self.bound()?;
                if self.take_mark("...") {
                    let last = self.bound()?;
                    if last < first {
                        return Err(self.fault_before(format!("the range {first} ... {last} is backwards")));
                    }
                    MappingRange::Range(first, last)
                } else {
                    MappingRange::Value(first)
                }
            } else {
                MappingRange::Automatic
            };
            mappings.push(Mapping { label, range });
            if !self.take_mark(",") {
                self.expect_mark("}", "after the last label")?;
                break;
            }
        }
        Ok(mappings)
    }

    fn bound(&mut self) -> Parsed<i128> {
        match self.value()? {
            (Value::Integer(value), _) => Ok(value),
            (_, span) => Err(self.fault_at(span, "a label stands for integers".to_owned())),
        }
    }

    /// `{ TYPE NAME; … }` of a structure or variant, with declarations of types between.
    fn fields(&mut self, what: &str) -> Parsed<Vec<Field>> {
        self.expect_mark("{", "before the fields")?;
        self.scopes.enter();
        let mut fields: Vec<Field> = Vec::new();
        let mut names = std::collections::HashSet::new();
        while !self.take_mark("}") {
            if self.type_declaration()? {
                continue;
            }
            let base = self.specifier()?;
            // `struct a { … };` in a structure declares a type, no field.
            if base.specified.is_some() && self.take_mark(";") {
                continue;
            }
            loop {
                let (name, ty) = self.declarator(base.clone())?;
                if !names.insert(name.clone()) {
                    return Err(self.fault_before(format!("this {what} has two fields named `{name}`")));
                }
                if !self.take_mark(",") {
                    fields.push(Field { name, ty });
                    break;
                }
                // The next declarator gets a copy.
                self.pay_for(&ty)?;
                fields.push(Field { name, ty });
            }
            self.expect_mark(";", "after the field")?;
        }
        self.scopes.leave();
        if Extent::of_fields(&fields).depth >= MAX_DEPTH {
            return Err(self.fault_before(format!("types are nested more than {MAX_DEPTH} deep")));
        }
        Ok(fields)
    }

    /// `* NAME [ … ]` and what the type becomes by it.
    fn declarator(&mut self, base: Base) -> Parsed<(String, Type)> {
        let pointers = self.pointers();
        let mut ty = self.whole(base.specified, &base.words, &pointers)?;
        let Some(name) = self.peek_word() else { return Err(self.fault_expected("a name")) };
        self.advance();
        if self.peek_mark(":") {
            return Err(self.fault_here("bit fields are written as integers of that size in CTF".to_owned()));
        }
        for dimension in self.dimensions()?.into_iter().rev() {
            ty = self.dimensioned(ty, dimension)?;
        }
        Ok((name.to_owned(), ty))
    }

    fn dimensions(&mut self) -> Parsed<Vec<Dimension>> {
        let mut dimensions = Vec::new();
        while self.take_mark("[") {
            dimensions.push(match self.peek() {
                Token::Integer(length) => {
                    let length = *length;
                    self.advance();
                    Dimension::Fixed(length)
                }
                Token::Word(_) => Dimension::Recorded(self.reference()?),
                _ => return Err(self.fault_expected("a length, or the name of the field that holds it")),
            });
            self.expect_mark("]", "after the length")?;
            if dimensions.len() > MAX_DEPTH {
                return Err(self.fault_before(format!("types are nested more than {MAX_DEPTH} deep")));
            }
        }
        Ok(dimensions)
    }

    fn dimensioned(&mut self, ty: Type, dimension: Dimension) -> Parsed<Type> {
        if Extent::of(&ty).depth >= MAX_DEPTH {
            return Err(self.fault_before(format!("types are nested more than {MAX_DEPTH} deep")));
        }
        let element = Box::new(ty);
        Ok(match dimension {
            Dimension::Fixed(length) => Array { element, length, min_alignment_bits: 0 }.into(),
            Dimension::Recorded(length) => Sequence { element, length, min_alignment_bits: 0 }.into(),
        })
    }

    /// Names a field: `a`, `a.b`, `stream.event.context.a`.
    fn reference(&mut self) -> Parsed<FieldRef> {
        let (path, span) = self.path()?;
        let prefix_of = |scope: &Scope| scope.path().split('.').map(str::to_owned).collect::<Vec<_>>();
        let scope = Scope::ALL
            .into_iter()
            .map(|scope| (scope, prefix_of(&scope)))
            .find(|(_, prefix)| path.len() > prefix.len() && path.starts_with(prefix));
        let (scope, path) = match scope {
            Some((scope, prefix)) => (Some(scope), path[prefix.len()..].to_vec()),
            None => (None, path),
        };
        if path.len() > MAX_DEPTH {
            return Err(self.fault_at(span, "this path is too long".to_owned()));
        }
        Ok(FieldRef { scope, path })
    }
}

/// What stands before declarators.
#[derive(Debug, Clone)]
struct Base {
    specified: Option<Specified>,
    words: String,
}

/// Whole bytes are aligned on bytes, anything else on bits.
fn default_alignment(size_bits: u32) -> u32 {
    if size_bits.is_multiple_of(8) { 8 } else { 1 }
}
