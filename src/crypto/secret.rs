//! A secret of fixed length.

use std::fmt;

use zeroize::Zeroize as _;

use super::{Unavailable, equal, random};

/// `N` secret bytes: wiped on drop, redacted in `Debug`, compared in constant time, never cloned.
pub struct Secret<const N: usize>([u8; N]);

impl<const N: usize> Secret<N> {
    /// Takes bytes that are already secret. The caller's own copy, if any, is the caller's to wipe.
    pub fn new(bytes: [u8; N]) -> Self {
        Self(bytes)
    }

    /// Draws a new secret.
    pub fn random() -> Result<Self, Unavailable> {
        random().map(Self)
    }

    /// The bytes. Each call is a place to review: `grep expose`.
    pub fn expose(&self) -> &[u8; N] {
        &self.0
    }
}

impl<const N: usize> fmt::Debug for Secret<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret<{N}>(redacted)")
    }
}

impl<const N: usize> PartialEq for Secret<N> {
    fn eq(&self, other: &Self) -> bool {
        equal(&self.0, &other.0)
    }
}

impl<const N: usize> Eq for Secret<N> {}

impl<const N: usize> Drop for Secret<N> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Secret::new([7; 4])), "Secret<4>(redacted)");
    }

    #[test]
    fn equality_is_by_value() {
        assert_eq!(Secret::new([7; 4]), Secret::new([7; 4]));
        assert_ne!(Secret::<32>::random().unwrap(), Secret::random().unwrap());
    }
}
