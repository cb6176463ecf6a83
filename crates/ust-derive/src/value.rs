//! `#[derive(Value)]`: an enumeration of an `enum` without data, fields of a `struct`'s fields.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::parse::ParseStream;
use syn::spanned::Spanned as _;
use syn::{Attribute, Data, DataEnum, DataStruct, DeriveInput, Error, Fields, Index, LitStr, Token, Type};

use crate::name;

pub(crate) fn expand(input: TokenStream) -> syn::Result<TokenStream> {
    let mut input: DeriveInput = syn::parse2(input)?;
    let options = Options::read(&input.attrs)?;
    let path = options.path.clone().unwrap_or_else(|| quote!(::rttng_ust));
    let body = match &input.data {
        Data::Enum(data) => enumeration(&path, &input, &options, data)?,
        Data::Struct(data) => structure(&path, data)?,
        Data::Union(data) => {
            return Err(Error::new(data.union_token.span, "nobody knows which field of a union is valid"));
        }
    };
    for parameter in input.generics.type_params_mut() {
        parameter.bounds.push(syn::parse2(quote!(#path::Value))?);
    }
    let name = &input.ident;
    let (parameters, arguments, conditions) = input.generics.split_for_impl();
    Ok(quote! {
        #[automatically_derived]
        impl #parameters #path::Value for #name #arguments #conditions {
            #body
        }
    })
}

/// `#[value(rename = "…", skip, crate = path)]`.
#[derive(Default)]
struct Options {
    rename: Option<LitStr>,
    skip: bool,
    path: Option<TokenStream>,
}

impl Options {
    fn read(attributes: &[Attribute]) -> syn::Result<Self> {
        let mut options = Options::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("value")) {
            attribute.parse_args_with(|input: ParseStream<'_>| {
                while !input.is_empty() {
                    if input.peek(Token![crate]) {
                        input.parse::<Token![crate]>()?;
                        input.parse::<Token![=]>()?;
                        let path: syn::Path = input.parse()?;
                        options.path = Some(quote!(#path));
                    } else {
                        let word: Ident = input.parse()?;
                        match word.to_string().as_str() {
                            "skip" => options.skip = true,
                            "rename" => {
                                input.parse::<Token![=]>()?;
                                options.rename = Some(input.parse()?);
                            }
                            _ => {
                                return Err(Error::new(
                                    word.span(),
                                    "here may be: rename = \"…\", skip, crate = PATH",
                                ));
                            }
                        }
                    }
                    if !input.is_empty() {
                        input.parse::<Token![,]>()?;
                    }
                }
                Ok(())
            })?;
        }
        Ok(options)
    }
}

/// The integer that holds the values: that of `#[repr]`, or as in C an `int`.
fn container(attributes: &[Attribute]) -> syn::Result<Ident> {
    const INTEGERS: [&str; 10] = ["u8", "u16", "u32", "u64", "usize", "i8", "i16", "i32", "i64", "isize"];
    let mut found = None;
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("repr")) {
        attribute.parse_nested_meta(|meta| {
            let Some(ident) = meta.path.get_ident() else { return Ok(()) };
            if INTEGERS.iter().any(|known| ident == known) {
                found = Some(ident.clone());
            } else if ident == "u128" || ident == "i128" {
                return Err(Error::new(ident.span(), "traces hold integers of up to 64 bits"));
            } else if meta.input.peek(syn::token::Paren) {
                // `align(8)` is not of interest.
                meta.input.parse::<proc_macro2::Group>()?;
            }
            Ok(())
        })?;
    }
    Ok(found.unwrap_or_else(|| format_ident!("i32")))
}

fn enumeration(
    path: &TokenStream,
    input: &DeriveInput,
    options: &Options,
    data: &DataEnum,
) -> syn::Result<TokenStream> {
    if data.variants.is_empty() {
        return Err(Error::new(input.ident.span(), "an enum without variants has no values to record"));
    }
    let mut labels = Vec::new();
    for variant in &data.variants {
        if !matches!(variant.fields, Fields::Unit) {
            return Err(Error::new_spanned(
                variant,
                "a variant with data is no value of an enumeration: record a struct, or several fields, instead",
            ));
        }
        let rename = Options::read(&variant.attrs)?.rename;
        let label = rename.map(|label| label.value()).unwrap_or_else(|| variant.ident.to_string());
        if label.is_empty() || label.len() > 255 || label.contains('\0') {
            return Err(Error::new(variant.span(), "a label has 1 to 255 bytes, none of them NUL"));
        }
        labels.push(label);
    }
    let variants: Vec<&Ident> = data.variants.iter().map(|variant| &variant.ident).collect();
    let shown = options.rename.as_ref().map(LitStr::value).unwrap_or_else(|| input.ident.to_string());
    let container = container(&input.attrs)?;
    let fit = variants.iter().map(|variant| {
        let fits = format!("{variant} does not fit in {container}: give the enum a #[repr] that holds it");
        quote_spanned! {variant.span()=>
            ::core::assert!(Self::#variant as #container as i128 == Self::#variant as i128, #fits);
        }
    });
    let value = quote! {
        match self {
            #(Self::#variants => Self::#variants as #container,)*
        }
    };
    Ok(quote! {
        const TYPE: #path::__private::FieldType = {
            #(#fit)*
            #path::__private::FieldType::Enumeration(&#path::__private::Enumeration {
                name: #shown,
                container: #path::__private::integer::<#container>(),
                entries: &[
                    #(#path::__private::EnumEntry::new(#labels, Self::#variants as i128)),*
                ],
            })
        };

        #[inline]
        fn measure(&self, size: &mut #path::__private::PayloadSize) {
            size.add_number(::core::mem::size_of::<#container>());
        }

        #[inline]
        fn write(&self, to: &mut #path::__private::SlotWriter<'_>) {
            let value: #container = #value;
            #path::Value::write(&value, to);
        }

        #[inline]
        fn view(&self, _leaf: u32) -> #path::__private::FieldView<'_> {
            let value: #container = #value;
            #path::__private::number(value)
        }
    })
}

fn structure(path: &TokenStream, data: &DataStruct) -> syn::Result<TokenStream> {
    let mut members: Vec<(String, TokenStream, &Type)> = Vec::new();
    for (index, field) in data.fields.iter().enumerate() {
        let options = Options::read(&field.attrs)?;
        if options.skip {
            continue;
        }
        let access = match &field.ident {
            Some(name) => quote!(#name),
            None => {
                let index = Index::from(index);
                quote!(#index)
            }
        };
        let shown = match (&options.rename, &field.ident) {
            (Some(name), _) => {
                let ident = name.parse::<Ident>().map_err(|_| {
                    Error::new(name.span(), "the name of a field is a C identifier: letters, digits, `_`")
                })?;
                name::check_field(&ident)?
            }
            (None, Some(name)) => name::check_field(name)?,
            (None, None) => index.to_string(),
        };
        members.push((shown, access, &field.ty));
    }
    // What wraps one value is that value.
    let wrapped = matches!(&data.fields, Fields::Unnamed(fields) if fields.unnamed.len() == 1);
    let described = match members.as_slice() {
        [(_, _, ty)] if wrapped => quote_spanned!(ty.span()=> <#ty as #path::Value>::TYPE),
        _ => {
            let fields = members
                .iter()
                .map(|(shown, _, ty)| quote_spanned!(ty.span()=> #path::__private::describe::<#ty>(#shown)));
            quote!(#path::__private::FieldType::Structure(&[#(#fields),*]))
        }
    };
    let accesses: Vec<&TokenStream> = members.iter().map(|(_, access, _)| access).collect();
    // As each member's type does it, and where that cannot, the complaint is at the type.
    let of: Vec<TokenStream> =
        members.iter().map(|(_, _, ty)| quote_spanned!(ty.span()=> <#ty as #path::Value>)).collect();
    Ok(quote! {
        const TYPE: #path::__private::FieldType = #described;

        #[inline]
        fn measure(&self, size: &mut #path::__private::PayloadSize) {
            #(#of::measure(&self.#accesses, size);)*
            let _ = size;
        }

        #[inline]
        fn write(&self, to: &mut #path::__private::SlotWriter<'_>) {
            #(#of::write(&self.#accesses, to);)*
            let _ = to;
        }

        #[inline]
        fn view(&self, leaf: u32) -> #path::__private::FieldView<'_> {
            let mut left = leaf;
            #(
                let leaves = #of::TYPE.leaf_count();
                if left < leaves {
                    return #of::view(&self.#accesses, left);
                }
                left -= leaves;
            )*
            let _ = left;
            #path::__private::FieldView::None
        }

        // Each member has a tag of its own.
        #[inline]
        fn measure_optional(
            value: ::core::option::Option<&Self>,
            size: &mut #path::__private::PayloadSize,
        ) {
            #(#of::measure_optional(value.map(|value| &value.#accesses), size);)*
            let _ = (value, size);
        }

        #[inline]
        fn write_optional(
            value: ::core::option::Option<&Self>,
            to: &mut #path::__private::SlotWriter<'_>,
        ) {
            #(#of::write_optional(value.map(|value| &value.#accesses), to);)*
            let _ = (value, to);
        }
    })
}
