//! The algorithms and their names: one table, from which both directions come.

/// Writes the enum, its parser and its printer from one table. The first name is printed; every name is read.
macro_rules! algorithms {
    ($($(#[$doc:meta])+ $variant:ident: $name:literal $(| $other:literal)*;)+) => {
        /// What a key is for (RFC 7518, section 3.1 and 4.1; RFC 8037; RFC 9864).
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Algorithm {
            $($(#[$doc])+ $variant,)+
        }

        impl Algorithm {
            /// Every algorithm.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The name in `alg`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// The algorithm of this name, if it is one of ours.
            pub fn parse(name: &str) -> Option<Self> {
                match name {
                    $($name $(| $other)* => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

algorithms! {
    /// ECDSA on P-256 with SHA-256: signs.
    Es256: "ES256";
    /// Ed25519: signs. Printed under its older name, which more verifiers know.
    Ed25519: "EdDSA" | "Ed25519";
    /// One-use ECDH on P-256: receives encrypted tokens.
    EcdhEs: "ECDH-ES";
}

impl Algorithm {
    /// The key's use (RFC 7517, section 4.2).
    pub(super) const fn key_use(self) -> &'static str {
        match self {
            Self::Es256 | Self::Ed25519 => "sig",
            Self::EcdhEs => "enc",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_back() {
        for &algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::parse(algorithm.name()), Some(algorithm));
        }
        assert_eq!(Algorithm::parse("Ed25519"), Some(Algorithm::Ed25519));
        for other in ["none", "HS256", "RS256", "PS256", "ES384", "es256", ""] {
            assert_eq!(Algorithm::parse(other), None);
        }
    }
}
