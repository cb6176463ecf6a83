//! The macros of `rttng-ust`, which exports them all: see there. `event` and its relatives are called through
//! `macro_rules!` that hand in the path of the crate, so that it may be renamed by those who use it.

mod description;
mod event;
mod name;
mod tracepoint;
mod value;

use proc_macro::TokenStream;

/// `rttng_ust::event!`, which hands in `$crate;`.
#[doc(hidden)]
#[proc_macro]
pub fn event(input: TokenStream) -> TokenStream {
    event::expand(input.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Declares an event that is fired from more than one place; documented in `rttng-ust`.
#[proc_macro_attribute]
pub fn tracepoint(options: TokenStream, item: TokenStream) -> TokenStream {
    tracepoint::expand(options.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes a type a field: an `enum` without data becomes an enumeration, a `struct` becomes one field for each of its
/// own; documented in `rttng-ust`.
#[proc_macro_derive(Value, attributes(value))]
pub fn value(input: TokenStream) -> TokenStream {
    value::expand(input.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}
