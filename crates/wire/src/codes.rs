//! One macro: an enumeration that travels as a number, with its codes beside its variants.

/// Declares an enumeration whose variants have codes on the wire; any other code is refused at the door.
macro_rules! codes {
    ($(#[$meta:meta])* $vis:vis enum $name:ident: $raw:ident, $field:literal {
        $($(#[$variant_meta:meta])* $variant:ident = $value:literal),* $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $vis enum $name { $($(#[$variant_meta])* $variant),* }

        impl $name {
            /// Every value that there is.
            pub const ALL: &'static [$name] = &[$($name::$variant),*];

            /// The number that stands for it on the wire.
            pub fn code(self) -> $raw {
                match self { $($name::$variant => $value),* }
            }

            /// What a number on the wire stands for.
            pub fn from_code(code: $raw) -> Result<Self, $crate::WireError> {
                match code {
                    $($value => Ok($name::$variant),)*
                    other => Err($crate::WireError::BadValue { field: $field, value: i128::from(other) }),
                }
            }
        }
    };
}

/// Declares newtypes for identifiers that are numbers on the wire.
macro_rules! identifiers {
    ($($(#[$meta:meta])* $name:ident($raw:ident)),* $(,)?) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $raw);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}
