//! The instructions of filter bytecode: numbers, names, operands, who may send them (`docs/spec/filter.md`, 5.3).

/// What follows the opcode byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperandForm {
    /// Nothing.
    None,
    /// 2 bytes.
    U16,
    /// 8 bytes.
    U64,
    /// 8 bytes, signed.
    I64,
    /// 8 bytes, IEEE 754.
    F64,
    /// Bytes up to and including a NUL.
    Text,
}

/// What a tracer does with an instruction that reaches it from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    /// LTTng's compiler emits it.
    Emitted,
    /// Never emitted, but taken where the operand types are right.
    Accepted,
    /// Never taken: unknown, or private to a tracer.
    Refused,
}

macro_rules! opcodes {
    ($($number:literal $name:ident $text:literal $form:ident $wire:ident;)*) => {
        /// An instruction of filter bytecode.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        #[allow(missing_docs, reason = "the name says it; meanings are in the specification's table")]
        pub enum Opcode { $($name = $number,)* }

        impl Opcode {
            /// The instruction of this number.
            pub fn from_byte(byte: u8) -> Option<Self> {
                match byte { $($number => Some(Self::$name),)* _ => None }
            }

            /// The name that the specification gives it.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// What follows the opcode byte.
            pub fn operand(self) -> OperandForm {
                match self { $(Self::$name => OperandForm::$form,)* }
            }

            /// Who may send it.
            pub fn wire(self) -> Wire {
                match self { $(Self::$name => Wire::$wire,)* }
            }
        }
    };
}

opcodes! {
    0 Unknown "UNKNOWN" None Refused;
    1 Return "RETURN" None Emitted;
    2 Mul "MUL" None Refused;
    3 Div "DIV" None Refused;
    4 Mod "MOD" None Refused;
    5 Plus "PLUS" None Refused;
    6 Minus "MINUS" None Refused;
    7 BitRshift "BIT_RSHIFT" None Emitted;
    8 BitLshift "BIT_LSHIFT" None Emitted;
    9 BitAnd "BIT_AND" None Emitted;
    10 BitOr "BIT_OR" None Emitted;
    11 BitXor "BIT_XOR" None Emitted;
    12 Eq "EQ" None Emitted;
    13 Ne "NE" None Emitted;
    14 Gt "GT" None Emitted;
    15 Lt "LT" None Emitted;
    16 Ge "GE" None Emitted;
    17 Le "LE" None Emitted;
    18 EqString "EQ_STRING" None Accepted;
    19 NeString "NE_STRING" None Accepted;
    20 GtString "GT_STRING" None Accepted;
    21 LtString "LT_STRING" None Accepted;
    22 GeString "GE_STRING" None Accepted;
    23 LeString "LE_STRING" None Accepted;
    24 EqS64 "EQ_S64" None Accepted;
    25 NeS64 "NE_S64" None Accepted;
    26 GtS64 "GT_S64" None Accepted;
    27 LtS64 "LT_S64" None Accepted;
    28 GeS64 "GE_S64" None Accepted;
    29 LeS64 "LE_S64" None Accepted;
    30 EqDouble "EQ_DOUBLE" None Accepted;
    31 NeDouble "NE_DOUBLE" None Accepted;
    32 GtDouble "GT_DOUBLE" None Accepted;
    33 LtDouble "LT_DOUBLE" None Accepted;
    34 GeDouble "GE_DOUBLE" None Accepted;
    35 LeDouble "LE_DOUBLE" None Accepted;
    36 EqDoubleS64 "EQ_DOUBLE_S64" None Accepted;
    37 NeDoubleS64 "NE_DOUBLE_S64" None Accepted;
    38 GtDoubleS64 "GT_DOUBLE_S64" None Accepted;
    39 LtDoubleS64 "LT_DOUBLE_S64" None Accepted;
    40 GeDoubleS64 "GE_DOUBLE_S64" None Accepted;
    41 LeDoubleS64 "LE_DOUBLE_S64" None Accepted;
    42 EqS64Double "EQ_S64_DOUBLE" None Accepted;
    43 NeS64Double "NE_S64_DOUBLE" None Accepted;
    44 GtS64Double "GT_S64_DOUBLE" None Accepted;
    45 LtS64Double "LT_S64_DOUBLE" None Accepted;
    46 GeS64Double "GE_S64_DOUBLE" None Accepted;
    47 LeS64Double "LE_S64_DOUBLE" None Accepted;
    48 UnaryPlus "UNARY_PLUS" None Accepted;
    49 UnaryMinus "UNARY_MINUS" None Emitted;
    50 UnaryNot "UNARY_NOT" None Emitted;
    51 UnaryPlusS64 "UNARY_PLUS_S64" None Accepted;
    52 UnaryMinusS64 "UNARY_MINUS_S64" None Accepted;
    53 UnaryNotS64 "UNARY_NOT_S64" None Accepted;
    54 UnaryPlusDouble "UNARY_PLUS_DOUBLE" None Accepted;
    55 UnaryMinusDouble "UNARY_MINUS_DOUBLE" None Accepted;
    56 UnaryNotDouble "UNARY_NOT_DOUBLE" None Accepted;
    57 And "AND" U16 Emitted;
    58 Or "OR" U16 Emitted;
    59 LoadFieldRef "LOAD_FIELD_REF" U16 Emitted;
    60 LoadFieldRefString "LOAD_FIELD_REF_STRING" U16 Refused;
    61 LoadFieldRefSequence "LOAD_FIELD_REF_SEQUENCE" U16 Refused;
    62 LoadFieldRefS64 "LOAD_FIELD_REF_S64" U16 Refused;
    63 LoadFieldRefDouble "LOAD_FIELD_REF_DOUBLE" U16 Refused;
    64 LoadString "LOAD_STRING" Text Emitted;
    65 LoadS64 "LOAD_S64" I64 Emitted;
    66 LoadDouble "LOAD_DOUBLE" F64 Emitted;
    67 CastToS64 "CAST_TO_S64" None Emitted;
    68 CastDoubleToS64 "CAST_DOUBLE_TO_S64" None Emitted;
    69 CastNop "CAST_NOP" None Accepted;
    70 GetContextRef "GET_CONTEXT_REF" U16 Emitted;
    71 GetContextRefString "GET_CONTEXT_REF_STRING" U16 Refused;
    72 GetContextRefS64 "GET_CONTEXT_REF_S64" U16 Refused;
    73 GetContextRefDouble "GET_CONTEXT_REF_DOUBLE" U16 Refused;
    74 LoadFieldRefUserString "LOAD_FIELD_REF_USER_STRING" U16 Refused;
    75 LoadFieldRefUserSequence "LOAD_FIELD_REF_USER_SEQUENCE" U16 Refused;
    76 LoadStarGlobString "LOAD_STAR_GLOB_STRING" Text Emitted;
    77 EqStarGlobString "EQ_STAR_GLOB_STRING" None Accepted;
    78 NeStarGlobString "NE_STAR_GLOB_STRING" None Accepted;
    79 GetContextRoot "GET_CONTEXT_ROOT" None Emitted;
    80 GetAppContextRoot "GET_APP_CONTEXT_ROOT" None Emitted;
    81 GetPayloadRoot "GET_PAYLOAD_ROOT" None Emitted;
    82 GetSymbol "GET_SYMBOL" U16 Emitted;
    83 GetSymbolField "GET_SYMBOL_FIELD" U16 Refused;
    84 GetIndexU16 "GET_INDEX_U16" U16 Accepted;
    85 GetIndexU64 "GET_INDEX_U64" U64 Emitted;
    86 LoadField "LOAD_FIELD" None Emitted;
    87 LoadFieldS8 "LOAD_FIELD_S8" None Refused;
    88 LoadFieldS16 "LOAD_FIELD_S16" None Refused;
    89 LoadFieldS32 "LOAD_FIELD_S32" None Refused;
    90 LoadFieldS64 "LOAD_FIELD_S64" None Refused;
    91 LoadFieldU8 "LOAD_FIELD_U8" None Refused;
    92 LoadFieldU16 "LOAD_FIELD_U16" None Refused;
    93 LoadFieldU32 "LOAD_FIELD_U32" None Refused;
    94 LoadFieldU64 "LOAD_FIELD_U64" None Refused;
    95 LoadFieldString "LOAD_FIELD_STRING" None Refused;
    96 LoadFieldSequence "LOAD_FIELD_SEQUENCE" None Refused;
    97 LoadFieldDouble "LOAD_FIELD_DOUBLE" None Refused;
    98 UnaryBitNot "UNARY_BIT_NOT" None Emitted;
    99 ReturnS64 "RETURN_S64" None Accepted;
}
