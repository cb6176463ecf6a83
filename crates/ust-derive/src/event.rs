//! `event!("provider:event", level = INFO, field: TYPE = EXPRESSION, …)`.

use std::collections::HashSet;

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream};
use quote::{ToTokens as _, format_ident, quote, quote_spanned};
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned as _;
use syn::{Error, Expr, Pat, Token, Type};

use crate::description::Description;
use crate::name;

/// A field where it is fired: `name: TYPE = EXPRESSION`, or `name: TYPE` for a variable of that name.
struct FiredField {
    name: Ident,
    shown: String,
    ty: Type,
    value: Expr,
}

/// `let PATTERN = EXPRESSION`: computed only if the event is enabled, for the fields behind it.
struct Preparation {
    pattern: Pat,
    ty: Option<Type>,
    value: Expr,
}

struct Event {
    path: TokenStream,
    description: Description,
    preparations: Vec<Preparation>,
    fields: Vec<FiredField>,
}

impl Parse for Event {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let path = krate(input)?;
        let mut event = Event {
            path,
            description: Description::parse(input)?,
            preparations: Vec::new(),
            fields: Vec::new(),
        };
        while !input.is_empty() {
            input.parse::<Token![,]>()?;
            if input.is_empty() {
                break;
            }
            if event.description.parse_option(input)? {
                continue;
            }
            if input.peek(Token![let]) {
                event.preparations.push(input.parse()?);
            } else {
                event.fields.push(input.parse()?);
            }
        }
        let mut seen = HashSet::new();
        for field in &event.fields {
            if !seen.insert(&field.shown) {
                return Err(Error::new(field.name.span(), format!("a second field {}", field.shown)));
            }
        }
        Ok(event)
    }
}

impl Parse for FiredField {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let name: Ident = input.call(syn::ext::IdentExt::parse_any)?;
        let shown = name::check_field(&name)?;
        input.parse::<Token![:]>().map_err(|_| {
            Error::new(name.span(), format!("the type of field {shown} is missing: {shown}: TYPE"))
        })?;
        let ty = input.parse()?;
        let value = match input.parse::<Option<Token![=]>>()? {
            Some(equals) if input.is_empty() || input.peek(Token![,]) => {
                return Err(Error::new(equals.span, "a value is missing"));
            }
            Some(_) => input.parse()?,
            None => syn::parse2(quote!(#name))
                .map_err(|_| Error::new(name.span(), format!("write {shown}: TYPE = VALUE")))?,
        };
        Ok(FiredField { name, shown, ty, value })
    }
}

impl Parse for Preparation {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        input.parse::<Token![let]>()?;
        let pattern = Pat::parse_single(input)?;
        let ty = match input.parse::<Option<Token![:]>>()? {
            Some(_) => Some(input.parse()?),
            None => None,
        };
        input.parse::<Token![=]>()?;
        Ok(Preparation { pattern, ty, value: input.parse()? })
    }
}

/// The path of the crate that the calling `macro_rules!` hands in before a semicolon.
pub(crate) fn krate(input: ParseStream<'_>) -> syn::Result<TokenStream> {
    let path: syn::Path = input.parse()?;
    input.parse::<Token![;]>()?;
    Ok(quote!(#path))
}

pub(crate) fn expand(input: TokenStream) -> syn::Result<TokenStream> {
    let Event { path, description, preparations, fields } = syn::parse2(input)?;
    let class = format_ident!("CLASS");
    let names = fields.iter().map(|field| &field.shown);
    let types: Vec<&Type> = fields.iter().map(|field| &field.ty).collect();
    let declared = declare(&path, &class, &description, names.zip(types.iter().copied()));
    let preparations = preparations.into_iter().map(|Preparation { pattern, ty, value }| {
        let ty = ty.map(|ty| quote!(: #ty));
        quote!(let #pattern #ty = #value;)
    });
    let payload =
        payload(&path, fields.iter().map(|FiredField { ty, value, .. }| (ty, quote!(#value))).collect());
    Ok(quote! {{
        #declared
        if #class.is_enabled() {
            #(#preparations)*
            #path::__private::fire(&#class, #payload);
        }
    }})
}

/// The static that describes the event, known to the tracer before it is fired for the first time.
pub(crate) fn declare<'f>(
    path: &TokenStream,
    class: &Ident,
    description: &Description,
    fields: impl Iterator<Item = (&'f String, &'f Type)>,
) -> TokenStream {
    let Description { name, level, uri, .. } = description;
    let level = format_ident!("{level}");
    let uri = uri.iter();
    let fields =
        fields.map(|(name, ty)| quote_spanned!(ty.span()=> #path::__private::describe::<#ty>(#name)));
    quote! {
        static #class: #path::EventClass = #path::EventClass::new(#name, &[#(#fields),*])
            .with_log_level(#path::LogLevel::#level)
            #(.with_model_emf_uri(#uri))*;
        #path::list_class!(#class);
    }
}

/// Fields of one tuple; more are in another one.
const TUPLE: usize = 16;

/// The values as tuples, each value of its type.
pub(crate) fn payload(path: &TokenStream, fields: Vec<(&Type, TokenStream)>) -> TokenStream {
    let tuples = fields.chunks(TUPLE).map(|fields| {
        let values = fields.iter().map(|(ty, value)| typed(path, ty, value));
        quote!((#(#values,)*))
    });
    let joined = tuples.rev().reduce(|behind, tuple| quote!(#path::__private::Joined(#tuple, #behind)));
    joined.unwrap_or_else(|| quote!(()))
}

/// The value of that type: a call that stands, for the compiler, where the type does, so that it complains there about
/// types that cannot be fields.
fn typed(path: &TokenStream, ty: &Type, value: &TokenStream) -> TokenStream {
    let mut tokens = ty.to_token_stream().into_iter().map(|token| token.span());
    let Some(first) = tokens.next() else { return value.clone() };
    let last = tokens.last().unwrap_or(first);
    // Names are looked up as before: the path of the crate is known only where it was written.
    let mut crate_span = Span::call_site();
    let path: TokenStream = path
        .clone()
        .into_iter()
        .map(|mut token| {
            crate_span = token.span();
            token.set_span(crate_span.located_at(first));
            token
        })
        .collect();
    let mut arguments = Group::new(Delimiter::Parenthesis, value.clone());
    arguments.set_span(crate_span.located_at(last));
    quote_spanned!(first=> #path::__private::typed::<#ty> #arguments)
}
