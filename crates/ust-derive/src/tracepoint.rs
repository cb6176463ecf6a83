//! `#[tracepoint("provider:event", level = INFO)] fn event(field: TYPE, …);`

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use syn::parse::Parser as _;
use syn::{Attribute, Error, FnArg, ForeignItemFn, GenericParam, Pat, ReturnType, Token, Type, parse2};

use crate::description::Description;
use crate::{event, name};

pub(crate) fn expand(options: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    let (description, path) = (|input: syn::parse::ParseStream<'_>| {
        let mut description = Description::parse(input)?;
        let mut path = quote!(::rttng_ust);
        while !input.is_empty() {
            input.parse::<Token![,]>()?;
            if input.is_empty() {
                break;
            }
            if input.peek(Token![crate]) {
                input.parse::<Token![crate]>()?;
                input.parse::<Token![=]>()?;
                let given: syn::Path = input.parse()?;
                path = quote!(#given);
            } else if !description.parse_option(input)? {
                return Err(input.error("here may be: level = LEVEL, uri = \"…\", crate = PATH"));
            }
        }
        Ok((description, path))
    })
    .parse2(options)?;
    let function: ForeignItemFn = parse2(item.clone()).map_err(|error| {
        Error::new(
            error.span(),
            "a tracepoint is declared as a function without a body: fn name(field: TYPE);",
        )
    })?;
    let documentation: Vec<&Attribute> = function.attrs.iter().collect();
    let visibility = &function.vis;
    let signature = &function.sig;
    if let ReturnType::Type(arrow, ty) = &signature.output {
        let _ = arrow;
        return Err(Error::new_spanned(ty, "a tracepoint returns nothing"));
    }
    if let Some(GenericParam::Type(_) | GenericParam::Const(_)) =
        signature.generics.params.iter().find(|parameter| !matches!(parameter, GenericParam::Lifetime(_)))
    {
        return Err(Error::new_spanned(
            &signature.generics,
            "the types of fields are known when they are declared",
        ));
    }
    if let Some(word) = &signature.asyncness {
        return Err(Error::new_spanned(word, "a tracepoint waits for nothing"));
    }
    let ident = &signature.ident;
    let mut fields: Vec<(Ident, String, &Type)> = Vec::new();
    for argument in &signature.inputs {
        let FnArg::Typed(argument) = argument else {
            return Err(Error::new_spanned(argument, "a tracepoint is no method"));
        };
        let Pat::Ident(pattern) = &*argument.pat else {
            return Err(Error::new_spanned(&argument.pat, "a field is a name and a type"));
        };
        fields.push((pattern.ident.clone(), name::check_field(&pattern.ident)?, &argument.ty));
    }
    let class = format_ident!("CLASS");
    let declared =
        event::declare(&path, &class, &description, fields.iter().map(|(_, shown, ty)| (shown, *ty)));
    let arguments = fields.iter().map(|(name, _, ty)| quote!(#name: #ty));
    let lifetimes = &signature.generics;
    let payload = event::payload(&path, fields.iter().map(|(name, _, ty)| (*ty, quote!(#name))).collect());
    Ok(quote! {
        #(#documentation)*
        #[inline]
        #visibility fn #ident #lifetimes (#(#arguments),*) {
            let class = #ident::class();
            if class.is_enabled() {
                #path::__private::fire(class, #payload);
            }
        }

        #(#documentation)*
        #[allow(non_camel_case_types)]
        #visibility enum #ident {}

        impl #ident {
            /// What is known of the event before it is fired.
            #[inline]
            #visibility fn class() -> &'static #path::EventClass {
                #declared
                &#class
            }

            /// Whether anything wants the event now.
            #[inline]
            #[allow(dead_code)]
            #visibility fn is_enabled() -> bool {
                Self::class().is_enabled()
            }
        }
    })
}
